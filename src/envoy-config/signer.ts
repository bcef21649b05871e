/** The way back: which answers pass the signer, and how Envoy waits for it (docs/feedback.md). */
import { heldAnswerBytes } from '../envoy/ext-proc/held-answer.js';
import { REFUSAL_DETAILS } from '../envoy/ext-proc/processing-response.js';
import type { BootstrapOptions, RouteOptions } from './options.js';
import { guardFilter, guardOverride, REMOVED_MARKS } from './answer-guard.js';
import { SIGNER_CLUSTER, verifierService } from './verifier-service.js';
import { duration, extension, note, type Section } from './yaml-text.js';

const TYPES = 'envoy.extensions.filters.http.ext_proc.v3';
const FILTER = 'envoy.filters.http.ext_proc';

/** Whether this route's answers are signed. */
export function isSigned({ answer }: RouteOptions): boolean {
  return answer === 'signed_feedback';
}

/** What is between the verifier and the router; nothing where nothing is signed. Both are off but for signed routes. */
export function signerFilters(options: BootstrapOptions): unknown[] {
  if (!options.routes.some(isSigned)) return [];
  const filter = extension(FILTER, `${TYPES}.ExternalProcessor`, {
    stat_prefix: 'signer',
    grpc_service: verifierService(options, SIGNER_CLUSTER, options.upstreamTimeoutMilliseconds),
    failure_mode_allow: note('no signature, no answer', false),
    status_on_error: { code: 'ServiceUnavailable' },
    message_timeout: duration(options.checkTimeoutMilliseconds),
    allow_mode_override: false,
    mutation_rules: note('a change that Envoy will not make withholds the answer', {
      disallow_is_error: true,
    }),
    processing_mode: processingMode('SKIP', 'NONE'),
    metadata_options: {
      forwarding_namespaces: note("the verifier's word on the request", {
        untyped: ['envoy.filters.http.ext_authz'],
      }),
    },
    response_attributes: note("tells Envoy's own replies from the upstream's answers", [
      'response.code_details',
      'request.id',
    ]),
  });
  return [guardFilter(), filter];
}

/** What a signed route has besides the others. */
export function signedRoute(options: BootstrapOptions): Section {
  return {
    response_headers_to_remove: REMOVED_MARKS,
    request_headers_to_remove: note('a compressed answer cannot be signed', ['accept-encoding']),
    request_body_buffer_limit: note(
      'the answer is held until it is signed; ext_authz would limit it to what a request may have',
      heldAnswerBytes(options),
    ),
  };
}

/** For `typed_per_filter_config` of a signed route. */
export function signerOverride(): Section {
  return {
    ...guardOverride(),
    [FILTER]: {
      '@type': `type.googleapis.com/${TYPES}.ExtProcPerRoute`,
      overrides: { processing_mode: processingMode('SEND', 'BUFFERED') },
    },
  };
}

/** For `local_reply_config`: what the signer withholds keeps its own body. */
export function refusedBySigner(): Section {
  return {
    extension_filter: extension(
      'envoy.access_loggers.extension_filters.cel',
      'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
      { expression: `response.code_details == "${REFUSAL_DETAILS}"` },
    ),
  };
}

function processingMode(headers: 'SEND' | 'SKIP', body: 'BUFFERED' | 'NONE'): Section {
  return {
    request_header_mode: 'SKIP',
    response_header_mode: headers,
    request_body_mode: 'NONE',
    response_body_mode: body,
    request_trailer_mode: 'SKIP',
    response_trailer_mode: 'SKIP',
  };
}
