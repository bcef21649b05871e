# The policy of OPA-Envoy that comes nearest to a check of ours: the pin of the client certificate, the clock window,
# what the body says against the headers, the tenant of the operator. No signature (Rego verifies none of Ed25519 over
# raw bytes) and no nonce (Rego keeps nothing).
package countersign.nearest

default allow := false

allow if {
	http := input.attributes.request.http
	http.method == "POST"
	certificates := crypto.x509.parse_certificates(urlquery.decode(input.attributes.source.certificate))
	pin := crypto.sha256(base64.decode(certificates[0].Raw))
	identity := data.bench.identities[http.headers["x-service-identity"]]
	pin == identity.pin
	pin == http.headers["x-client-cert-sha256"]

	timestamp := to_number(http.headers["x-telemetry-timestamp"])
	age := (time.now_ns() / 1000000000) - timestamp
	age <= 120
	age >= -1

	body := input.parsed_body
	body.timestamp == timestamp
	body.nonce == http.headers["x-telemetry-nonce"]
	body.operator_id == identity.operators[_]
	body.tenant_id == data.bench.tenants[body.operator_id]
	body.signed_metadata.tenant_id == body.tenant_id
	body.signed_metadata.operator_id == body.operator_id
	body.signed_metadata.campaign_id == body.campaign_id
	body.payload.attributes.schema_version == data.bench.schemaVersion
}
