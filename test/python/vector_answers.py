"""Canonical JSON and signed answers of docs/vectors, written from docs/wire-contract.md alone."""

import base64
import json

from vector_parties import ATTESTATION, EXECUTION, NOW, OTHER_ATTESTATION, SIGNER, SIGNER_NEXT, SIGNER_RETIRED, STRANGER, A, B

CANONICAL = [
    ("keys in the order of their code points", '{"b": 1, "a": 2, "\u00e9": 3, "Z": 4}'),
    ("astral keys after those of the basic plane", '{"\U0001f600": 1, "\uffff": 2}'),
    ("keys that escapes hide", '{"\\u0062": 1, "a": 2}'),
    ("no white space", ' [ 1 , { "a" : null } , true , false ] '),
    ("short escapes and long ones", '"\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\\u0080\\"\\\\/"'),
    ("astral characters as pairs", '"\U0001f600"'),
    ("lone surrogates as they are", '"\\ud800 \\udc00"'),
    ("capital digits of escapes", '"\\u00E9\\u00AF"'),
    ("integers of any size", "[0, -0, 10, 123456789012345678901234567890, -1]"),
    ("floats as CPython prints them", "[1.0, -0.0, 0.1, 1e-7, 1E16, 1e5, 123456789.125, 1e22, 5e-324, 1.7976931348623157e308, 100000000000000000.0]"),
    ("a float that is an integer elsewhere", "[1e0, 1E+2, 0e5, 12.50]"),
    ("a text", '"a"'),
    ("empty containers", '[{}, [], ""]'),
    ("64 levels", "[" * 64 + "]" * 64),
    ("an integer of 4,300 digits", "1" * 4300),
]

REFUSED_JSON = [
    ("a member twice", '{"a": 1, "a": 1}', "duplicate_member"),
    ("a member twice, deep inside and by an escape", '[{"x": {"a": 1, "\\u0061": 2}}]', "duplicate_member"),
    ("NaN", "[NaN]", "not_json"),
    ("Infinity", "-Infinity", "not_json"),
    ("a float that overflows", "1e309", "float_overflow"),
    ("an integer of 4,301 digits", "1" * 4301, "integer_too_long"),
    ("a byte-order mark", "\ufeff[]", "byte_order_mark"),
    ("65 levels", "[" * 65 + "]" * 65, "too_deep"),
    ("a comma at the end", "[1,]", "not_json"),
    ("a leading zero", "01", "not_json"),
    ("a fraction without digits", "1.", "not_json"),
    ("two documents", "1 2", "not_json"),
    ("nothing", "", "not_json"),
    ("a control character in a text", '"a\nb"', "not_json"),
    ("bytes that are not UTF-8", b'"\xff"', "invalid_utf8"),
    ("overlong UTF-8", b'"\xc0\xaf"', "invalid_utf8"),
    ("a surrogate in UTF-8", b'"\xed\xa0\x80"', "invalid_utf8"),
]


def canonical(text):
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def canonical_json():
    def entry(title, text, **verdict):
        written = {"input": text} if isinstance(text, str) else {"input_base64": base64.b64encode(text).decode()}
        return {"title": title, **written, **verdict}

    return {
        "about": "Each input as text, or as base64 where it is no text; `canonical`, or why there is none.",
        "vectors": [entry(title, text, canonical=canonical(text)) for title, text in CANONICAL]
        + [entry(title, text, refused=reason) for title, text, reason in REFUSED_JSON],
    }


def adjustment(**changes):
    return {
        "tenant_id": A.tenant,
        "execution_fingerprint": EXECUTION,
        "target_urn": "urn:robot:1",
        "action": "tighten",
        "confidence": 0.82,
        "rationale": "8 nodes",
        "control": "require-approval",
        "ttl_seconds": 3600,
        "timestamp": NOW - 60,
        "schema_version": "feedback.adjustment.v1",
        "attestation_measurement_hash": ATTESTATION,
        **changes,
    }


def answer(data, tenant=A.tenant, key=SIGNER.key, **changes):
    """An envelope as it is delivered; `changes` are in what is signed. Texts are already canonical."""
    head = {
        "request_id": "request-1",
        "status": "accepted",
        "errors": [],
        "kid": "fb-2025-11",
        "signature_algorithm": "Ed25519",
        "signed_at": NOW,
        "nonce": "AAECAwQFBgcICQoLDA0ODxAR",
        "schema_version": "feedback.response.v1",
        **changes,
    }
    text = data if isinstance(data, str) else canonical(json.dumps(data))
    fields = [tenant, head["signed_at"], head["nonce"], head["schema_version"], head["kid"], text]
    signature = key.sign("|".join(str(field) for field in fields).encode())
    rest = canonical(json.dumps({**head, "signature": base64.b64encode(signature).decode()}))
    return '{"data":' + text + "," + rest[1:]


def rejected(code):
    return {"accepted": False, "code": code}



def accepted(applied, *dropped):
    """`dropped`: index, reason, and with `malformed` the member."""
    return {"accepted": True, "applied": applied, "dropped": [dict(zip(("index", "reason", "member"), each)) for each in dropped]}


