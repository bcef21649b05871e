/** CSD4xx: routes: whether each is checked, as which policy, and what it does with a request that passed. */
import { DECISION_HEADER, OUR_HEADER_PREFIX } from '../../protocol/header-names.js';
import { ANSWER_MARK } from '../../envoy/ext-proc/envoy-contract.js';
import { checkSettingsOf, processorOverride, turnedOffAt } from '../model/checked.js';
import type { Route } from '../model/routes.js';
import type { HttpFilter } from '../model/filters.js';
import { ABSENT, type Message } from '../read/message.js';
import { decided, ours, type Judged, type Place, type Rule } from './rule.js';

/** Each checked or unchecked route once, with its decider. */
function* routes(judged: Judged): Iterable<{ route: Route; filter: HttpFilter }> {
  for (const { manager, filter } of decided(judged))
    for (const route of manager.routes) yield { route, filter };
}

function* unchecked(judged: Judged): Iterable<Place> {
  for (const { route, filter } of routes(judged)) {
    const off = turnedOffAt(route, filter);
    if (off !== undefined && (route.action.isThere || route.message.has('direct_response')))
      yield { where: route.message.path, detail: `turned off at ${off}` };
  }
}

/** `check_settings` and overrides that take away what the filter itself demands. */
function* weakened(judged: Judged): Iterable<Place> {
  for (const { route, filter } of routes(judged)) {
    if (turnedOffAt(route, filter) !== undefined) continue;
    const settings = checkSettingsOf(route, filter) ?? ABSENT;
    const body = settings.at('with_request_body');
    if (settings.flag('disable_request_body_buffering') === true)
      yield { where: `${settings.path}.disable_request_body_buffering` };
    if (body.flag('allow_partial_message') === true) yield { where: `${body.path}.allow_partial_message` };
  }
  for (const { route, overrides } of overridden(judged, 'failure_mode_allow'))
    if (overrides.flag('failure_mode_allow') === true)
      yield { where: `${overrides.path}.failure_mode_allow`, detail: `for ${route.message.path}` };
}

/** Routes on which an ext_proc of ours has a field overridden, and the holder of that. */
function* overridden(judged: Judged, field: string): Iterable<{ route: Route; overrides: Message }> {
  for (const { manager, filter } of ours(judged, 'front', 'signer'))
    for (const route of manager.routes) {
      const overrides = processorOverride(route, filter, field);
      if (overrides !== undefined) yield { route, overrides };
    }
}

const SERVICES = ['grpc_service', 'http_service'] as const;

function* asksAnother(judged: Judged): Iterable<Place> {
  const { clusters } = judged.envoy;
  for (const { route, filter } of routes(judged)) {
    const settings = filter.role === 'check' ? checkSettingsOf(route, filter) : undefined;
    if (settings !== undefined && SERVICES.some((name) => settings.has(name)))
      if (!clusters.leadsToVerifier(settings)) yield { where: settings.path };
  }
  for (const { overrides } of overridden(judged, 'grpc_service'))
    if (!clusters.leadsToVerifier(overrides)) yield { where: overrides.path };
}

const SENT_AGAIN =
  /(?:^|,)\s*(?:5xx|gateway-error|reset|retriable-4xx|retriable-status-codes|retriable-headers|http3-post-connect-failure|envoy-ratelimited|cancelled|deadline-exceeded|internal|resource-exhausted|unavailable)\b(?!-)/;

function* repeated(judged: Judged): Iterable<Place> {
  for (const { route } of routes(judged)) {
    for (const holder of [route.action, route.host]) {
      const policy = holder.at('retry_policy');
      const conditions = policy.text('retry_on') ?? '';
      if (SENT_AGAIN.test(conditions)) yield { where: `${policy.path}.retry_on`, detail: conditions };
      if (holder.at('hedge_policy').flag('hedge_on_per_try_timeout') === true)
        yield { where: `${holder.path}.hedge_policy` };
    }
  }
}

function* copied(judged: Judged): Iterable<Place> {
  for (const { route } of routes(judged))
    for (const mirror of [
      ...route.action.list('request_mirror_policies'),
      ...route.host.list('request_mirror_policies'),
    ])
      yield { where: mirror.path };
}

