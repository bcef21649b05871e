/** CSD2xx: an ext_proc of ours: the one that begins with the request, and the signer of answers. */
import { ANSWER_MARK } from '../../envoy/ext-proc/envoy-contract.js';
import { BODY_SEND_MODES, EXT_AUTHZ, HEADER_SEND_MODES, type HttpFilter } from '../model/filters.js';
import { isChecked, processingModeOf } from '../model/checked.js';
import type { Route } from '../model/routes.js';
import type { Message } from '../read/message.js';
import { ours, setting, type Judged, type Place, type Rule } from './rule.js';

const PROCESSORS = ['front', 'signer'] as const;
const LUA = 'envoy.extensions.filters.http.lua.v3.Lua';
const DIGEST = 'connection.sha256_peer_certificate_digest';

/** The modes that hold on the routes of a filter; its own where there are none. */
function modesOf(filter: HttpFilter, routes: readonly Route[]): Message[] {
  const checked = routes.filter((route) => isChecked(route, filter));
  if (routes.length === 0) return [filter.config.at('processing_mode')];
  return [...new Map(checked.map((route) => keyed(processingModeOf(route, filter)))).values()];
}

const keyed = (mode: Message): [path: string, mode: Message] => [mode.path, mode];

function modes(
  judged: Judged,
  ...roles: readonly (typeof PROCESSORS)[number][]
): { filter: HttpFilter; mode: Message }[] {
  return ours(judged, ...roles).flatMap(({ manager, filter }) =>
    modesOf(filter, manager.routes).map((mode) => ({ filter, mode })),
  );
}

const PARTIAL: ReadonlySet<string> = new Set(['BUFFERED_PARTIAL', 'STREAMED', 'FULL_DUPLEX_STREAMED']);

function* partialBodies(judged: Judged): Iterable<Place> {
  for (const { mode } of modes(judged, ...PROCESSORS))
    for (const field of ['request_body_mode', 'response_body_mode']) {
      const value = mode.enumeration(field, BODY_SEND_MODES);
      if (PARTIAL.has(value)) yield { where: `${mode.path}.${field}`, detail: value };
    }
}

function* blindFront(judged: Judged): Iterable<Place> {
  for (const { mode } of modes(judged, 'front')) {
    if (mode.enumeration('request_header_mode', HEADER_SEND_MODES) === 'SKIP')
      yield { where: `${mode.path}.request_header_mode`, detail: 'SKIP' };
    if (mode.enumeration('request_body_mode', BODY_SEND_MODES) === 'NONE')
      yield { where: `${mode.path}.request_body_mode`, detail: 'NONE' };
  }
}

function* deafSigner(judged: Judged): Iterable<Place> {
  for (const { manager, filter } of ours(judged, ...PROCESSORS)) {
    const all = modesOf(filter, manager.routes);
    const on = all.filter((mode) => mode.enumeration('response_body_mode', BODY_SEND_MODES) !== 'NONE');
    if (on.length === 0 && filter.role === 'signer')
      yield { where: `${filter.config.path}.processing_mode`, detail: 'no route turns it on' };
    for (const mode of on)
      if (mode.enumeration('response_header_mode', HEADER_SEND_MODES) === 'SKIP')
        yield { where: `${mode.path}.response_header_mode`, detail: 'SKIP' };
  }
}

/** Requests meet the signer after the check; answers meet what is listed behind it first. */
function* signerOrder({ envoy }: Judged): Iterable<Place> {
  for (const { filters } of envoy.guarded) {
    const signer = filters.find(({ role }) => role === 'signer');
    const check = filters.find(({ role }) => role === 'check');
    if (signer !== undefined && check !== undefined && signer.index < check.index)
      yield { where: signer.entry.path, detail: 'before the check' };
    for (const { type, index, entry } of filters)
      if (
        signer !== undefined &&
        index > signer.index &&
        /\.(?:compressor|decompressor|grpc_json_transcoder)\.v3\./.test(type)
      )
        yield { where: entry.path, detail: 'it changes answers before they are signed' };
  }
}

/** A front signs on the routes that show it answers. */
export function signs(filter: HttpFilter, routes: readonly Route[]): boolean {
  if (filter.role === 'signer') return true;
  const all = filter.role === 'front' ? modesOf(filter, routes) : [];
  return all.some((mode) => mode.enumeration('response_body_mode', BODY_SEND_MODES) !== 'NONE');
}

