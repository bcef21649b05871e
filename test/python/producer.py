"""A producer in Python, written from docs/wire-contract.md alone: the standard library and `cryptography`.

It reads the values of a local federation from `.env.countersign.local`, sends what must pass and what must not,
and prints one line of JSON for each: {"case", "status", "expected", "code"}. Exit 0 when every status is as expected.
"""

import base64
import hashlib
import http.client
import json
import os
import secrets
import ssl
import sys
import time
import urllib.parse
import uuid

from cryptography.hazmat.primitives.serialization import load_pem_private_key

TELEMETRY = "/internal/v1/telemetry"
GRAPH = "/internal/v1/cognitive/execution-graph"
FEEDBACK = "/internal/v1/cognitive/feedback/adjustments/query"
BUNDLE = "/internal/v1/federation/verify"
ATTESTATION = hashlib.sha256(b"a measurement").hexdigest()


def read_environment(path):
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)


class Producer:
    """One pinned producer: its certificate for the connection, its key for the signature."""

    def __init__(self, environment, root, other=False):
        infix = "OTHER_" if other else ""
        value = lambda name: environment["COUNTERSIGN_" + name]
        path = lambda name: os.path.join(root, value(name))
        self.identity = value(infix + "SERVICE_IDENTITY")
        self.operator = value(infix + "OPERATOR_ID")
        self.tenant = value(infix + "TENANT_ID")
        self.schema_version = value("SCHEMA_VERSION")
        certificate = path(infix + "CLIENT_CERT_FILE")
        with open(certificate, encoding="ascii") as file:
            self.fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
        with open(path(infix + "SIGNING_KEY_FILE"), "rb") as file:
            self.key = load_pem_private_key(file.read(), password=None)
        url = urllib.parse.urlsplit(value("URL"))
        context = ssl.create_default_context(cafile=path("CA_FILE"))
        context.load_cert_chain(certificate, path(infix + "CLIENT_KEY_FILE"))
        self.connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=8)

    def headers(self, timestamp, nonce, body):
        """Ed25519 over `timestamp` `.` `nonce` `.` `raw_body`."""
        signed = f"{timestamp}.{nonce}.".encode("ascii") + body
        return {
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "X-Service-Identity": self.identity,
            "X-Client-Cert-Sha256": self.fingerprint,
            "X-Telemetry-Timestamp": str(timestamp),
            "X-Telemetry-Nonce": nonce,
            "X-Telemetry-Signature": base64.b64encode(self.key.sign(signed)).decode("ascii"),
        }

    def send(self, path, headers, body):
        """The status and the parsed body of the answer, over a connection that is kept alive."""
        self.connection.request("POST", path, body=body, headers=headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def telemetry(self, timestamp, nonce, **changes):
        campaign = "campaign-python"
        return {
            "operator_id": self.operator,
            "campaign_id": campaign,
            "tenant_id": self.tenant,
            "execution_hash": hashlib.sha256(nonce.encode()).hexdigest(),
            "timestamp": timestamp,
            "nonce": nonce,
            "signed_metadata": {
                "tenant_id": self.tenant,
                "operator_id": self.operator,
                "campaign_id": campaign,
            },
            "payload": {
                "event": "prüfung 😀",
                "score": 1e-7,
                "attributes": {
                    "schema_version": self.schema_version,
                    "attestation_measurement_hash": ATTESTATION,
                },
            },
            **changes,
        }

    def graph(self, timestamp, nonce):
        fingerprint = hashlib.sha256(b"graph" + nonce.encode()).hexdigest()
        return {
            "operator_id": self.operator,
            "tenant_id": self.tenant,
            "execution_fingerprint": fingerprint,
            "timestamp": timestamp,
            "nonce": nonce,
            "schema_version": "execution.graph.v1",
            "attestation_measurement_hash": ATTESTATION,
            "graph": {
                "tenant_id": self.tenant,
                "operator_id": self.operator,
                "execution_fingerprint": fingerprint,
                "target_urn": "urn:target:python",
                "nodes": [{"id": "node-1"}],
            },
        }

    def query(self, timestamp, nonce):
        return {
            "operator_id": self.operator,
            "tenant_id": self.tenant,
            "timestamp": timestamp,
            "nonce": nonce,
            "limit": 10,
        }

    def bundle(self, timestamp, nonce):
        """Signed in itself: `operator_id|campaign_id|execution_hash|timestamp|nonce`."""
        values = [self.operator, "campaign-python", hashlib.sha256(b"run").hexdigest(), timestamp, nonce]
        text = "|".join(str(value) for value in values)
        names = ["operator_id", "campaign_id", "execution_hash", "timestamp", "nonce"]
        signature = base64.b64encode(self.key.sign(text.encode("utf-8"))).decode("ascii")
        return {"bundle": {**dict(zip(names, values)), "signature": signature}}, text

    def bundle_headers(self):
        return {
            "Content-Type": "application/json",
            "X-Service-Identity": self.identity,
            "X-Client-Cert-Sha256": self.fingerprint,
        }


def fresh():
    return int(time.time()), secrets.token_urlsafe(18)


def encode(body):
    return json.dumps(body).encode("utf-8")


class Report:
    def __init__(self):
        self.failed = False

    def expect(self, case, expected, outcome, holds=lambda answer: True):
        status, answer = outcome
        good = status == expected and holds(answer)
        self.failed = self.failed or not good
        errors = answer.get("errors") if isinstance(answer, dict) else None
        code = errors[0]["code"] if errors else None
        print(json.dumps({"case": case, "status": status, "expected": expected, "code": code, "good": good}))


def accepted(report, producer):
    for nonce in [secrets.token_urlsafe(18), str(uuid.uuid4()), f"evt-{uuid.uuid4()}"]:
        timestamp = int(time.time())
        body = encode(producer.telemetry(timestamp, nonce))
        outcome = producer.send(TELEMETRY, producer.headers(timestamp, nonce, body), body)
        report.expect("telemetry", 202, outcome, lambda answer: answer["accepted"] is True and "request_id" in answer)
    for case, path, make, status in [
        ("graph", GRAPH, producer.graph, 202),
        ("feedback query", FEEDBACK, producer.query, 200),
    ]:
        timestamp, nonce = fresh()
        body = encode(make(timestamp, nonce))
        report.expect(case, status, producer.send(path, producer.headers(timestamp, nonce, body), body))
    document, text = producer.bundle(1_700_000_000, secrets.token_urlsafe(18))
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    outcome = producer.send(BUNDLE, producer.bundle_headers(), encode(document))
    report.expect("bundle", 200, outcome, lambda answer: answer == {"accepted": True, "bundle_hash": digest})


def refused(report, producer, other):
    timestamp, nonce = fresh()
    body = encode(producer.telemetry(timestamp, nonce))
    headers = producer.headers(timestamp, nonce, body)
    report.expect("before its replay", 202, producer.send(TELEMETRY, headers, body))
    named = lambda answer: {"first_request_id", "first_seen_at"} <= set(answer["errors"][0])
    report.expect("replay", 409, producer.send(TELEMETRY, headers, body), named)

    timestamp, nonce = fresh()
    body = encode(producer.telemetry(timestamp, nonce))
    headers = producer.headers(timestamp, nonce, body)
    report.expect("tampered body", 401, producer.send(TELEMETRY, headers, body.replace(b"node", b"nodE") + b" "))
    stolen = other.send(TELEMETRY, headers, body)
    report.expect("certificate of another producer", 401, stolen)
    report.expect("the genuine one after both", 202, producer.send(TELEMETRY, headers, body))

    for case, path, make, status in [
        ("cross-tenant", TELEMETRY, lambda t, n: producer.telemetry(t, n, tenant_id=other.tenant), 401),
        ("operator of another", FEEDBACK, lambda t, n: {**producer.query(t, n), "operator_id": other.operator}, 403),
        ("tenant of another", FEEDBACK, lambda t, n: {**producer.query(t, n), "tenant_id": other.tenant}, 403),
        ("unknown member", TELEMETRY, lambda t, n: producer.telemetry(t, n, extra=1), 422),
        ("limit as a float", FEEDBACK, lambda t, n: {**producer.query(t, n), "limit": 1.0}, 422),
        ("NaN in the payload", TELEMETRY, lambda t, n: producer.telemetry(t, n, payload={"x": float("nan")}), 422),
    ]:
        timestamp, nonce = fresh()
        body = encode(make(timestamp, nonce))
        report.expect(case, status, producer.send(path, producer.headers(timestamp, nonce, body), body))

    timestamp, nonce = int(time.time()) - 3600, secrets.token_urlsafe(18)
    body = encode(producer.telemetry(timestamp, nonce))
    report.expect("stale", 401, producer.send(TELEMETRY, producer.headers(timestamp, nonce, body), body))

    document, _ = producer.bundle(*fresh())
    document["bundle"]["campaign_id"] = "campaign-forged"
    report.expect("forged bundle", 401, producer.send(BUNDLE, producer.bundle_headers(), encode(document)))


def main(environment_file, root):
    environment = read_environment(environment_file)
    producer, other = Producer(environment, root), Producer(environment, root, other=True)
    report = Report()
    accepted(report, producer)
    accepted(report, other)
    refused(report, producer, other)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
