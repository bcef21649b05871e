/** The filters in the place of ext_authz where ext_proc asks the verifier: one that asks, and a guard behind it. */
import { PROCESSOR_NAMESPACE } from '../envoy/wire/metadata.js';
import { VERIFIER_CLUSTER, verifierService } from './clusters.js';
import { isSigned, type BootstrapOptions } from './options.js';
import {
  ANSWER_ATTRIBUTES,
  CAREFUL,
  FILTER,
  guardFilter,
  messageTimeout,
  NOTHING,
  processingMode,
  TYPES,
  WHOLE,
} from './signer.js';
import { extension, note, type Section } from './yaml-text.js';

/** Judges requests, and signs the answers of signed routes on the same stream: in the place of ext_authz and of the signer. */
export function processorFilters(options: BootstrapOptions): unknown[] {
  const { upstreamTimeoutMilliseconds } = options;
  const filter = extension(FILTER, `${TYPES}.ExternalProcessor`, {
    stat_prefix: 'verifier',
    grpc_service: verifierService(options, VERIFIER_CLUSTER, upstreamTimeoutMilliseconds),
    failure_mode_allow: note('no verifier, no traffic', false),
    ...CAREFUL,
    message_timeout: messageTimeout(options),
    processing_mode: processingMode(WHOLE, NOTHING),
    request_attributes: note('the certificate of the handshake: its hash, and itself from Envoy 1.40 on', [
      'connection.sha256_peer_certificate_digest',
      'connection.peer_certificate',
    ]),
    ...(options.routes.some(isSigned) && { response_attributes: ANSWER_ATTRIBUTES }),
    metadata_options: {
      receiving_namespaces: note('what was decided, for access logs', { untyped: [PROCESSOR_NAMESPACE] }),
    },
  });
  return [...(options.routes.some(isSigned) ? [guardFilter()] : []), filter, DECIDED_ALONE];
}

const decidedAs = (code: string): Section => ({
  sourced_metadata: {
    metadata_matcher: {
      filter: PROCESSOR_NAMESPACE,
      path: [{ key: 'code' }],
      value: { string_match: { exact: code } },
    },
  },
});

/**
 * Envoy lets a request pass when the stream ends well before the verifier has answered, whatever `failure_mode_allow`
 * says (docs/envoy-behaviour.md#2). So the last word is Envoy's: without a decision in the metadata, which no client
 * can write, nothing goes on.
 */
const DECIDED_ALONE = note(
  'Nothing goes on without a decision, whatever happens to the stream that should bring it.',
  extension('envoy.filters.http.rbac', 'envoy.extensions.filters.http.rbac.v3.RBAC', {
    rules: {
      action: 'ALLOW',
      policies: {
        decided: {
          permissions: [decidedAs('allow'), decidedAs('pass_through')],
          principals: [{ any: true }],
        },
      },
    },
  }),
);
