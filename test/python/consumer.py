"""A consumer in Python, written from docs/wire-contract.md#a-signed-answer alone: the standard library and `cryptography`.

    consumer.py KEYRING TENANT < tasks

KEYRING is a JSON file: kid -> base64 of 32 bytes, or the path of a PEM public key. TENANT is the consumer's own.
Each line of the standard input is a task:
    {"body": base64 of the delivered bytes, "now": Unix seconds (default: the clock),
     "execution_fingerprints": [...], "attestation_measurement_hashes": [...],
     "upstream": base64 of what the upstream had answered (optional)}
and each line of the standard output is its verdict:
    {"accepted": true, "applied": [indices], "dropped": [[index, reason], ...], "policy": {target: input},
     "unchanged": whether the adjustments are those of "upstream", to the last digit}
    {"accepted": false, "reason": code}
"""

import base64
import binascii
import json
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

SCHEMA_VERSION = "feedback.response.v1"
ALGORITHM = "Ed25519"
MAX_AGE_SECONDS = 300


class Rejected(Exception):
    """The answer is not to be believed; the message is the reason's code."""


def public_key(value):
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(value, validate=True))
    except (ValueError, binascii.Error):
        with open(value, "rb") as file:
            return load_pem_public_key(file.read())


def read_keyring(path):
    with open(path, encoding="utf-8") as file:
        return {kid: public_key(value) for kid, value in json.load(file).items()}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def parse(body):
    try:
        answer = json.loads(body.decode("utf-8"))
    except ValueError:
        raise Rejected("not_json")
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise Rejected("not_an_envelope")
    texts = [answer.get(name) for name in ("nonce", "schema_version", "kid", "signature", "signature_algorithm")]
    if not all(isinstance(text, str) for text in texts) or type(answer.get("signed_at")) is not int:
        raise Rejected("not_an_envelope")
    return answer


def signing_input(answer, tenant):
    """`tenant_id|signed_at|nonce|schema_version|kid|canonical(data)`"""
    fields = [tenant, str(answer["signed_at"]), answer["nonce"], answer["schema_version"], answer["kid"]]
    if any(character == "|" or ord(character) < 0x20 or ord(character) == 0x7F for character in "".join(fields)):
        raise Rejected("not_signable")
    try:
        return "|".join([*fields, canonical(answer["data"])]).encode("utf-8")
    except UnicodeEncodeError:
        raise Rejected("not_signable")


class Consumer:
    def __init__(self, keyring, tenant):
        self.keyring = keyring
        self.tenant = tenant
        self.seen = set()

    def key_of(self, answer, now):
        key = self.keyring.get(answer["kid"])
        if key is None:
            raise Rejected("unknown_kid")
        return key

    def verify(self, body, now):
        """The adjustments of an answer that is genuine, ours, of now, and new."""
        answer = parse(body)
        key = self.key_of(answer, now)
        if answer["signature_algorithm"] != ALGORITHM:
            raise Rejected("algorithm")
        try:
            signature = base64.b64decode(answer["signature"], validate=True)
            key.verify(signature, signing_input(answer, self.tenant))
        except (InvalidSignature, binascii.Error):
            raise Rejected("signature")
        if answer["schema_version"] != SCHEMA_VERSION:
            raise Rejected("schema_version")
        if abs(now - answer["signed_at"]) > MAX_AGE_SECONDS:
            raise Rejected("age")
        if answer["nonce"] in self.seen:
            raise Rejected("replayed")
        self.seen.add(answer["nonce"])
        return answer["data"]

    def reason_to_drop(self, adjustment, executions, attestations):
        if not isinstance(adjustment, dict):
            return "shape"
        if adjustment.get("tenant_id") != self.tenant:
            return "tenant"
        if str(adjustment.get("execution_fingerprint")).lower() not in executions:
            return "execution"
        if str(adjustment.get("attestation_measurement_hash")).lower() not in attestations:
            return "attestation"
        return None

    def judge(self, task):
        now = task.get("now", int(time.time()))
        try:
            data = self.verify(base64.b64decode(task["body"]), now)
        except Rejected as rejected:
            return {"accepted": False, "reason": str(rejected)}
        executions = {text.lower() for text in task.get("execution_fingerprints", [])}
        attestations = {text.lower() for text in task.get("attestation_measurement_hashes", [])}
        reasons = [self.reason_to_drop(adjustment, executions, attestations) for adjustment in data]
        applied = [index for index, reason in enumerate(reasons) if reason is None]
        verdict = {
            "accepted": True,
            "applied": applied,
            "dropped": [[index, reason] for index, reason in enumerate(reasons) if reason is not None],
            "policy": {str(data[index].get("target_urn")): policy_input(data[index]) for index in applied},
        }
        if "upstream" in task:
            upstream = json.loads(base64.b64decode(task["upstream"]))
            adjustments = upstream if isinstance(upstream, list) else upstream["data"]
            verdict["unchanged"] = canonical(adjustments) == canonical(data)
        return verdict


def policy_input(adjustment):
    names = ["action", "confidence", "control", "rationale", "ttl_seconds", "attestation_measurement_hash"]
    return {"feedback_bound": True, **{f"feedback_{name}": adjustment.get(name) for name in names}}


def main(keyring_file, tenant):
    consumer = Consumer(read_keyring(keyring_file), tenant)
    for line in sys.stdin:
        print(json.dumps(consumer.judge(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
