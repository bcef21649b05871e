/** CSD1xx: settings of the filter that asks the verifier (ext_authz), on which its word and its sight depend. */
import { setting, type Rule } from './rule.js';

const ASKS = ['check'] as const;
const DECIDES = ['check', 'front'] as const;
const ALL = ['check', 'front', 'signer'] as const;

/** What lets requests past a verifier that said no, or was not asked. */
const OPEN_DOORS: readonly Rule[] = [
  {
    id: 'CSD101',
    name: 'fail-open',
    severity: 'error',
    what: 'The filter lets traffic pass when the verifier cannot be asked.',
    why: 'Whoever can make the verifier fail or be late, by load alone, gets in unchecked, or gets an answer out unsigned.',
    instead: 'failure_mode_allow: false',
    check: setting(ALL, 'failure_mode_allow', (config) => config.flag('failure_mode_allow') === true),
  },
  {
    id: 'CSD102',
    name: 'shadow-mode',
    severity: 'error',
    what: 'The filter asks the verifier and lets every request pass, whatever it says.',
    why: 'Refused requests reach the application (Envoy 1.40 and later take the field).',
    instead:
      'leave shadow_mode out; to try a policy on live traffic use reportOnly of the verifier, which has an end',
    check: setting(ASKS, 'shadow_mode', (config) => config.flag('shadow_mode') === true),
  },
  {
    id: 'CSD103',
    name: 'filter-enabled-without-deny',
    severity: 'error',
    what: 'A part of the requests is not checked, or can be left out by a runtime key.',
    why: 'filter_enabled below 100 % lets the rest pass, and its runtime key can be set over the admin endpoint.',
    instead: 'leave filter_enabled out, or add deny_at_disable: {default_value: true}',
    check: setting(ASKS, 'filter_enabled', (config) => {
      const denies = config.at('deny_at_disable').flag('default_value') === true;
      return !denies && (config.has('filter_enabled') || config.has('filter_enabled_metadata'));
    }),
  },
  {
    id: 'CSD104',
    name: 'clears-route-cache',
    severity: 'error',
    what: 'The filter has Envoy choose the route again after the check.',
    why: 'The request was judged by the policy of one route and then takes another, or one where nothing is checked.',
    instead: 'clear_route_cache: false, and for ext_proc route_cache_action: RETAIN',
    check: setting(
      DECIDES,
      'clear_route_cache',
      (config) =>
        config.flag('clear_route_cache') === true ||
        config.enumeration('route_cache_action', ['DEFAULT', 'CLEAR', 'RETAIN']) === 'CLEAR',
    ),
  },
  {
    id: 'CSD105',
    name: 'headers-of-ours-disallowed',
    severity: 'error',
    what: 'Rules on header changes can keep the verifier from setting or removing its headers.',
    why: 'A client could then set verified headers itself, as the verifier overwrites or removes every one of them.',
    instead:
      'leave decoder_header_mutation_rules (of ext_proc: mutation_rules) without disallow_* and allow_expression',
    check: setting(DECIDES, 'mutation_rules', (config) =>
      [config.at('decoder_header_mutation_rules'), config.at('mutation_rules')].some(
        (rules) =>
          rules.flag('disallow_all') === true ||
          rules.has('disallow_expression') ||
          rules.has('allow_expression'),
      ),
    ),
  },
];

