"""The test vectors of docs/vectors, made and checked by the producer and the consumer in Python.

    vectors.py make DIRECTORY     writes the four files
    vectors.py check DIRECTORY    signs, canonicalises and verifies anew what is in them; prints what differs, exit 0 without a difference
"""

import base64
import json
import os
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vector_answers import canonical, canonical_json, signed_answers
from vector_consumer import VectorConsumer
from vector_parties import keys
from vector_requests import requests

FILES = {"keys.json": keys, "requests.json": requests, "canonical-json.json": canonical_json, "signed-answers.json": signed_answers}


def make(directory):
    for name, content in FILES.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            json.dump(content(), file, indent=1, ensure_ascii=True)
            file.write("\n")


def read(directory, name):
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return json.load(file)


def input_of(vector, name):
    return vector[name].encode() if name in vector else base64.b64decode(vector[name + "_base64"])


def differing_requests(directory):
    """A producer with these keys sends these bytes: each request that is let in is signed anew."""
    parties = read(directory, "keys.json")["parties"].values()
    seeds = {entry["public_key"]: bytes.fromhex(entry["private_key_seed"]) for entry in parties}
    document = read(directory, "requests.json")
    keys_of = {identity["name"]: identity["keys"] for identity in document["verifier"]["identities"]}
    for vector in document["vectors"]:
        headers = dict(vector["headers"])
        if vector["verdict"]["status"] >= 300 or "x-telemetry-signature" not in headers:
            continue
        kid = headers.get("x-telemetry-kid")
        meant = [seeds[key["publicKey"]] for key in keys_of[headers["x-service-identity"]] if kid in (None, key["kid"])]
        signed = f"{headers['x-telemetry-timestamp']}.{headers['x-telemetry-nonce']}.".encode() + input_of(vector, "body")
        signatures = [base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(signed)).decode() for seed in meant]
        if headers["x-telemetry-signature"] not in signatures:
            yield vector["title"]


def differing_canonical(directory):
    for vector in read(directory, "canonical-json.json")["vectors"]:
        if "canonical" in vector and canonical(input_of(vector, "input").decode()) != vector["canonical"]:
            yield vector["title"]


def differing_answers(directory):
    document = read(directory, "signed-answers.json")
    for vector in document["vectors"]:
        consumer = VectorConsumer(document["consumer"], document["now"])
        for earlier in vector.get("after", []):
            consumer.verdict(earlier)
        said = consumer.verdict(vector["body"])
        if said != vector["verdict"]:
            yield f"{vector['title']}: {said}"


def check(directory):
    found = [*differing_requests(directory), *differing_canonical(directory), *differing_answers(directory)]
    for title in found:
        print(title)
    return 1 if found else 0


if __name__ == "__main__":
    command, where = sys.argv[1:]
    sys.exit(make(where) if command == "make" else check(where))
