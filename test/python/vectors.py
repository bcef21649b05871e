"""The test vectors of docs/vectors, made and checked by the producer and the consumer in Python.

    vectors.py make DIRECTORY     writes the four files
    vectors.py check DIRECTORY    signs, canonicalises and verifies anew what is in them; prints what differs, exit 0 without a difference
"""

import base64
import json
import os
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import consumer
from vector_answers import canonical, canonical_json, signed_answers
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
    seeds = {name: bytes.fromhex(entry["private_key_seed"]) for name, entry in read(directory, "keys.json")["parties"].items()}
    for vector in read(directory, "requests.json")["vectors"]:
        headers = dict(vector["headers"])
        if vector["verdict"]["status"] >= 300 or "x-telemetry-signature" not in headers:
            continue
        key = Ed25519PrivateKey.from_private_bytes(seeds[headers["x-service-identity"]])
        signed = f"{headers['x-telemetry-timestamp']}.{headers['x-telemetry-nonce']}.".encode() + input_of(vector, "body")
        if base64.b64encode(key.sign(signed)).decode() != headers["x-telemetry-signature"]:
            yield vector["title"]


def differing_canonical(directory):
    for vector in read(directory, "canonical-json.json")["vectors"]:
        if "canonical" in vector and canonical(input_of(vector, "input").decode()) != vector["canonical"]:
            yield vector["title"]


CONSUMER_SAYS = {
    "unknown_kid": "unknown_kid",
    "algorithm": "other_algorithm",
    "signature": "bad_signature",
    "schema_version": "other_schema",
    "age": "stale",
    "not_json": "malformed_json",
    "not_an_envelope": "malformed_envelope",
}


def differing_answers(directory):
    document = read(directory, "signed-answers.json")
    who = document["consumer"]
    keyring = {kid: consumer.public_key(key) for kid, key in who["keyring"].items()}
    for vector in document["vectors"]:
        task = {
            "body": base64.b64encode(vector["body"].encode()).decode(),
            "now": document["now"],
            "execution_fingerprints": who["execution_fingerprints"],
            "attestation_measurement_hashes": who["attestation_measurement_hashes"],
        }
        said = consumer.Consumer(keyring, who["tenant"]).judge(task)
        verdict = vector["verdict"]
        if said["accepted"] != verdict["accepted"] or CONSUMER_SAYS.get(said.get("reason")) != verdict.get("code"):
            yield f"{vector['title']}: {said}"


def check(directory):
    found = [*differing_requests(directory), *differing_canonical(directory), *differing_answers(directory)]
    for title in found:
        print(title)
    return 1 if found else 0


if __name__ == "__main__":
    command, where = sys.argv[1:]
    sys.exit(make(where) if command == "make" else check(where))
