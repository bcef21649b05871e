"""The requests of docs/vectors/requests.json: each a good one with one thing changed, and its verdict beside it.

Written from docs/wire-contract.md alone.
"""

import base64
import copy
import json

from vector_parties import ATTESTATION, B_NEXT, EXECUTION, NOW, OTHER_ATTESTATION, A, B

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
TELEMETRY = "/internal/v1/telemetry"
GRAPH = "/internal/v1/cognitive/execution-graph"
QUERY = "/internal/v1/cognitive/feedback/adjustments/query"
BUNDLE = "/internal/v1/federation/verify"


def verifier():
    """What the verifier knows, in the words of its configuration file (docs/configuration.md)."""

    def identity(party, **further):
        keys = {"default": party, **further}
        return {
            "name": party.name,
            "certificates": [{"sha256": party.fingerprint}],
            "keys": [{"kid": kid, "publicKey": key.public_key(), "purposes": ["request", "bundle"]} for kid, key in keys.items()],
            "operators": [party.operator],
            "attestations": [ATTESTATION],
        }

    return {
        "version": 1,
        "listen": {"socket": "verifier.sock"},
        "audit": {"stdout": True},
        "nonces": {"store": "memory"},
        "freshness": {"pastSkewSeconds": 30, "futureSkewSeconds": 30},
        "operators": {A.operator: A.tenant, B.operator: B.tenant},
        "identities": [identity(A), identity(B, next=B_NEXT)],
        "policies": [
            {"name": "telemetry", "profile": "federation.telemetry", "schemaVersions": ["telemetry.v1"]},
            {"name": "graph", "profile": "federation.execution-graph"},
            {"name": "feedback", "profile": "federation.feedback-query", "answer": {"signed": False}},
            {"name": "bundle", "profile": "federation.verify"},
            {
                "name": "portal",
                "match": {"methods": ["GET"], "pathPrefix": "/portal/"},
                "passThrough": {"reason": "pages with a login of their own"},
            },
        ],
    }


class Request:
    """A request of `party` that is right in everything, with its parts open to change before it is written."""

    def __init__(self, path, make_body, party=A, timestamp=NOW, nonce="nonce-0123456789", kid=None):
        self.party, self.path, self.method, self.over = party, path, "POST", party.name
        self.timestamp, self.nonce, self.signing_key = str(timestamp), nonce, party.key
        body = make_body(party, timestamp, nonce)
        self.body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.signed_body = None
        self.headers = [
            ["content-type", "application/json"],
            ["x-service-identity", party.name],
            ["x-client-cert-sha256", party.fingerprint],
        ]
        self.proof = path != BUNDLE
        self.kid = kid

    def set(self, name, *values):
        self.headers = [header for header in self.headers if header[0] != name] + [[name, value] for value in values]
        return self

    def seal(self):
        """Adds the proof, unless it is there or does not belong there."""
        if not self.proof:
            return self
        self.proof = False
        body = self.body if self.signed_body is None else self.signed_body
        signature = self.signing_key.sign(f"{self.timestamp}.{self.nonce}.".encode() + body)
        self.headers += [
            ["x-telemetry-timestamp", self.timestamp],
            ["x-telemetry-nonce", self.nonce],
            ["x-telemetry-signature", base64.b64encode(signature).decode()],
        ]
        if self.kid is not None:
            self.headers.append(["x-telemetry-kid", self.kid])
        return self

    def written(self):
        self.seal()
        try:
            body = {"body": self.body.decode()}
        except UnicodeDecodeError:
            body = {"body_base64": base64.b64encode(self.body).decode()}
        return {"over": self.over, "method": self.method, "path": self.path, "headers": self.headers, **body}


def telemetry(party, timestamp, nonce):
    return {
        "operator_id": party.operator,
        "campaign_id": "campaign-1",
        "tenant_id": party.tenant,
        "execution_hash": EXECUTION,
        "timestamp": timestamp,
        "nonce": nonce,
        "signed_metadata": {
            "tenant_id": party.tenant,
            "operator_id": party.operator,
            "campaign_id": "campaign-1",
        },
        "payload": {
            "event": "scan",
            "attributes": {"schema_version": "telemetry.v1", "attestation_measurement_hash": ATTESTATION},
        },
    }


def graph(party, timestamp, nonce):
    return {
        "operator_id": party.operator,
        "tenant_id": party.tenant,
        "execution_fingerprint": EXECUTION,
        "timestamp": timestamp,
        "nonce": nonce,
        "schema_version": "execution.graph.v1",
        "attestation_measurement_hash": ATTESTATION,
        "graph": {"target_urn": "urn:robot:1", "nodes": [{"id": "n1"}]},
    }


