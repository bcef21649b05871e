/** CSD5xx: how a connection manager reads requests before anybody judges them. */
import type { Message } from '../read/message.js';
import type { Judged, Place, Rule } from './rule.js';

/** A check of each guarded manager's settings. */
function managers(field: string, isBad: (config: Message, judged: Judged) => boolean): Rule['check'] {
  return (judged) =>
    judged.envoy.guarded
      .filter(({ config }) => isBad(config, judged))
      .map(({ config }) => ({ where: `${config.path}.${field}` }));
}

const XFCC = ['SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY'] as const;
const SLASHES = [
  'IMPLEMENTATION_SPECIFIC_DEFAULT',
  'KEEP_UNCHANGED',
  'REJECT_REQUEST',
  'UNESCAPE_AND_REDIRECT',
  'UNESCAPE_AND_FORWARD',
] as const;
const UNDERSCORES = ['ALLOW', 'REJECT_REQUEST', 'DROP_HEADER'] as const;

function* forwarded({ envoy, configuration }: Judged): Iterable<Place> {
  const isTrusted = configuration?.snapshot.forwardedCertificate === 'trusted-hop';
  for (const { config, chain } of envoy.guarded) {
    const mode = config.enumeration('forward_client_cert_details', XFCC);
    const where = `${config.path}.forward_client_cert_details`;
    const isMutual = chain.tls.flag('require_client_certificate') === true;
    if (mode === 'SANITIZE' || mode === 'SANITIZE_SET') continue;
    if (!isTrusted) yield { where, detail: mode, severity: 'warning' };
    else if (!isMutual || mode === 'ALWAYS_FORWARD_ONLY') yield { where, detail: mode };
  }
}

/** The one for the whole bounds the headers as well, at a later time. */
function* slowRequests({ envoy }: Judged): Iterable<Place> {
  for (const { config } of envoy.guarded) {
    const isOff = (name: string): boolean => (config.milliseconds(name) ?? 0) === 0;
    const where = `${config.path}.request_timeout`;
    if (isOff('request_timeout')) yield { where };
    else if (isOff('request_headers_timeout'))
      yield { where: `${config.path}.request_headers_timeout`, severity: 'note' };
  }
}

/** In the order of their ids. */
export const CONNECTION_MANAGER: readonly Rule[] = [
  {
    id: 'CSD501',
    name: 'paths-not-normal',
    severity: 'warning',
    what: 'Envoy does not bring paths into their normal form, or takes escaped slashes for slashes.',
    why: 'Route, policy and application can each read another path; the verifier refuses what is not in normal form, honest requests included.',
    instead: 'normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: REJECT_REQUEST',
    check: managers(
      'normalize_path',
      (config) =>
        config.flag('normalize_path') !== true ||
        config.flag('merge_slashes') !== true ||
        config.enumeration('path_with_escaped_slashes_action', SLASHES) === 'UNESCAPE_AND_FORWARD',
    ),
  },
  {
    id: 'CSD502',
    name: 'escaped-slashes',
    severity: 'note',
    what: 'Paths with escaped slashes are passed on.',
    why: 'The verifier refuses them on routes of policies; an application behind a pass-through could read them as slashes.',
    instead: 'path_with_escaped_slashes_action: REJECT_REQUEST',
    check: managers('path_with_escaped_slashes_action', (config) =>
      ['IMPLEMENTATION_SPECIFIC_DEFAULT', 'KEEP_UNCHANGED'].includes(
        config.enumeration('path_with_escaped_slashes_action', SLASHES),
      ),
    ),
  },
  {
    id: 'CSD503',
    name: 'forwarded-certificate',
    severity: 'error',
    what: 'Clients can write the x-forwarded-client-cert header that is passed on.',
    why: 'Under the forwarding modes every element is the word of whoever connected; who believes it takes anybody for anybody.',
    instead:
      'forward_client_cert_details: SANITIZE, or SANITIZE_SET for a hop behind; FORWARD_ONLY behind a declared hop alone, over mutual TLS',
    check: forwarded,
  },
  {
    id: 'CSD504',
    name: 'client-not-a-stranger',
    severity: 'warning',
    what: 'Envoy believes what clients say of where a request came from.',
    why: 'Headers such as x-forwarded-for and x-envoy-* then steer Envoy, retries among them.',
    instead: 'use_remote_address: true',
    check: managers('use_remote_address', (config) => config.flag('use_remote_address') !== true),
  },
  {
    id: 'CSD505',
    name: 'underscores',
    severity: 'warning',
    what: 'Header names with underscores are passed on.',
    why: 'Frameworks that read headers by way of CGI names (WSGI, PHP, Rack) take x_countersign_identity for x-countersign-identity.',
    instead: 'common_http_protocol_options.headers_with_underscores_action: REJECT_REQUEST',
    check: managers(
      'common_http_protocol_options.headers_with_underscores_action',
      (config) =>
        config
          .at('common_http_protocol_options')
          .enumeration('headers_with_underscores_action', UNDERSCORES) === 'ALLOW',
    ),
  },
  {
    id: 'CSD506',
    name: 'slow-requests',
    severity: 'warning',
    what: 'A request may take for ever to arrive.',
    why: 'Bodies are held until they are whole: slow senders hold memory of Envoy, and both limits are off by default.',
    instead: 'request_headers_timeout: 5s and request_timeout: 15s',
    check: slowRequests,
  },
  {
    id: 'CSD507',
    name: 'idle-streams',
    severity: 'warning',
    what: 'A stream may stay idle for ever.',
    why: 'Whoever opens streams and leaves them holds connections and memory.',
    instead: 'stream_idle_timeout: 30s',
    check: managers('stream_idle_timeout', (config) => config.milliseconds('stream_idle_timeout') === 0),
  },
  {
    id: 'CSD508',
    name: 'chunked-and-length',
    severity: 'error',
    what: 'Requests with both transfer-encoding and content-length are taken.',
    why: 'Two readers find two ends of one body: a request can be smuggled in behind the verified one (RFC 9112, section 6.3).',
    instead: 'leave http_protocol_options.allow_chunked_length out',
    check: managers(
      'http_protocol_options.allow_chunked_length',
      (config) => config.at('http_protocol_options').flag('allow_chunked_length') === true,
    ),
  },
  {
    id: 'CSD509',
    name: 'http-1-0',
    severity: 'note',
    what: 'HTTP/1.0 is taken.',
    why: 'Requests without a Host get a default one; nobody tried the contract with it.',
    instead: 'leave http_protocol_options.accept_http_10 out',
    check: managers(
      'http_protocol_options.accept_http_10',
      (config) => config.at('http_protocol_options').flag('accept_http_10') === true,
    ),
  },
  {
    id: 'CSD510',
    name: 'refusals-rewritten',
    severity: 'error',
    what: 'Replies of Envoy, refusals among them, are turned into successes.',
    why: 'A client takes a refusal for an acceptance.',
    instead: 'no status_code below 400 in local_reply_config.mappers',
    check: managers('local_reply_config.mappers', (config) =>
      config
        .at('local_reply_config')
        .list('mappers')
        .some((mapper) => (mapper.number('status_code') ?? 400) < 400),
    ),
  },
];