function* unguardedSigner({ envoy }: Judged): Iterable<Place> {
  for (const { filters, routes } of envoy.guarded)
    for (const signer of filters.filter((filter) => signs(filter, routes))) {
      const isGuarded = filters.some(
        ({ type, index, config }) =>
          type === LUA && index < signer.index && config.json.includes(ANSWER_MARK),
      );
      const severity = signer.role === 'front' ? 'note' : 'warning';
      if (!isGuarded) yield { where: signer.entry.path, severity };
    }
}

function isBuffered(mode: Message): boolean {
  return mode.enumeration('response_body_mode', BODY_SEND_MODES) === 'BUFFERED';
}

/** Routes on which answers are signed. */
function signedRoutes(judged: Judged): { route: Route; filter: HttpFilter }[] {
  return ours(judged, ...PROCESSORS).flatMap(({ manager, filter }) =>
    manager.routes
      .filter((route) => isChecked(route, filter) && isBuffered(processingModeOf(route, filter)))
      .map((route) => ({ route, filter })),
  );
}

/** A front is shown the answers of every route, and which of them are signed is for the policies to say. */
function* unpreparedRoutes(judged: Judged): Iterable<Place> {
  for (const { route, filter } of signedRoutes(judged)) {
    const levels = [route.message, route.host, route.table];
    const severity = filter.role === 'front' ? 'note' : 'error';
    const removes = (field: string, header: string): boolean =>
      levels.some((level) => level.texts(field).some((name) => name.toLowerCase() === header));
    for (const [field, header] of IN_THE_WAY)
      if (!removes(field, header))
        yield { where: `${route.message.path}.${field}`, detail: header, severity };
  }
}

const IN_THE_WAY = [
  ['request_headers_to_remove', 'accept-encoding'],
  ['response_headers_to_remove', ANSWER_MARK],
] as const;

function* uncertainSigner(judged: Judged): Iterable<Place> {
  for (const { manager, filter } of ours(judged, ...PROCESSORS)) {
    if (!signs(filter, manager.routes)) continue;
    const check = manager.filters.find(({ role, type }) => role === 'check' && type === EXT_AUTHZ);
    const forwarded = filter.config.at('metadata_options', 'forwarding_namespaces').texts('untyped');
    if (check !== undefined && !forwarded.includes('envoy.filters.http.ext_authz'))
      yield { where: `${filter.config.path}.metadata_options.forwarding_namespaces` };
    if (!filter.config.texts('response_attributes').includes('response.code_details'))
      yield { where: `${filter.config.path}.response_attributes`, detail: 'response.code_details' };
  }
}

/** Without rules Envoy leaves pseudo headers and its own alone, which the verifier never changes. */
function* droppedMutations(judged: Judged): Iterable<Place> {
  for (const { filter } of ours(judged, ...PROCESSORS)) {
    const rules = filter.config.at('mutation_rules');
    if (rules.flag('disallow_is_error') === true) continue;
    yield { where: rules.path, severity: rules.fieldNames().length === 0 ? 'note' : 'warning' };
  }
}

