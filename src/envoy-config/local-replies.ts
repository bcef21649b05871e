/** Envoy's own refusals in the words of docs/wire-contract.md; the verifier's refusals stay as they are. */
import { DECISION_HEADER } from '../protocol/header-names.js';
import { REFUSAL_DETAILS, REQUEST_REFUSAL_DETAILS } from '../envoy/ext-proc/envoy-contract.js';
import { CHECK_NAMESPACE } from '../envoy/wire/metadata.js';
import { decisionNamespace, isSigned, type BootstrapOptions } from './options.js';
import { extension, note, type Section } from './yaml-text.js';

/** A caller-safe code and sentence, the same as the verifier's where it has that status. */
interface Words {
  readonly code: string;
  readonly message: string;
}

interface Reply extends Words {
  readonly status: number;
}

/**
 * The verifier never answers 500: this is Envoy's word for an answer of the verifier that it cannot use. It has no mark
 * of what was decided, as that could be the precise code of a refusal.
 */
const INTERNAL_ERROR: Reply = { status: 500, code: 'internal_error', message: 'The request failed here.' };

/**
 * Mostly before anybody has been verified: none tells more than its status does. Each has its row in the table of
 * docs/wire-contract.md#answers-of-envoy, which says whether the same bytes help.
 */
const REPLIES: readonly Reply[] = [
  { status: 400, code: 'bad_request', message: 'The request is not acceptable here as HTTP.' },
  { status: 404, code: 'not_found', message: 'There is nothing here.' },
  { status: 408, code: 'request_timeout', message: 'The request did not arrive in time.' },
  { status: 413, code: 'body_not_accepted', message: 'The body is over the limit or did not arrive whole.' },
  { status: 426, code: 'upgrade_required', message: 'HTTP/1.1 or HTTP/2 is needed.' },
  { status: 431, code: 'headers_not_accepted', message: 'The headers are too large or too many.' },
  { status: 502, code: 'upstream_failed', message: 'The answer of the service could not be used.' },
  { status: 503, code: 'unavailable', message: 'The service cannot answer now.' },
  { status: 504, code: 'upstream_timeout', message: 'The service did not answer in time.' },
];

/**
 * A refusal by the verifier: ext_authz refused, and there is a decision. Without the flag an allowed
 * request whose upstream failed would match; without the code, a verifier that did not answer.
 */
const REFUSED_BY_VERIFIER: Section = {
  and_filter: {
    filters: [
      { response_flag_filter: { flags: ['UAEX'] } },
      {
        metadata_filter: {
          matcher: {
            filter: CHECK_NAMESPACE,
            path: [{ key: 'code' }],
            value: { present_match: true },
          },
          match_if_key_not_found: false,
        },
      },
    ],
  },
};

/**
 * Says on an answer that is not the application's what had been decided: `refuse`; `allow` or `pass_through`, and then
 * nobody here knows whether the application got the request; `none` where the verifier was not asked or gave no decision. Of several values
 * the last that is not empty holds.
 */
function marked(...decisions: readonly string[]): Section {
  return {
    headers_to_add: decisions.map((value) => ({
      header: { key: DECISION_HEADER, value },
      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    })),
  };
}

/** What the verifier had told Envoy. For replies of Envoy's own: the code of a refusal is not for the client. */
function decided(options: BootstrapOptions): Section {
  return marked('none', `%DYNAMIC_METADATA(${decisionNamespace(options)}:code)%`);
}

/** `local_reply_config` of the connection manager. The first mapper that matches decides. */
export function localReplies(options: BootstrapOptions): Section {
  const { routes, front } = options;
  const verbatim = {
    text_format_source: { inline_string: '%LOCAL_REPLY_BODY%' },
    content_type: 'application/json',
  };
  return {
    mappers: [
      ...(routes.some(isSigned) ? [signerRefusal(verbatim)] : []),
      mapper(INTERNAL_ERROR, {}),
      note('A refusal by the verifier keeps its own body.', {
        filter: front === 'ext_proc' ? refusedAs(REQUEST_REFUSAL_DETAILS) : REFUSED_BY_VERIFIER,
        body_format_override: verbatim,
        ...marked('refuse'),
      }),
      ...REPLIES.map((reply) => mapper(reply, decided(options))),
    ],
    body_format: body({ code: 'not_accepted', message: 'The request was not accepted.' }),
  };
}

/** What one of our refusals by way of ext_proc is known by: it keeps its own body. */
function refusedAs(details: string): Section {
  return {
    extension_filter: extension(
      'envoy.access_loggers.extension_filters.cel',
      'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
      { expression: `response.code_details == "${details}"` },
    ),
  };
}

/** First, as it may have any status that the upstream gave. */
function signerRefusal(verbatim: Section): unknown {
  const refusal = { filter: refusedAs(REFUSAL_DETAILS), body_format_override: verbatim, ...marked('allow') };
  return note('An answer that the signer withholds has its own body.', refusal);
}

function mapper(reply: Reply, marks: Section): Section {
  const value = { default_value: reply.status, runtime_key: `countersign.local_reply.${reply.status}` };
  return {
    filter: { status_code_filter: { comparison: { op: 'EQ', value } } },
    body_format_override: body(reply),
    ...marks,
  };
}

/** The refusal body of docs/wire-contract.md; what Envoy refused before it gave out a request id gets null. */
function body({ code, message }: Words): Section {
  return {
    json_format: {
      request_id: '%REQ(X-REQUEST-ID)%',
      status: 'rejected',
      data: null,
      errors: [{ code, message }],
    },
  };
}
