"""A producer in Python: submits one execution graph, signed over its exact bytes, and says what became of it.

Needs `pip install cryptography`. Against the local federation, from the repository's root:

    python3 examples/producer.py local_federation/.env.countersign.local
"""

import base64
import http.client
import json
import secrets
import ssl
import sys
import time
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import load_pem_private_key

sys.excepthook = lambda kind, fault, _: print(f"{kind.__name__}: {fault}", file=sys.stderr)  # In one sentence.
if len(sys.argv) != 2:
    sys.exit("usage: python3 examples/producer.py local_federation/.env.countersign.local")
with open(sys.argv[1], encoding="utf-8") as lines:
    env = dict(line.rstrip("\n").removeprefix("COUNTERSIGN_").split("=", 1) for line in lines if "=" in line)

operator, tenant, execution = env["OPERATOR_ID"], env["TENANT_ID"], "e1" * 32
timestamp, nonce = int(time.time()), secrets.token_urlsafe(18)
document = {
    "operator_id": operator,
    "tenant_id": tenant,
    "execution_fingerprint": execution,
    "timestamp": timestamp,
    "nonce": nonce,
    "schema_version": "execution.graph.v1",
    "attestation_measurement_hash": "a1" * 32,
    "graph": {
        "tenant_id": tenant,
        "operator_id": operator,
        "execution_fingerprint": execution,
        "target_urn": "urn:robot:1",
        "nodes": [{"id": "plan"}, {"id": "act"}],
    },
}
body = json.dumps(document).encode()  # Serialised once: these bytes are signed, and these are sent.

with open(env["SIGNING_KEY_FILE"], "rb") as pem:
    signature = load_pem_private_key(pem.read(), None).sign(f"{timestamp}.{nonce}.".encode() + body)
context = ssl.create_default_context(cafile=env["CA_FILE"])
context.load_cert_chain(env["CLIENT_CERT_FILE"], env["CLIENT_KEY_FILE"])
url = urlsplit(env["URL"])
connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=8)
headers = {
    "Content-Type": "application/json",
    "X-Service-Identity": env["SERVICE_IDENTITY"],
    "X-Telemetry-Timestamp": str(timestamp),
    "X-Telemetry-Nonce": nonce,
    "X-Telemetry-Signature": base64.b64encode(signature).decode(),
}
connection.request("POST", "/internal/v1/cognitive/execution-graph", body, headers)
answer = connection.getresponse()
print(answer.status, answer.read().decode())