/** In the order of their ids. */
export const PROCESSOR_SETTINGS: readonly Rule[] = [
  {
    id: 'CSD201',
    name: 'observability-mode',
    severity: 'error',
    what: 'The filter shows requests or answers to the verifier and does not wait for its word.',
    why: 'What it refuses passes, and what it signs leaves unsigned.',
    instead: 'leave observability_mode out',
    check: setting(PROCESSORS, 'observability_mode', (config) => config.flag('observability_mode') === true),
  },
  {
    id: 'CSD202',
    name: 'mode-override',
    severity: 'error',
    what: 'The one who answers may change what the filter shows it.',
    why: 'Whoever takes the place of the verifier could switch the checks of bodies off for a request.',
    instead: 'allow_mode_override: false',
    check: setting(
      PROCESSORS,
      'allow_mode_override',
      (config) => config.flag('allow_mode_override') === true,
    ),
  },
  {
    id: 'CSD203',
    name: 'body-in-pieces',
    severity: 'error',
    what: 'A body is shown in pieces or in part.',
    why: 'Bytes go on before the whole of them was judged; BUFFERED_PARTIAL gives only the first of a long body.',
    instead: 'request_body_mode: BUFFERED for requests, response_body_mode: BUFFERED for answers',
    check: partialBodies,
  },
  {
    id: 'CSD204',
    name: 'front-sees-too-little',
    severity: 'error',
    what: 'The filter does not show headers and body of a request to the verifier.',
    why: 'Where the headers are not shown nothing is judged; without the body no signature can be.',
    instead: 'processing_mode: {request_header_mode: SEND, request_body_mode: BUFFERED}, on every route',
    check: blindFront,
  },
  {
    id: 'CSD205',
    name: 'front-without-certificate',
    severity: 'error',
    what: "The filter does not show the verifier the digest of the peer's certificate.",
    why: 'Without it no pin can be compared: every signed request is refused.',
    instead: `request_attributes: [${DIGEST}]`,
    check: setting(
      ['front'],
      'request_attributes',
      (config, { configuration }) =>
        !config.texts('request_attributes').includes(DIGEST) &&
        configuration?.snapshot.forwardedCertificate !== 'trusted-hop',
    ),
  },
  {
    id: 'CSD206',
    name: 'no-immediate-response',
    severity: 'error',
    what: 'The filter takes no refusal from the verifier.',
    why: 'A refusal becomes an error without its reason; producers send again what will never be accepted.',
    instead: 'leave disable_immediate_response out',
    check: setting(
      PROCESSORS,
      'disable_immediate_response',
      (config) => config.flag('disable_immediate_response') === true,
    ),
  },
  {
    id: 'CSD207',
    name: 'mutations-dropped',
    severity: 'warning',
    what: 'A header that Envoy will not change is left as it is, without a word.',
    why: 'A request would go on with a header of the client, or an answer without the mark of the signer.',
    instead: 'mutation_rules: {disallow_is_error: true}',
    check: droppedMutations,
  },
  {
    id: 'CSD208',
    name: 'signer-takes-metadata',
    severity: 'warning',
    what: 'Envoy takes dynamic metadata from the signer.',
    why: 'What ext_authz said of the request could be overwritten on the way back, and the access log tells it.',
    instead: 'leave receiving_namespaces of the signer empty',
    check: setting(
      ['signer'],
      'metadata_options.receiving_namespaces',
      (config) => config.at('metadata_options', 'receiving_namespaces').fieldNames().length > 0,
    ),
  },
  {
    id: 'CSD210',
    name: 'signer-order',
    severity: 'error',
    what: 'The signer stands at the wrong place among the filters.',
    why: 'Before the check it knows nothing of the request; what stands behind it changes answers before they are signed, or compresses them.',
    instead: 'compressors, ext_authz, the guard, ext_proc, router: in this order',
    check: signerOrder,
  },
  {
    id: 'CSD211',
    name: 'signer-without-context',
    severity: 'error',
    what: 'The signer is not told what the check established, or whose answer it sees.',
    why: 'It withholds every answer: it cannot tell whom an answer is for, nor replies of Envoy from those of the application.',
    instead:
      'metadata_options.forwarding_namespaces.untyped: [envoy.filters.http.ext_authz], response_attributes: [response.code_details, request.id]',
    check: uncertainSigner,
  },
  {
    id: 'CSD212',
    name: 'signer-off',
    severity: 'error',
    what: 'Answers are not shown to the signer whole, with their headers.',
    why: 'They leave unsigned, or without the headers of the signature.',
    instead:
      'ExtProcPerRoute.overrides.processing_mode: {response_header_mode: SEND, response_body_mode: BUFFERED} on signed routes',
    check: deafSigner,
  },
  {
    id: 'CSD213',
    name: 'answer-unguarded',
    severity: 'warning',
    what: 'No filter withholds answers that the signer did not sign.',
    why: 'Envoy lets an answer pass when the stream of the signer ends in good order, whatever failure_mode_allow says.',
    instead: 'the Lua filter that countersign envoy-config prints, before the signer in the list',
    check: unguardedSigner,
  },
  {
    id: 'CSD214',
    name: 'signed-route-unprepared',
    severity: 'error',
    what: 'A route whose answers are signed lets through a header that is in the way.',
    why: `With accept-encoding the application may compress, and a compressed answer is withheld; an application that sets ${ANSWER_MARK} itself passes the guard.`,
    instead: `request_headers_to_remove: [accept-encoding] and response_headers_to_remove: [${ANSWER_MARK}] on the route`,
    check: unpreparedRoutes,
  },
];
