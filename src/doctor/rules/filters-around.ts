/** CSD3xx: the other HTTP filters between a client, the verifier and the application. */
import type { HttpFilter } from '../model/filters.js';
import { decided, type Judged, type Place, type Rule } from './rule.js';

/** `envoy.extensions.filters.http.cors.v3.Cors` → `cors`. */
function kindOf({ type }: HttpFilter): string {
  return /^envoy\.extensions\.filters\.http\.([a-z0-9_.]+?)\.v[0-9]/.exec(type)?.[1] ?? '';
}

/** They neither change what a request says nor where it goes. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['admission_control', 'adaptive_concurrency', 'bandwidth_limit', 'buffer', 'compressor', 'cors', 'csrf'],
  ...['fault', 'health_check', 'ip_tagging', 'local_ratelimit', 'ratelimit', 'rate_limit_quota', 'rbac'],
  ...[
    'router',
    'stateful_session',
    'set_filter_state',
    'set_metadata',
    'alternate_protocols_cache',
    'basic_auth',
  ],
  ...['geoip', 'oauth2', 'api_key_auth', 'upstream_codec', 'file_system_buffer', 'cache'],
]);
/** They change bodies. */
const BODY_CHANGERS: ReadonlySet<string> = new Set([
  ...[
    'decompressor',
    'grpc_json_transcoder',
    'grpc_json_reverse_transcoder',
    'grpc_web',
    'grpc_http1_bridge',
  ],
  ...[
    'grpc_http1_reverse_bridge',
    'json_to_metadata_body',
    'connect_grpc_bridge',
    'aws_lambda',
    'gcp_authn_body',
  ],
]);
/** They run code or ask others, and may do anything to a request, the choice of its route included. */
const PROGRAMS: ReadonlySet<string> = new Set([
  ...[
    'lua',
    'wasm',
    'ext_proc',
    'golang',
    'dynamic_modules',
    'composite',
    'on_demand',
    'dynamic_forward_proxy',
  ],
  ...[
    'ext_authz',
    'header_mutation',
    'jwt_authn',
    'header_to_metadata',
    'json_to_metadata',
    'custom_response',
    'tap',
  ],
]);

const SETS_ONLY_ANSWERS = /request_mutations|requestMutations/;

/** Behind the verifier these do nothing to requests. */
function isHarmlessBehind(filter: HttpFilter): boolean {
  const kind = kindOf(filter);
  if (kind === 'header_mutation') return !SETS_ONLY_ANSWERS.test(filter.config.json);
  if (kind === 'lua') return isAnswerScript(filter);
  return HARMLESS.has(kind);
}

/** A script without a function for requests; ours is one. */
function isAnswerScript({ config }: HttpFilter): boolean {
  return config.isThere && !config.json.includes('envoy_on_request');
}

function* around(
  { envoy }: Judged,
  wanted: (filter: HttpFilter, isBehind: boolean) => boolean,
): Iterable<Place> {
  for (const { manager, filter: decider } of decided({ envoy } as Judged))
    for (const filter of manager.filters) {
      if (filter.role !== undefined || filter.type === '') continue;
      if (wanted(filter, filter.index > decider.index))
        yield { where: filter.entry.path, detail: filter.type };
    }
}

function clearsCache({ config }: HttpFilter): boolean {
  const text = config.json;
  return /"(?:clear_route_cache|clearRouteCache)":true|clearRouteCache\(|"route_cache_action":"CLEAR"/.test(
    text,
  );
}

/** In the order of their ids. */
export const FILTERS_AROUND: readonly Rule[] = [
  {
    id: 'CSD301',
    name: 'route-changed-behind',
    severity: 'error',
    what: 'A filter behind the verifier has Envoy choose the route again.',
    why: 'The request was judged for one route and takes another; where none matched before, nothing was checked at all.',
    instead: 'put the filter before the verifier, or have it leave the route cache alone',
    check: (judged) => around(judged, (filter, isBehind) => isBehind && clearsCache(filter)),
  },
  {
    id: 'CSD302',
    name: 'changed-behind',
    severity: 'warning',
    what: 'A filter behind the verifier can change a request that was verified.',
    why: 'The application receives something else than was signed; a header of ours can be set by it.',
    instead: 'put it before the verifier, or do without it',
    check: (judged) =>
      around(
        judged,
        (filter, isBehind) => isBehind && PROGRAMS.has(kindOf(filter)) && !isHarmlessBehind(filter),
      ),
  },
  {
    id: 'CSD303',
    name: 'body-changed',
    severity: 'error',
    what: 'A filter changes bodies, before or behind the verifier.',
    why: 'Before it the signature is over other bytes, so honest requests are refused; behind it the application gets other bytes than were signed.',
    instead: 'turn it off on routes of signed requests',
    check: (judged) => around(judged, (filter) => BODY_CHANGERS.has(kindOf(filter))),
  },
  {
    id: 'CSD304',
    name: 'cache-in-front',
    severity: 'error',
    what: 'Envoy answers from a cache before the verifier is asked.',
    why: 'A stranger gets the answer that a verified client got.',
    instead: 'no cache on these routes',
    check: (judged) => around(judged, (filter, isBehind) => !isBehind && kindOf(filter) === 'cache'),
  },
  {
    id: 'CSD305',
    name: 'filter-not-known',
    severity: 'note',
    what: 'What a filter beside the verifier does is not known here, and was not judged.',
    why: 'Behind the verifier it could change what was verified; before it, hide something from it.',
    instead: 'look at what it does to requests',
    check: (judged) =>
      around(judged, (filter) => {
        const kind = kindOf(filter);
        return !HARMLESS.has(kind) && !BODY_CHANGERS.has(kind) && !PROGRAMS.has(kind);
      }),
  },
  {
    id: 'CSD306',
    name: 'program-in-front',
    severity: 'note',
    what: 'A filter before the verifier can change requests.',
    why: 'A changed body or header no longer has the signature of its sender: such requests are refused.',
    instead: 'see that it leaves bodies and the headers of the signature alone',
    check: (judged) =>
      around(
        judged,
        (filter, isBehind) => !isBehind && PROGRAMS.has(kindOf(filter)) && !isHarmlessBehind(filter),
      ),
  },
];
