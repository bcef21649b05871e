# nearest.rego at its best: the pinned certificate is compared as Envoy sends it, so that nothing parses X.509.
package countersign.best

default allow := false

allow if {
	http := input.attributes.request.http
	http.method == "POST"
	identity := data.bench.identities[http.headers["x-service-identity"]]
	identity.certificate == input.attributes.source.certificate
	identity.pin == http.headers["x-client-cert-sha256"]

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