/** What the verifier has to see to judge. */
const SIGHT: readonly Rule[] = [
  {
    id: 'CSD110',
    name: 'no-body',
    severity: 'error',
    what: 'The verifier is not shown the body.',
    why: 'The signature covers the body: every signed request is refused.',
    instead:
      'with_request_body: {max_request_bytes: 1048576, allow_partial_message: false, pack_as_bytes: true}',
    check: setting(ASKS, 'with_request_body', (config) => !config.at('with_request_body').isThere),
  },
  {
    id: 'CSD111',
    name: 'body-as-text',
    severity: 'error',
    what: 'The body is shown as text.',
    why: 'Text of bytes that are no UTF-8 is not what was signed; the verifier refuses a body that is not raw.',
    instead: 'with_request_body.pack_as_bytes: true, at the filter: routes cannot set it',
    check: setting(ASKS, 'with_request_body.pack_as_bytes', (config) => {
      const body = config.at('with_request_body');
      return body.isThere && body.flag('pack_as_bytes') !== true;
    }),
  },
  {
    id: 'CSD112',
    name: 'partial-body',
    severity: 'error',
    what: 'A body over the limit is shown in part, and the whole of it goes on.',
    why: 'Bytes that nobody verified would reach the application; the verifier refuses such requests.',
    instead: 'with_request_body.allow_partial_message: false',
    check: setting(
      ASKS,
      'with_request_body.allow_partial_message',
      (config) => config.at('with_request_body').flag('allow_partial_message') === true,
    ),
  },
  {
    id: 'CSD113',
    name: 'no-certificate',
    severity: 'error',
    what: "The verifier is not shown the peer's certificate.",
    why: 'Without it no pin can be compared: every signed request is refused (Istio and Envoy Gateway leave it out).',
    instead: 'include_peer_certificate: true',
    check: setting(
      ASKS,
      'include_peer_certificate',
      (config, { configuration }) =>
        config.flag('include_peer_certificate') !== true &&
        configuration?.snapshot.forwardedCertificate !== 'trusted-hop',
    ),
  },
  {
    id: 'CSD114',
    name: 'no-raw-headers',
    severity: 'error',
    what: 'Headers are shown joined and cleaned, and not as they came.',
    why: 'Duplicates look like one header, so the application could read another one than was judged; the verifier refuses.',
    instead: 'encode_raw_headers: true',
    check: setting(ASKS, 'encode_raw_headers', (config) => config.flag('encode_raw_headers') !== true),
  },
  {
    id: 'CSD115',
    name: 'headers-left-out',
    severity: 'error',
    what: 'Only some headers are shown to the verifier.',
    why: 'It cannot refuse what it does not see: the doubled Host, an encoding, a header of ours set by the client.',
    instead: 'leave out allowed_headers and disallowed_headers, and forward_rules of ext_proc',
    check: setting(DECIDES, 'allowed_headers', (config) =>
      ['allowed_headers', 'disallowed_headers', 'forward_rules'].some((name) => config.has(name)),
    ),
  },
  {
    id: 'CSD116',
    name: 'no-tls-session',
    severity: 'note',
    what: 'The verifier is not told the server name that the client asked for.',
    why: 'The record of the decision lacks it.',
    instead: 'include_tls_session: true',
    check: setting(ASKS, 'include_tls_session', (config) => config.flag('include_tls_session') !== true),
  },
];

/** How the answer of the verifier is taken. */
const ANSWER: readonly Rule[] = [
  {
    id: 'CSD120',
    name: 'not-grpc',
    severity: 'error',
    what: 'The filter asks over plain HTTP.',
    why: 'The verifier speaks gRPC alone.',
    instead: 'grpc_service in place of http_service',
    check: setting(ALL, 'http_service', (config) => config.has('http_service')),
  },
  {
    id: 'CSD121',
    name: 'status-on-error',
    severity: 'warning',
    what: 'When the verifier cannot be asked, the client does not get a 503.',
    why: 'ext_authz answers 403 by default, and ext_proc 500: producers take a 403 for a refusal and never send again.',
    instead: 'status_on_error: {code: ServiceUnavailable}',
    check: setting(ALL, 'status_on_error', (config) => {
      const status = config.at('status_on_error');
      return status.text('code') !== 'ServiceUnavailable' && status.number('code') !== 503;
    }),
  },
  {
    id: 'CSD122',
    name: 'mutations-not-validated',
    severity: 'warning',
    what: 'Envoy does not check the headers that an authorizer answers with.',
    why: 'It is a second line only: the verifier sets none with a line break, another authorizer at its place could.',
    instead: 'validate_mutations: true',
    check: setting(ASKS, 'validate_mutations', (config) => config.flag('validate_mutations') !== true),
  },
  {
    id: 'CSD123',
    name: 'refusal-cut',
    severity: 'warning',
    what: "The verifier's answers are cut or held to a limit.",
    why: 'A client cannot read a refusal that lost its end, and an allow over a header limit becomes an error.',
    instead: 'leave out max_denied_response_body_bytes and enforce_response_header_limits',
    check: setting(
      ASKS,
      'max_denied_response_body_bytes',
      (config) =>
        (config.number('max_denied_response_body_bytes') ?? 0) > 0 ||
        config.flag('enforce_response_header_limits') === true,
    ),
  },
];

/** In the order of their ids. */
export const CHECK_SETTINGS: readonly Rule[] = [...OPEN_DOORS, ...SIGHT, ...ANSWER];