def drop(*pairs):
    return [{"index": index, "reason": reason} for index, reason in pairs]


def without(name):
    one = adjustment()
    del one[name]
    return one


def adjustments():
    """Answers that are accepted, for what becomes of each adjustment."""
    one = adjustment()
    yield "hashes in capitals", answer(
        [adjustment(execution_fingerprint=EXECUTION.upper(), attestation_measurement_hash=ATTESTATION.upper())]
    ), accepted([0])
    yield "members at their bounds", answer(
        [
            adjustment(target_urn="urn:robot:1", ttl_seconds=60, timestamp=NOW - 59, confidence=0),
            adjustment(target_urn="urn:robot:2", ttl_seconds=86400, timestamp=NOW - 86399, confidence=1),
            adjustment(target_urn="u" * 2048, action="a" * 64, rationale="", control="", timestamp=NOW + 0.5),
            adjustment(target_urn="x", action="other-1_2.3", timestamp=NOW + 300),
        ]
    ), accepted([0, 1, 2, 3])
    yield "one from the future", answer([adjustment(timestamp=NOW + 301)]), accepted([], (0, "from_the_future"))
    old = {"signed_at": NOW - 300}
    yield "the future begins with the answer's own time", answer([adjustment(timestamp=NOW + 1)], **old), accepted([], (0, "from_the_future"))
    yield "another schema of an adjustment", answer([adjustment(schema_version="feedback.adjustment.v2")]), accepted([], (0, "other_schema"))
    wrong = [
        ("ttl_seconds", [59, 86401, 3600.0, "3600", True]),
        ("confidence", [1.01, -0.01, "0.5", None]),
        ("action", ["Deny", "", "a" * 65, 1]),
        ("target_urn", ["", "u" * 2049, "urn:\n", 1]),
        ("timestamp", ["1764000000", -1, 100000000000]),
        ("execution_fingerprint", ["e1" * 31, "g1" * 32, None]),
        ("attestation_measurement_hash", ["a1" * 33]),
        ("rationale", [None]),
        ("control", [1]),
        ("schema_version", [1]),
        ("tenant_id", [1]),
    ]
    for member, values in wrong:
        drops = [(index, "malformed", member) for index in range(len(values) + 1)]
        yield f"malformed by its {member}", answer([without(member)] + [adjustment(**{member: value}) for value in values]), accepted([], *drops)
    yield "what is no object", answer([7, None, [], "a", one]), accepted([4], *[(index, "malformed") for index in range(4)])
    yield "two faults at once: the reason is the first in the order of the contract", answer(
        [
            adjustment(tenant_id=B.tenant, schema_version="feedback.adjustment.v2", ttl_seconds=1),
            adjustment(schema_version="feedback.adjustment.v2", ttl_seconds=1),
            adjustment(ttl_seconds=1, confidence=2, timestamp="now"),
            adjustment(ttl_seconds=1, confidence=2, execution_fingerprint="e2" * 32),
            adjustment(execution_fingerprint="e2" * 32, attestation_measurement_hash=OTHER_ATTESTATION),
            adjustment(attestation_measurement_hash=OTHER_ATTESTATION, timestamp=NOW + 301),
            adjustment(timestamp=NOW - 3600),
            one,
        ]
    ), accepted(
        [7],
        (0, "other_tenant"),
        (1, "other_schema"),
        (2, "malformed", "timestamp"),
        (3, "malformed", "ttl_seconds"),
        (4, "other_execution"),
        (5, "other_attestation"),
        (6, "superseded"),
    )
    yield "an ended last word does not revive what it replaced", answer([one, adjustment(timestamp=NOW - 3600)]), accepted(
        [], (0, "superseded"), (1, "ended")
    )
    yield "a last one that is dropped replaces nothing", answer([one, adjustment(ttl_seconds=1), adjustment(timestamp=NOW + 301)]), accepted(
        [0], (1, "malformed", "ttl_seconds"), (2, "from_the_future")
    )


def keys_in_time():
    one = adjustment()
    yield "a key in the first second after its end", answer([one], key=SIGNER_RETIRED.key, kid="fb-2025-10"), rejected("kid_retired")
    yield "a key that has ended, with a time before its end", answer([one], key=SIGNER_RETIRED.key, kid="fb-2025-10", signed_at=NOW - 60), rejected(
        "kid_retired"
    )
    yield "a key that has not begun", answer([one], key=SIGNER_NEXT.key, kid="fb-2025-12", signed_at=NOW + 59), rejected("kid_not_yet_valid")
    yield "a key that has begun by the signer's clock", answer([one], key=SIGNER_NEXT.key, kid="fb-2025-12", signed_at=NOW + 60), accepted([0])