/** A route's upgrade has the manager's own filters, and the verifier refuses each that it is shown; CONNECT comes without a path. */
function ofRoute(upgrade: Message): Place {
  const type = upgrade.text('upgrade_type') ?? '';
  return {
    where: upgrade.path,
    detail: type,
    severity: type.toLowerCase() === 'websocket' ? 'note' : 'error',
  };
}

/** What a route says of an upgrade counts more than what its manager does; one without an action leads nowhere. */
function takesNoUpgrade({ message, action }: Route, type: string): boolean {
  if (!message.has('route')) return message.has('redirect') || message.has('direct_response');
  return action
    .list('upgrade_configs')
    .some(
      (upgrade) =>
        upgrade.text('upgrade_type')?.toLowerCase() === type.toLowerCase() &&
        upgrade.flag('enabled') === false,
    );
}

function* upgrades({ envoy }: Judged): Iterable<Place> {
  for (const { config, routes: ofManager } of envoy.guarded) {
    for (const upgrade of config.list('upgrade_configs')) {
      const type = upgrade.text('upgrade_type') ?? '';
      if (ofManager.length === 0 || !ofManager.every((route) => takesNoUpgrade(route, type)))
        yield { where: upgrade.path, detail: type };
    }
    if (config.at('http2_protocol_options').flag('allow_connect') === true)
      yield { where: `${config.path}.http2_protocol_options.allow_connect` };
    for (const { message, action } of ofManager) {
      if (message.at('match').has('connect_matcher'))
        yield { where: `${message.path}.match.connect_matcher` };
      for (const upgrade of action.list('upgrade_configs'))
        if (upgrade.flag('enabled') !== false) yield ofRoute(upgrade);
    }
  }
}

/** Levels whose header rules hold for a route, each place once. */
function headerHolders(route: Route): Message[] {
  return [route.message, route.host, route.table];
}

function isOurs(header: string): boolean {
  return header.toLowerCase().startsWith(OUR_HEADER_PREFIX);
}

function* headersUndone(judged: Judged): Iterable<Place> {
  for (const { route } of routes(judged))
    for (const holder of headerHolders(route)) {
      for (const option of holder.list('request_headers_to_add')) {
        const key = option.at('header').text('key') ?? '';
        if (isOurs(key)) yield { where: option.path, detail: `sets ${key}` };
      }
      for (const name of holder.texts('request_headers_to_remove'))
        if (isOurs(name))
          yield { where: `${holder.path}.request_headers_to_remove`, detail: `removes ${name}` };
      for (const option of holder.list('response_headers_to_add')) {
        const key = (option.at('header').text('key') ?? '').toLowerCase();
        if (key === DECISION_HEADER || key === ANSWER_MARK)
          yield { where: option.path, detail: `sets ${key}` };
      }
    }
}

function* rewritten(judged: Judged): Iterable<Place> {
  for (const { route } of routes(judged))
    for (const field of ['prefix_rewrite', 'regex_rewrite', 'path_rewrite_policy', 'path_rewrite'])
      if (route.action.has(field)) yield { where: `${route.action.path}.${field}` };
}

function* redirectsInside(judged: Judged): Iterable<Place> {
  for (const { route } of routes(judged))
    if (
      route.action.at('internal_redirect_policy').isThere ||
      route.action.text('internal_redirect_action') === 'HANDLE_INTERNAL_REDIRECT'
    )
      yield { where: `${route.action.path}.internal_redirect_policy` };
}

function* chosenByClient(judged: Judged): Iterable<Place> {
  for (const { route } of routes(judged))
    if (route.action.has('cluster_header')) yield { where: `${route.action.path}.cluster_header` };
}

function* looseMatches(judged: Judged): Iterable<Place> {
  for (const { route } of routes(judged))
    if (route.message.at('match').flag('case_sensitive') === false)
      yield { where: `${route.message.path}.match.case_sensitive` };
}

function* noCatchAll({ envoy }: Judged): Iterable<Place> {
  for (const { routes: all, tables } of envoy.guarded)
    for (const table of tables) {
      const catches = all.some(
        ({ message, host, table: own }) =>
          own === table &&
          host.texts('domains').includes('*') &&
          message.at('match').text('prefix') === '/' &&
          !message.at('match').has('headers'),
      );
      if (!catches) yield { where: table.path };
    }
}

