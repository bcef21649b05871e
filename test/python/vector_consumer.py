"""The whole verdict on an answer of docs/vectors, written from docs/wire-contract.md#a-signed-answer and docs/feedback.md alone.

`consumer.py` verifies; here are the spans of keys, and what becomes of each adjustment.
"""

import datetime
import re

from consumer import Consumer, Rejected, public_key

CODES = {
    "algorithm": "other_algorithm",
    "signature": "bad_signature",
    "schema_version": "other_schema",
    "age": "stale",
    "not_json": "malformed_json",
    "not_an_envelope": "malformed_envelope",
}


def is_number(value, most):
    return type(value) in (int, float) and 0 <= value <= most


def is_text(value, pattern):
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def is_hash(value):
    return is_text(value, "[0-9a-fA-F]{64}")


MEMBERS = [
    ("timestamp", lambda value: is_number(value, 99_999_999_999)),
    ("ttl_seconds", lambda value: type(value) is int and 60 <= value <= 86_400),
    ("execution_fingerprint", is_hash),
    ("attestation_measurement_hash", is_hash),
    ("target_urn", lambda value: is_text(value, r"[^\x00-\x1f\x7f-\x9f]{1,2048}")),
    ("action", lambda value: is_text(value, "[a-z][a-z0-9_.-]{0,63}")),
    ("confidence", lambda value: is_number(value, 1)),
    ("rationale", lambda value: is_text(value, ".*")),
    ("control", lambda value: is_text(value, ".*")),
    ("schema_version", lambda value: is_text(value, ".*")),
]


def seconds(moment):
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


class VectorConsumer(Consumer):
    def __init__(self, knows, now):
        entries = {kid: entry if isinstance(entry, dict) else {"publicKey": entry} for kid, entry in knows["keyring"].items()}
        super().__init__({kid: public_key(entry["publicKey"]) for kid, entry in entries.items()}, knows["tenant"])
        self.entries, self.now = entries, now
        self.executions = {text.lower() for text in knows["execution_fingerprints"]}
        self.attestations = {text.lower() for text in knows["attestation_measurement_hashes"]}

    def key_of(self, answer, now):
        key = super().key_of(answer, now)
        entry = self.entries[answer["kid"]]
        if "notAfter" in entry and now >= seconds(entry["notAfter"]):
            raise Rejected("kid_retired")
        if "notBefore" in entry and max(now, answer["signed_at"]) < seconds(entry["notBefore"]):
            raise Rejected("kid_not_yet_valid")
        self.signed_at = answer["signed_at"]
        return key

    def verdict(self, text):
        try:
            data = self.verify(text.encode(), self.now)
        except Rejected as rejected:
            return {"accepted": False, "code": CODES.get(str(rejected), str(rejected))}
        faults = [self.fault(adjustment) for adjustment in data]
        last = {adjustment["target_urn"]: index for index, adjustment in enumerate(data) if faults[index] is None}
        for index, adjustment in enumerate(data):
            if faults[index] is None and last[adjustment["target_urn"]] != index:
                faults[index] = {"reason": "superseded"}
            elif faults[index] is None and adjustment["timestamp"] + adjustment["ttl_seconds"] <= self.now:
                faults[index] = {"reason": "ended"}
        return {
            "accepted": True,
            "applied": [index for index, fault in enumerate(faults) if fault is None],
            "dropped": [{"index": index, **fault} for index, fault in enumerate(faults) if fault is not None],
        }

    def fault(self, adjustment):
        """Why it is dropped, whatever the other ones are."""
        if not isinstance(adjustment, dict):
            return {"reason": "malformed"}
        if not isinstance(adjustment.get("tenant_id"), str):
            return {"reason": "malformed", "member": "tenant_id"}
        if adjustment["tenant_id"] != self.tenant:
            return {"reason": "other_tenant"}
        if adjustment.get("schema_version", "") != "feedback.adjustment.v1" and isinstance(adjustment.get("schema_version"), str):
            return {"reason": "other_schema"}
        for member, is_good in MEMBERS:
            if not is_good(adjustment.get(member)):
                return {"reason": "malformed", "member": member}
        if adjustment["execution_fingerprint"].lower() not in self.executions:
            return {"reason": "other_execution"}
        if adjustment["attestation_measurement_hash"].lower() not in self.attestations:
            return {"reason": "other_attestation"}
        if adjustment["timestamp"] > self.signed_at + 300:
            return {"reason": "from_the_future"}
        return None