def query(party, timestamp, nonce):
    return {
        "operator_id": party.operator,
        "tenant_id": party.tenant,
        "timestamp": timestamp,
        "nonce": nonce,
    }


def bundle(party, timestamp, nonce, **changes):
    fields = {
        "operator_id": party.operator,
        "campaign_id": "campaign-1",
        "execution_hash": EXECUTION,
        "timestamp": 1_700_000_000,
        "nonce": "bundle-nonce-1",
        **changes,
    }
    signature = party.key.sign("|".join(str(value) for value in fields.values()).encode())
    return {"bundle": {**fields, "signature": base64.b64encode(signature).decode()}}


def changed(make, **changes):
    """The body with top-level members replaced or added."""
    return lambda party, timestamp, nonce: {**make(party, timestamp, nonce), **changes}


def edited(make, old, new):
    """The body's text, with a piece of it replaced."""
    old, new = (text if isinstance(text, bytes) else text.encode() for text in (old, new))

    def body(party, timestamp, nonce):
        text = json.dumps(make(party, timestamp, nonce), ensure_ascii=False).encode()
        assert text.count(old) == 1, (old, text)
        return text.replace(old, new)

    return body


def without(make, *path):
    def body(party, timestamp, nonce):
        document = copy.deepcopy(make(party, timestamp, nonce))
        within = document
        for name in path[:-1]:
            within = within[name]
        del within[path[-1]]
        return document

    return body


ALLOWED = {"status": 200, "reason": "allow"}


def refused(status, code, reason, **details):
    return {"status": status, "code": code, "reason": reason, **details}


def opaque(reason):
    return refused(401, "unauthenticated", reason)


def unreadable(problem, **details):
    return refused(422, "invalid_json", "body_not_json", problem=problem, **details)


def invalid(problem, pointer, reason="body_contract", code="invalid_body"):
    return refused(422, code, reason, problem=problem, pointer=pointer)


def attestation(problem, pointer):
    return invalid(problem, pointer, "attestation_malformed", "invalid_attestation")


def repeats(code, reason, pointer):
    return refused(401, code, reason, problem="mismatch", pointer=pointer)


def operator(reason, problem, pointer):
    return refused(403, "operator_not_permitted", reason, problem=problem, pointer=pointer)