def two_faults():
    """Of the answer itself: the verdict is the first check that fails."""
    one = adjustment()
    other = {"schema_version": "feedback.response.v2"}
    yield "two faults at once: no such kid, another algorithm", answer([one], kid="fb-2024-01", signature_algorithm="none"), rejected("unknown_kid")
    ended = answer([one], key=STRANGER.key, kid="fb-2025-10", signature_algorithm="none")
    yield "two faults at once: an ended key, another algorithm", ended, rejected("kid_retired")
    yield "two faults at once: another algorithm, a stranger's key", answer([one], key=STRANGER.key, signature_algorithm="none"), rejected(
        "other_algorithm"
    )
    yield "two faults at once: a stranger's key, another schema", answer([one], key=STRANGER.key, **other), rejected("bad_signature")
    yield "two faults at once: another schema, too old", answer([one], signed_at=NOW - 301, **other), rejected("other_schema")


def after_others():
    """Each with the answers that the same consumer got before it."""
    one = adjustment()
    good = answer([one])
    nonce = {"nonce": "another-nonce-0123456789"}
    yield "the same answer again", [good], good, rejected("replayed")
    yield "another answer under the same nonce", [good], answer([]), rejected("replayed")
    yield "the same adjustments under another nonce", [good], answer([one], **nonce), accepted([0])
    yield "a nonce that only a forged answer has shown", [answer([one], key=STRANGER.key)], good, accepted([0])
    yield "a nonce that only an old answer has shown", [answer([one], signed_at=NOW - 301)], good, accepted([0])
    yield "two faults at once: too old, and its nonce was seen", [good], answer([one], signed_at=NOW - 301), rejected("stale")


def answers():
    one = adjustment()
    good = answer([one])
    yield "one adjustment", good, {"accepted": True, "applied": [0], "dropped": []}
    yield "no adjustment", answer([]), {"accepted": True, "applied": [], "dropped": []}
    yield "floats and characters of every kind", answer(
        [adjustment(confidence=1.0, rationale="prüfung \U0001f600", more=[1e-7, 1e16, 123456789012345678901234567890])]
    ), {"accepted": True, "applied": [0], "dropped": []}
    yield "white space and another order in the delivered text", json.dumps(json.loads(good), indent=1), {"accepted": True, "applied": [0], "dropped": []}
    yield "the last of two for one target", answer([one, adjustment(action="observe")]), {
        "accepted": True,
        "applied": [1],
        "dropped": drop((0, "superseded")),
    }
    yield "what concerns others", answer(
        [
            adjustment(tenant_id=B.tenant, target_urn="urn:robot:2"),
            adjustment(execution_fingerprint="e2" * 32, target_urn="urn:robot:3"),
            adjustment(attestation_measurement_hash=OTHER_ATTESTATION, target_urn="urn:robot:4"),
            adjustment(timestamp=NOW - 3600, target_urn="urn:robot:5"),
            one,
        ]
    ), {
        "accepted": True,
        "applied": [4],
        "dropped": drop((0, "other_tenant"), (1, "other_execution"), (2, "other_attestation"), (3, "ended")),
    }
    yield "the oldest that is taken", answer([one], signed_at=NOW - 300), {"accepted": True, "applied": [0], "dropped": []}
    yield "tampered with", good.replace("tighten", "observe"), rejected("bad_signature")
    yield "a float printed in another way", answer('[{"a":1.0}]').replace("1.0", "1"), rejected("bad_signature")
    yield "signed for another tenant", answer([one], tenant=B.tenant), rejected("bad_signature")
    yield "signed by a stranger", answer([one], key=STRANGER.key), rejected("bad_signature")
    yield "a kid that nobody has", answer([one], kid="fb-2024-01"), rejected("unknown_kid")
    yield "another algorithm", good.replace('"Ed25519"', '"none"'), rejected("other_algorithm")
    yield "another schema", answer([one], schema_version="feedback.response.v2"), rejected("other_schema")
    yield "too old", answer([one], signed_at=NOW - 301), rejected("stale")
    yield "too far ahead", answer([one], signed_at=NOW + 301), rejected("stale")
    yield "not signed at all", '{"data":[]}', rejected("malformed_envelope")
    yield "a number of the wrong kind", good.replace(f'"signed_at":{NOW}', f'"signed_at":{NOW}.0'), rejected("malformed_envelope")
    yield "no JSON", good[:-1], rejected("malformed_json")
    yield from keys_in_time()
    yield from two_faults()
    yield from adjustments()


def signed_answers():
    return {
        "about": "See README.md. Each answer stands for itself: the consumer has seen no nonce but those that `after` shows.",
        "now": NOW,
        "consumer": {
            "tenant": A.tenant,
            "keyring": {
                "fb-2025-11": SIGNER.public_key(),
                "fb-2025-10": {"publicKey": SIGNER_RETIRED.public_key(), "notAfter": "2025-11-24T16:00:00Z"},
                "fb-2025-12": {"publicKey": SIGNER_NEXT.public_key(), "notBefore": "2025-11-24T16:01:00Z"},
            },
            "execution_fingerprints": [EXECUTION],
            "attestation_measurement_hashes": [ATTESTATION],
        },
        "vectors": [{"title": title, "body": body, "verdict": verdict} for title, body, verdict in answers()]
        + [{"title": title, "after": before, "body": body, "verdict": verdict} for title, before, body, verdict in after_others()],
    }
