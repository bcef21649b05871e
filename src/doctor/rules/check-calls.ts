/** CSD13x: how a filter calls the verifier: time-outs, retries, names. */
import { LATER_MILLISECONDS } from '../../envoy/ext-proc/envoy-contract.js';
import { allDomains } from '../../feedback/feedback-settings.js';
import { clusterOf } from '../model/clusters.js';
import type { Message } from '../read/message.js';
import { signs } from './processor-settings.js';
import { decided, ours, serviceOf, type Judged, type Place, type Rule } from './rule.js';

/** The default of `grpc_service.timeout` of ext_authz, and of `message_timeout` of ext_proc. */
const DEFAULT_MILLISECONDS = 200;
/** Nothing of the call has been read by a verifier where it fails in one of these ways. */
const UNREAD: ReadonlySet<string> = new Set(['connect-failure', 'refused-stream']);
/** nghttp2 ends a stream whose `:authority` has other characters before any code of ours runs. */
const AUTHORITY = /^[A-Za-z0-9._~:[\]%!$&'()*+,;=@-]+$/;

/** How long Envoy waits for the verdict. */
function waitOf(config: Message, role: string | undefined): number {
  const own =
    role === 'check'
      ? config.at('grpc_service').milliseconds('timeout')
      : config.milliseconds('message_timeout');
  return own ?? DEFAULT_MILLISECONDS;
}

function* shortWaits(judged: Judged): Iterable<Place> {
  for (const { filter } of ours(judged)) {
    const field = filter.role === 'check' ? 'grpc_service.timeout' : 'message_timeout';
    const wait = waitOf(filter.config, filter.role);
    const wanted = judged.configuration?.settings.limits.checkTimeoutMilliseconds;
    const where = `${filter.config.path}.${field}`;
    // Of ext_proc more does no harm: the verifier ends its own wait.
    const differs = filter.role === 'check' ? wait !== wanted : wait < (wanted ?? 0);
    if (wanted !== undefined && differs)
      yield { where, detail: `Envoy waits ${wait} ms, and limits.checkTimeoutMilliseconds is ${wanted}` };
    else if (wait <= DEFAULT_MILLISECONDS) yield { where, detail: `Envoy waits ${wait} ms` };
  }
}

function* crossing(judged: Judged): Iterable<Place> {
  for (const { manager, filter } of decided(judged)) {
    const wait = waitOf(filter.config, filter.role);
    const { config } = manager;
    const common = config.at('common_http_protocol_options');
    const bounds = [
      [config, 'stream_idle_timeout'],
      [config, 'request_timeout'],
      [common, 'max_stream_duration'],
    ] as const;
    for (const [message, field] of bounds) {
      const bound = message.milliseconds(field) ?? 0;
      if (bound > 0 && bound <= wait)
        yield { where: `${message.path}.${field}`, detail: `${bound} ms, and the check may take ${wait} ms` };
    }
  }
}

function* retries(judged: Judged): Iterable<Place> {
  for (const { filter } of ours(judged))
    for (const service of [serviceOf(filter), serviceOf(filter).at('envoy_grpc')]) {
      const policy = service.at('retry_policy');
      const conditions = (policy.text('retry_on') ?? '').split(',').map((condition) => condition.trim());
      const others = conditions.filter((condition) => condition !== '' && !UNREAD.has(condition));
      if (policy.isThere && others.length > 0)
        yield { where: `${policy.path}.retry_on`, detail: others.join(', ') };
    }
}

function* shortTries(judged: Judged): Iterable<Place> {
  for (const { filter } of ours(judged, 'check')) {
    const policy = serviceOf(filter).at('retry_policy');
    const backOff = policy.at('retry_back_off');
    const longest =
      backOff.milliseconds('max_interval') ?? (backOff.milliseconds('base_interval') ?? 25) * 10;
    if (policy.isThere && longest < waitOf(filter.config, filter.role))
      yield { where: backOff.path, detail: `${longest} ms a try` };
  }
}

function* authorities(judged: Judged): Iterable<Place> {
  for (const { filter } of ours(judged)) {
    const service = serviceOf(filter);
    const written = service.at('envoy_grpc').text('authority') ?? '';
    const authority = written === '' ? (clusterOf(service) ?? '') : written;
    if (authority !== '' && !AUTHORITY.test(authority))
      yield { where: `${service.at('envoy_grpc').path}.authority`, detail: JSON.stringify(authority) };
  }
}

/** The source that may take longest of those that sign answers; roots sign none, and keys that have ended are not asked. */
function slowestSource({ configuration, nowMs }: Judged): { name: string; milliseconds: number } | undefined {
  const { feedback } = configuration?.snapshot ?? {};
  const domains = feedback === undefined ? [] : allDomains(feedback);
  const keys = domains.filter(({ delegation }) => delegation === undefined).flatMap((domain) => domain.keys);
  const names = keys.map((key) =>
    key.kind === 'remote' && nowMs < key.notAfterMs ? key.reference.source : undefined,
  );
  const [slowest] = (configuration?.settings.keys.sources ?? [])
    .filter(({ name }) => names.includes(name))
    .sort((one, other) => other.timeoutMilliseconds - one.timeoutMilliseconds);
  return slowest && { name: slowest.name, milliseconds: slowest.timeoutMilliseconds };
}

function* slowSources(judged: Judged): Iterable<Place> {
  const slowest = slowestSource(judged);
  if (slowest === undefined) return;
  const needed = slowest.milliseconds + LATER_MILLISECONDS;
  for (const { manager, filter } of ours(judged, 'signer', 'front')) {
    const wait = waitOf(filter.config, filter.role);
    if (wait < needed && signs(filter, manager.routes))
      yield {
        where: `${filter.config.path}.message_timeout`,
        detail: `Envoy waits ${wait} ms, and keys.sources.${slowest.name}.timeoutMilliseconds is ${slowest.milliseconds}: give ${needed / 1000}s or more`,
      };
  }
}

/** In the order of their ids. */
export const CHECK_CALLS: readonly Rule[] = [
  {
    id: 'CSD130',
    name: 'short-wait',
    severity: 'warning',
    what: 'Envoy and the verifier do not agree on how long a check may take, or it is the default of 200 ms.',
    why: 'What Envoy no longer waits for is a 503 or 504 for an honest client, although its nonce may be used by then.',
    instead:
      'grpc_service.timeout (of ext_proc: message_timeout) equal to limits.checkTimeoutMilliseconds, 1s by default',
    check: shortWaits,
  },
  {
    id: 'CSD131',
    name: 'time-outs-cross',
    severity: 'warning',
    what: 'The stream ends before the check does.',
    why: 'A request whose check takes long is cut by another limit: an answer that tells nobody why, for a used nonce.',
    instead: 'a limit well above the wait for the check and for the application together',
    check: crossing,
  },
  {
    id: 'CSD132',
    name: 'check-retried',
    severity: 'error',
    what: 'A check is sent again where the first may have been judged.',
    why: 'The second finds the nonce used by the first: an honest request is refused with 409.',
    instead: 'no retry_policy, or retry_on: connect-failure,refused-stream for several verifiers',
    check: retries,
  },
  {
    id: 'CSD133',
    name: 'short-tries',
    severity: 'warning',
    what: 'The longest pause between tries is below the time-out of the check.',
    why: 'Envoy takes it for the limit of each try, too (seen on 1.36 and 1.40): a check is cut before its time.',
    instead: 'retry_back_off.max_interval equal to grpc_service.timeout',
    check: shortTries,
  },
  {
    id: 'CSD134',
    name: 'authority',
    severity: 'error',
    what: 'The name under which the verifier is called is no authority of HTTP/2.',
    why: 'Calls are reset before the verifier sees them. Gateways and meshes name clusters with slashes and bars, and that name is the default.',
    instead: 'envoy_grpc.authority: countersign',
    check: authorities,
  },
  {
    id: 'CSD135',
    name: 'google-grpc',
    severity: 'warning',
    what: "The filter uses Google's gRPC client, and not Envoy's own.",
    why: 'Its failures, time-outs and stream ends were not tried: nobody knows whether it fails closed.',
    instead: 'envoy_grpc',
    check: (judged) =>
      ours(judged)
        .filter(({ filter }) => serviceOf(filter).has('google_grpc'))
        .map(({ filter }) => ({ where: `${serviceOf(filter).path}.google_grpc` })),
  },
  {
    id: 'CSD136',
    name: 'slow-source',
    severity: 'warning',
    what: 'Envoy may give an answer up before the slowest key source is late.',
    why: "The client gets Envoy's 504, and neither a record nor a metric says why; the verifier's own 503 has both.",
    instead:
      'message_timeout of half a second more than timeoutMilliseconds of every source under keys.sources that signs answers, or a smaller timeoutMilliseconds there',
    check: slowSources,
  },
];
