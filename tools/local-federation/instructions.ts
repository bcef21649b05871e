/** What `up` prints at its end: how to send a request of one's own, how to look, how to stop. */
import { isAbsolute } from 'node:path';
import type { ReachableFederation } from './attach.js';
import { ATTESTATION } from './bodies.js';
import { fromRoot, type Layout } from './layout.js';
import { DEFAULT_STATE_DIRECTORY } from './options.js';
import { wasStarted } from './processes.js';

/** A telemetry event; `--fill` puts timestamp and nonce in. */
function sampleEvent(environment: ReachableFederation['environment']): string {
  const ids = {
    tenant_id: environment.COUNTERSIGN_TENANT_ID,
    operator_id: environment.COUNTERSIGN_OPERATOR_ID,
    campaign_id: 'first-steps',
  };
  const attributes = {
    schema_version: environment.COUNTERSIGN_SCHEMA_VERSION,
    attestation_measurement_hash: ATTESTATION,
  };
  return JSON.stringify({
    ...ids,
    execution_hash: ATTESTATION,
    timestamp: 0,
    nonce: '',
    signed_metadata: ids,
    payload: { attributes },
  });
}

/** The path that is easier to read: from the repository, or from the root when it lies elsewhere. */
function place(layout: Layout, path: string): string {
  const relative = fromRoot(layout, path);
  return relative.startsWith('..') ? path : relative;
}

/** How to send a request, as commands. */
export interface SendingCommands {
  /** To be entered first, once. */
  readonly prepare: readonly string[];
  readonly send: string;
  readonly curl: string;
}

/** The commands alone, in the order in which they are to be entered in a POSIX shell in the repository's folder. */
export function sendingCommands({ layout, environment }: ReachableFederation): SendingCommands {
  const event = place(layout, `${layout.directory}/event.json`);
  const values = place(layout, layout.environmentFile);
  const signed = place(layout, `${layout.directory}/signed.json`);
  const signing =
    '--identity "$COUNTERSIGN_SERVICE_IDENTITY" --signing-key "$COUNTERSIGN_SIGNING_KEY_FILE" ' +
    `--cert "$COUNTERSIGN_CLIENT_CERT_FILE" --body ${event} --fill`;
  const tls =
    '--cacert $COUNTERSIGN_CA_FILE --cert $COUNTERSIGN_CLIENT_CERT_FILE --key $COUNTERSIGN_CLIENT_KEY_FILE';
  const url = '$COUNTERSIGN_URL/internal/v1/telemetry';
  return {
    prepare: [
      // A plain file name after the dot would be looked for on PATH.
      `. ${isAbsolute(values) ? '' : './'}${values}`,
      'countersign() { node dist/src/main.js "$@"; }',
      `printf '%s' '${sampleEvent(environment)}' > ${event}`,
    ],
    send: `countersign send "${url}" --ca "$COUNTERSIGN_CA_FILE" --tls-key "$COUNTERSIGN_CLIENT_KEY_FILE" ${signing}`,
    curl: `eval "curl -sS ${tls} $(countersign sign ${signing} --body-out ${signed} --format curl) ${url}"; echo`,
  };
}

/** Only the reference upstream has it. */
const LISTING = '  curl -s "$COUNTERSIGN_UPSTREAM_URL/_reference/requests"   # what reached the application';

/** Stands in the commands for an id that only the reader has. */
export const WHICH_REQUEST = 'REQUEST_ID';

/** Lines for a terminal. */
export function instructions(federation: ReachableFederation): string[] {
  const { layout, environment } = federation;
  const commands = sendingCommands(federation);
  const directory = place(layout, layout.directory);
  const stateDirectory = directory === DEFAULT_STATE_DIRECTORY ? '' : ` STATE_DIR=${directory}`;
  return [
    `The federation is up at ${environment.COUNTERSIGN_URL}. Its values are in ${place(layout, layout.environmentFile)}.`,
    '',
    "Send a request of your own. In the repository's root, first, once:",
    ...commands.prepare.map((line) => `  ${line}`),
    'then with the command line:',
    `  ${commands.send}`,
    'or with curl (each signature is good once):',
    `  ${commands.curl}`,
    '',
    'Look at what happened:',
    ...(wasStarted(layout, 'upstream') ? [LISTING] : []),
    `  tail -n 1 ${place(layout, layout.audit)}/decisions.ndjson   # the last decision`,
    // Its configuration by name: what the shell was given above is not exported.
    `  countersign why ${WHICH_REQUEST} --config ${place(layout, layout.configurationFile)}   # why; the id is in each answer`,
    '  countersign audit verify "$COUNTERSIGN_AUDIT_LOG_DIR" --vkey "$COUNTERSIGN_AUDIT_VKEY_FILE"   # whether the audit log is as it was logged',
    '  curl -s "$COUNTERSIGN_ADMIN_URL/metrics" | grep countersign_',
    '',
    `Stop it: make local-federation-down${stateDirectory}`,
  ];
}
