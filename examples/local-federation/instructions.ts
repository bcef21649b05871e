/** What `up` prints at its end: how to send a request of one's own, how to look, how to stop. */
import type { ReachableFederation } from './attach.js';
import { ATTESTATION } from './bodies.js';
import { fromRoot } from './layout.js';

/** A telemetry event; `--fill` puts timestamp and nonce in. */
function sampleEvent(environment: ReachableFederation['environment']): string {
  const operator_id = environment.COUNTERSIGN_OPERATOR_ID;
  const tenant_id = environment.COUNTERSIGN_TENANT_ID;
  const campaign_id = 'first-steps';
  const attributes = {
    schema_version: environment.COUNTERSIGN_SCHEMA_VERSION,
    attestation_measurement_hash: ATTESTATION,
  };
  return JSON.stringify({
    operator_id,
    campaign_id,
    tenant_id,
    execution_hash: ATTESTATION,
    timestamp: 0,
    nonce: '',
    signed_metadata: { tenant_id, operator_id, campaign_id },
    payload: { attributes },
  });
}

/** Lines for a terminal; the commands in them work as they stand, from the repository's folder. */
export function instructions({ layout, environment }: ReachableFederation): string[] {
  const place = fromRoot(layout, layout.directory);
  const values = fromRoot(layout, layout.environmentFile);
  const stateDirectory = place === 'local_federation' ? '' : ` STATE_DIR=${place}`;
  const signing =
    '--identity "$COUNTERSIGN_SERVICE_IDENTITY" --signing-key "$COUNTERSIGN_SIGNING_KEY_FILE" ' +
    '--cert "$COUNTERSIGN_CLIENT_CERT_FILE" --body event.json --fill';
  const tls = '--cert "$COUNTERSIGN_CLIENT_CERT_FILE" --key "$COUNTERSIGN_CLIENT_KEY_FILE"';
  return [
    `The federation is up at ${environment.COUNTERSIGN_URL}. Its values are in ${values}.`,
    '',
    'Send a request of your own, first its body:',
    `  . ${values}`,
    `  printf '%s' '${sampleEvent(environment)}' > event.json`,
    '  alias countersign="node dist/src/main.js"',
    'with the command line:',
    `  countersign send "$COUNTERSIGN_URL/internal/v1/telemetry" --ca "$COUNTERSIGN_CA_FILE" --key "$COUNTERSIGN_CLIENT_KEY_FILE" ${signing}`,
    'or with curl (each signature is good once):',
    `  eval "curl -sS --cacert $COUNTERSIGN_CA_FILE ${tls.replaceAll('"', '')} --data-binary @signed.json $(countersign sign ${signing} --body-out signed.json --format curl) $COUNTERSIGN_URL/internal/v1/telemetry"`,
    '',
    'Look at what happened:',
    '  curl -s "$COUNTERSIGN_UPSTREAM_URL/_reference/requests"     what reached the application',
    `  tail -n 1 ${fromRoot(layout, layout.audit)}/decisions.ndjson     what was decided, and why`,
    '  curl -s "$COUNTERSIGN_ADMIN_URL/metrics" | grep countersign_',
    `Stop it: make local-federation-down${stateDirectory}`,
  ];
}