/** In the order of their ids. */
export const ROUTES: readonly Rule[] = [
  {
    id: 'CSD401',
    name: 'route-unchecked',
    severity: 'error',
    what: 'A route passes by the verifier.',
    why: 'Whoever finds its path reaches the application unchecked.',
    instead:
      'no disabled for this filter; for an open path declare a pass_through policy, which the verifier records',
    check: unchecked,
  },
  {
    id: 'CSD402',
    name: 'route-weakens',
    severity: 'error',
    what: 'A route takes back what the filter demands: whole bodies, or no traffic without the verifier.',
    why: 'On this route somebody gets in as if the filter itself had the setting.',
    instead: 'leave the override out; a route needs context_extensions alone',
    check: weakened,
  },
  {
    id: 'CSD403',
    name: 'route-asks-another',
    severity: 'error',
    what: 'On a route the filter asks somebody else.',
    why: 'The verifier neither sees nor records these requests.',
    instead: 'leave grpc_service out of the route',
    check: asksAnother,
  },
  {
    id: 'CSD404',
    name: 'no-catch-all',
    severity: 'note',
    what: 'A path without a route is answered by Envoy with 404, and the verifier is not asked.',
    why: 'There is no record of it, and if a filter ever chooses the route again it is a way past the check.',
    instead: 'a last route {prefix: /} in a virtual host for *, which the verifier refuses with 404',
    check: noCatchAll,
  },
  {
    id: 'CSD410',
    name: 'upgrades',
    severity: 'error',
    what: 'Upgrades or CONNECT are allowed.',
    why: 'Bytes after the upgrade are in no check; an upgrade can have a filter list of its own, without the verifier.',
    instead: 'no upgrade_configs, no connect_matcher, no allow_connect on this listener',
    check: upgrades,
  },
  {
    id: 'CSD411',
    name: 'sent-again',
    severity: 'warning',
    what: 'Envoy sends a request again that the application may have seen.',
    why: 'The nonce is used once, and the request is carried out twice: filters do not run for retries.',
    instead: 'retry_on: connect-failure,refused-stream,reset-before-request, and no hedging',
    check: repeated,
  },
  {
    id: 'CSD412',
    name: 'mirrored',
    severity: 'warning',
    what: 'Requests are copied to another cluster.',
    why: 'The copy has verified headers and goes where nobody may have checked who listens.',
    instead: 'no request_mirror_policies on checked routes',
    check: copied,
  },
  {
    id: 'CSD413',
    name: 'our-headers-undone',
    severity: 'error',
    what: 'A header rule sets or removes a header that only the verifier may set.',
    why: 'The application takes its word for the identity of the client; such a rule runs after the check.',
    instead: `no rule for ${OUR_HEADER_PREFIX}* and ${DECISION_HEADER}`,
    check: headersUndone,
  },
  {
    id: 'CSD414',
    name: 'path-rewritten',
    severity: 'note',
    what: 'The application sees another path than was judged.',
    why: 'A policy for one path can lead to another one of the application, which has a policy of its own.',
    instead: 'see that no two policies lead to one path of the application',
    check: rewritten,
  },
  {
    id: 'CSD415',
    name: 'internal-redirects',
    severity: 'warning',
    what: 'Envoy follows redirects of the application itself.',
    why: 'The second request runs through the check again, with the nonce that the first used: 409.',
    instead: 'no internal_redirect_policy',
    check: redirectsInside,
  },
  {
    id: 'CSD416',
    name: 'cluster-by-header',
    severity: 'error',
    what: 'A header says where the request goes.',
    why: 'The client writes it: a request that passed reaches whatever this Envoy can reach.',
    instead: 'cluster',
    check: chosenByClient,
  },
  {
    id: 'CSD417',
    name: 'case-insensitive',
    severity: 'warning',
    what: 'A route takes paths in any case.',
    why: 'Policies compare paths byte for byte; what Envoy takes for this route may have no policy, or another.',
    instead: 'leave case_sensitive out',
    check: looseMatches,
  },
];