def accepted_requests():
    yield "telemetry", Request(TELEMETRY, telemetry), ALLOWED
    yield "telemetry of another producer", Request(TELEMETRY, telemetry, B), ALLOWED
    yield "an execution graph", Request(GRAPH, graph), ALLOWED
    yield "a feedback query", Request(QUERY, changed(query, limit=10)), ALLOWED
    yield "a feedback query without a limit", Request(QUERY, query), ALLOWED
    yield "a bundle of two years ago, without proof headers", Request(BUNDLE, bundle), ALLOWED
    yield "a key that is named", Request(TELEMETRY, telemetry, kid="default"), ALLOWED
    yield "the second key of an identity, named", by_next("next"), ALLOWED
    yield "the second key of an identity, not named: all of them are tried", by_next(None), ALLOWED
    yield "the first key of an identity that has two, named", Request(TELEMETRY, telemetry, B, kid="default"), ALLOWED
    yield "no claim of a certificate", Request(TELEMETRY, telemetry).set("x-client-cert-sha256"), ALLOWED
    colons = ":".join(A.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    yield "a claim in capitals and with colons", Request(TELEMETRY, telemetry).set("x-client-cert-sha256", colons), ALLOWED
    yield "a body of Unicode and of floats", Request(
        TELEMETRY, edited(telemetry, '"scan"', '"prüfung 😀", "score": 1e-7, "more": [1.0, -0.0, 123456789012345678901234567890]')
    ), ALLOWED
    yield "half of a character, as an escape", Request(TELEMETRY, edited(telemetry, '"scan"', '"\\ud83d"')), ALLOWED
    yield "white space and any order of members", Request(TELEMETRY, edited(telemetry, '{"operator_id"', '\n {\t"operator_id"')), ALLOWED
    yield "hashes in capitals", Request(GRAPH, changed(graph, attestation_measurement_hash=ATTESTATION.upper())), ALLOWED
    yield "the oldest second of the window", Request(TELEMETRY, telemetry, timestamp=NOW - 30), ALLOWED
    yield "the last second of the window", Request(TELEMETRY, telemetry, timestamp=NOW + 30), ALLOWED
    yield "a nonce of 8 characters", Request(TELEMETRY, telemetry, nonce="abcDEF-_"), ALLOWED
    yield "a nonce of 128 characters", Request(TELEMETRY, telemetry, nonce="n" * 128), ALLOWED
    for written in ["application/json;charset=utf-8", 'Application/JSON; Charset="UTF-8"']:
        yield f"media type {written}", Request(TELEMETRY, telemetry).set("content-type", written), ALLOWED
    yield "content-encoding identity", Request(TELEMETRY, telemetry).set("content-encoding", "identity"), ALLOWED
    page = Request("/portal/page", lambda *_: b"")
    page.method, page.proof, page.headers, page.over = "GET", False, [], "stranger"
    yield "a page that is passed through, over a certificate that is pinned to nobody", page, {"status": 200, "reason": "pass_through"}


def sent_over(name):
    request = Request(TELEMETRY, telemetry).set("x-client-cert-sha256")
    request.over = name
    return request


def signed_by(party):
    request = Request(TELEMETRY, telemetry)
    request.signing_key = party.key
    return request


def by_next(kid):
    """Producer B, by its second key."""
    request = Request(TELEMETRY, telemetry, B, kid=kid)
    request.signing_key = B_NEXT.key
    return request


def resigned(change):
    """A good request whose signature header is written in another way."""
    request = Request(TELEMETRY, telemetry).seal()
    text = dict(request.headers)["x-telemetry-signature"]
    return request.set("x-telemetry-signature", change(text))


def loosened(text):
    """The same 64 bytes: the bits that padding leaves over are not zero."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:85] + digits[digits.index(text[85]) + 1] + "=="


def with_larger_s(text):
    signature = base64.b64decode(text)
    s = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    return base64.b64encode(signature[:32] + s.to_bytes(32, "little")).decode()


def with_zero_key(_):
    """R and S of the identity: a signature of small order that cofactored verifiers take for some keys."""
    return base64.b64encode(bytes([1]) + bytes(63)).decode()


def header_requests():
    yield "no client certificate", sent_over(None), opaque("certificate_missing")
    yield "over a certificate that is pinned to nobody", sent_over("stranger"), opaque("pin_mismatch")
    yield "over the certificate of another producer", sent_over("producer-b"), opaque("pin_mismatch")
    yield "an identity that nobody has", Request(TELEMETRY, telemetry).set("x-service-identity", "producer-z"), opaque("identity_unknown")
    claim = Request(TELEMETRY, telemetry).set("x-client-cert-sha256", B.fingerprint)
    yield "a claim of another certificate", claim, opaque("certificate_claim_mismatch")
    for name in ["x-service-identity", "x-telemetry-timestamp", "x-telemetry-nonce", "x-telemetry-signature"]:
        yield f"without {name}", Request(TELEMETRY, telemetry).seal().set(name), opaque("header_missing")
        request = Request(TELEMETRY, telemetry).seal()
        value = dict(request.headers)[name]
        yield f"{name} twice", request.set(name, value, value), opaque("header_duplicate")
    for title, nonce in [("a dot", "nonce.0123456789"), ("7 characters", "1234567"), ("129 characters", "n" * 129), ("a space", "nonce 0123")]:
        yield f"a nonce with {title}", Request(TELEMETRY, telemetry, nonce=nonce), opaque("header_malformed")
    for title, timestamp in [("a leading zero", "01764000000"), ("milliseconds", f"{NOW}000"), ("a fraction", f"{NOW}.0"), ("a sign", f"+{NOW}")]:
        request = Request(TELEMETRY, telemetry)
        request.timestamp = timestamp
        yield f"a timestamp with {title}", request, opaque("header_malformed")
    yield "one second older than the window", Request(TELEMETRY, telemetry, timestamp=NOW - 31), opaque("timestamp_outside_window")
    yield "one second ahead of the window", Request(TELEMETRY, telemetry, timestamp=NOW + 31), opaque("timestamp_outside_window")
    yield "a kid that the identity does not have", Request(TELEMETRY, telemetry, kid="other"), opaque("key_unknown")
    yield "the kid of the identity's other key", by_next("default"), opaque("signature_invalid")
    yield "the key of another producer", signed_by(B), opaque("signature_invalid")
    tampered = Request(TELEMETRY, telemetry).seal()
    tampered.body = tampered.body.replace(b"scan", b"scam")
    yield "a body that was changed by one byte", tampered, opaque("signature_invalid")
    spaced = Request(TELEMETRY, telemetry).seal()
    spaced.body += b" "
    yield "a space after the body", spaced, opaque("signature_invalid")
    moved = Request(TELEMETRY, telemetry).seal().set("x-telemetry-nonce", "nonce-0123456788")
    yield "another nonce under the same signature", moved, opaque("signature_invalid")
    yield "the signature of another encoding: URL-safe base64", resigned(lambda text: text.translate(str.maketrans("+/", "-_"))), opaque(
        "header_malformed"
    )
    yield "the signature without its padding", resigned(lambda text: text.rstrip("=")), opaque("header_malformed")
    yield "the signature in a second spelling of its last digit", resigned(loosened), opaque("header_malformed")
    yield "S that is not below the order of the group", resigned(with_larger_s), opaque("signature_invalid")
    yield "R the identity and S zero", resigned(with_zero_key), opaque("signature_invalid")


def routed(path, method="POST"):
    request = Request(TELEMETRY, telemetry)
    request.path, request.method = path, method
    return request


def route_requests():
    not_found = refused(404, "not_found", "no_policy")
    yield "a path that no policy has", routed("/internal/v1/other"), not_found
    yield "a query where none is taken", routed(f"{TELEMETRY}?a=1"), refused(404, "not_found", "query_not_allowed")
    for title, path in [
        ("dot segments", "/internal/v1/x/../telemetry"),
        ("a doubled separator", "/internal/v1//telemetry"),
        ("an encoded separator", "/internal/v1%2ftelemetry"),
    ]:
        yield f"{title} in the path", routed(path), not_found
    for title, path in [
        ("encoded dot segments", "/portal/%2e%2e/internal/v1/telemetry"),
        ("a path parameter", "/portal/..;/internal/v1/telemetry"),
        ("a doubled separator, where a prefix covers it,", "/portal//page"),
        ("double encoding", "/portal/%252e%252e/x"),
        ("overlong UTF-8", "/portal/%c0%af"),
    ]:
        yield f"{title} in the path, behind a pass-through", routed(path, "GET"), refused(404, "not_found", "path_not_normal")
    yield "a method that the route does not take", routed(TELEMETRY, "PUT"), refused(405, "method_not_allowed", "method_not_allowed")


def content_requests():
    media = refused(415, "unsupported_media_type", "content_type")
    yield "no media type", Request(TELEMETRY, telemetry).set("content-type"), media
    for written in [
        "text/plain",
        "application/json; charset=utf-7",
        "application/json; charset=utf-8; charset=utf-8",
        "application/json; version=1",
        "application/json, application/json",
    ]:
        yield f"media type {written}", Request(TELEMETRY, telemetry).set("content-type", written), media
    yield "content-encoding gzip", Request(TELEMETRY, telemetry).set("content-encoding", "gzip"), refused(
        415, "unsupported_encoding", "content_encoding"
    )


def body_requests():
    scan = '"event": "scan"'
    for title, new, problem in [
        ("a member twice, deep inside", '"event": 1, "ev\\u0065nt": 2', "duplicate_member"),
        ("NaN", '"event": NaN', "invalid_literal"),
        ("a float that overflows", '"event": 1e309', "float_overflow"),
        ("an integer of 4,301 digits", f'"event": {"1" * 4301}', "integer_too_long"),
        ("more than 64 levels", f'"event": {"[" * 64}{"]" * 64}', "too_deep"),
    ]:
        yield title, Request(TELEMETRY, edited(telemetry, scan, new)), unreadable(problem)
    yield "a byte-order mark", Request(TELEMETRY, edited(telemetry, '{"operator_id"', '\ufeff{"operator_id"')), unreadable("byte_order_mark")
    yield "bytes that are not UTF-8", Request(TELEMETRY, edited(telemetry, '"scan"', b'"sc\xff"')), unreadable("invalid_utf8")
    yield "an array", Request(TELEMETRY, lambda *_: b"[]"), invalid("wrong_type", "")
    yield "an unknown member", Request(TELEMETRY, changed(telemetry, extra=1)), invalid("undeclared_member", "")
    yield "an unknown member of signed_metadata", Request(
        TELEMETRY, edited(telemetry, '"signed_metadata": {', '"signed_metadata": {"extra": 1, ')
    ), invalid("undeclared_member", "/signed_metadata")
    for path in [("operator_id",), ("execution_hash",), ("signed_metadata", "campaign_id")]:
        yield f"without {'.'.join(path)}", Request(TELEMETRY, without(telemetry, *path)), invalid("missing", f"/{'/'.join(path)}")
    measured = ("payload", "attributes", "attestation_measurement_hash")
    yield "without an attestation", Request(TELEMETRY, without(telemetry, *measured)), attestation("missing", f"/{'/'.join(measured)}")
    yield "a tenant that is no UUID", Request(QUERY, changed(query, tenant_id="tenant-1")), invalid("malformed", "/tenant_id")
    for lexeme in ["1.0", "1e0", '"10"', "true", "0", "1001"]:
        problem = "malformed" if lexeme.isdigit() else "wrong_type"
        yield f"limit {lexeme}", Request(QUERY, edited(query, "}", f', "limit": {lexeme}}}')), invalid(problem, "/limit")
    version = invalid("not_allowed", "/payload/attributes/schema_version", "schema_version", "schema_version_not_allowed")
    yield "a schema version that is not allowed", Request(TELEMETRY, edited(telemetry, '"telemetry.v1"', '"telemetry.v2"')), version
    for title, path, make, verdict in [
        ("an attestation that is no hash", GRAPH, changed(graph, attestation_measurement_hash="abc"), attestation("malformed", "/attestation_measurement_hash")),
        (
            "an attestation of nobody's",
            GRAPH,
            changed(graph, attestation_measurement_hash=OTHER_ATTESTATION),
            refused(403, "attestation_not_permitted", "attestation_not_allowed", problem="not_allowed", pointer="/attestation_measurement_hash"),
        ),
        ("another nonce in the body", TELEMETRY, changed(telemetry, nonce="nonce-9876543210"), repeats("body_mismatch", "body_repeats_other_nonce", "/nonce")),
        ("another timestamp in the body", TELEMETRY, changed(telemetry, timestamp=NOW - 1), repeats("body_mismatch", "body_repeats_other_timestamp", "/timestamp")),
        (
            "metadata of another campaign",
            TELEMETRY,
            edited(telemetry, '"campaign_id": "campaign-1"}', '"campaign_id": "campaign-2"}'),
            repeats("metadata_mismatch", "body_binding_mismatch", "/signed_metadata/campaign_id"),
        ),
        ("a graph that repeats another tenant", GRAPH, changed(graph, graph={"tenant_id": B.tenant}), repeats("metadata_mismatch", "body_binding_mismatch", "/graph/tenant_id")),
        ("an operator that is not one of the identity's", QUERY, changed(query, operator_id="operator-z"), operator("operator_not_of_identity", "not_allowed", "/operator_id")),
        ("the tenant of another", QUERY, changed(query, tenant_id=B.tenant), operator("tenant_mismatch", "not_allowed", "/tenant_id")),
        (
            "operator and tenant of another",
            QUERY,
            changed(query, operator_id=B.operator, tenant_id=B.tenant),
            operator("operator_not_of_identity", "not_allowed", "/operator_id"),
        ),
        ("a bundle that was changed", BUNDLE, edited(bundle, "campaign-1", "campaign-2"), opaque("signature_invalid")),
        ("a bundle with | in a field", BUNDLE, lambda *args: bundle(*args, campaign_id="a|b"), refused(422, "invalid_body", "body_contract")),
        ("a bundle with an unknown member", BUNDLE, edited(bundle, '{"bundle": {', '{"bundle": {"extra": 1, '), refused(422, "invalid_body", "body_contract")),
    ]:
        yield title, Request(path, make), verdict


def sequences():
    """Requests that are told apart by what came before them on the same verifier."""
    first = Request(TELEMETRY, telemetry)
    yield "the same bytes again", [first], first, refused(409, "replayed_nonce", "replayed_nonce")
    other = Request(QUERY, query)
    yield "the same nonce for other bytes and another route", [first], other, refused(409, "replayed_nonce", "replayed_nonce")
    yield "the same nonce under another producer's key", [first], Request(TELEMETRY, telemetry, B), ALLOWED
    forged = Request(TELEMETRY, telemetry).seal()
    forged.body += b" "
    yield "a nonce that only a forged request has shown", [forged], first, ALLOWED
    burnt = Request(QUERY, changed(query, limit=0))
    yield "a nonce that only a refused request has shown", [burnt], first, ALLOWED
    yield "a forged copy of what was let in", [first], forged, opaque("signature_invalid")


def requests():
    vectors = []
    for group in (accepted_requests, header_requests, route_requests, content_requests, body_requests):
        for title, request, verdict in group():
            vectors.append({"title": title, **request.written(), "verdict": verdict})
    for title, before, request, verdict in sequences():
        earlier = [one.written() for one in before]
        vectors.append({"title": title, "after": earlier, **request.written(), "verdict": verdict})
    return {
        "about": "See README.md. Each vector stands for itself, on a verifier that has seen nothing but what `after` lists.",
        "now": NOW,
        "verifier": verifier(),
        "vectors": vectors,
    }
