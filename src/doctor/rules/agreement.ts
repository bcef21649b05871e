/** CSD8xx: Envoy against our configuration and the running verifier; CSD9xx: what could not be judged. */
import { isChecked, settingsOf } from '../model/checked.js';
import type { Route } from '../model/routes.js';
import { workerSocketPaths } from '../../config/settings.js';
import type { Policy } from '../../verify/snapshot.js';
import { clusterOf, isLocal } from '../model/clusters.js';
import { signs } from './processor-settings.js';
import { decided, ours, serviceOf, type Judged, type Place, type Rule } from './rule.js';

/** What Envoy prints for `context_extensions` in a dump (seen on 1.36 and 1.40): only a bootstrap names the policies. */
const REDACTED = '[redacted]';

/** `countersign_policy` of a route: the most specific level that has one. */
function* namedPolicies(judged: Judged): Iterable<{ route: Route; name: string; where: string }> {
  for (const { manager, filter } of decided(judged)) {
    if (filter.role !== 'check') continue;
    for (const route of manager.routes) {
      if (!isChecked(route, filter)) continue;
      for (const { config } of settingsOf(route, filter)) {
        const name = config.at('check_settings', 'context_extensions').text('countersign_policy');
        if (name === undefined) continue;
        if (name !== REDACTED)
          yield { route, name, where: `${config.path}.check_settings.context_extensions` };
        break;
      }
    }
  }
}

function* unknownPolicies(judged: Judged): Iterable<Place> {
  const policies = judged.configuration?.snapshot.policies;
  if (policies === undefined) return;
  for (const { name, where } of namedPolicies(judged))
    if (!policies.has(name)) yield { where, detail: JSON.stringify(name) };
}

/** Whether every path that the route takes is one of the policy's; other kinds of match are not judged. */
function fits(route: Route, { match }: Policy): boolean {
  const wanted = route.message.at('match');
  const [exact, prefix] = [
    wanted.text('path'),
    wanted.text('prefix') ?? wanted.text('path_separated_prefix'),
  ];
  if (exact !== undefined)
    return match.kind === 'exact' ? exact === match.path : exact.startsWith(match.path);
  if (prefix !== undefined) return match.kind === 'prefix' && prefix.startsWith(match.path);
  return true;
}

function* otherPaths(judged: Judged): Iterable<Place> {
  const policies = judged.configuration?.snapshot.policies;
  for (const { route, name, where } of namedPolicies(judged)) {
    const policy = policies?.get(name);
    if (policy !== undefined && !fits(route, policy))
      yield { where, detail: `${name} is for ${policy.match.kind} ${policy.match.path}` };
  }
}

function* unsignedAnswers(judged: Judged): Iterable<Place> {
  const policies = [...(judged.configuration?.snapshot.policies.values() ?? [])];
  if (!policies.some((policy) => policy.kind === 'signed' && policy.answer === 'signed_feedback')) return;
  for (const { filters, config, routes } of judged.envoy.guarded)
    if (!filters.some((filter) => signs(filter, routes))) yield { where: config.path };
}

function* otherLimits(judged: Judged): Iterable<Place> {
  const wanted = judged.configuration?.settings.limits.maxBodyBytes;
  if (wanted === undefined) return;
  for (const { filter } of ours(judged, 'check')) {
    const body = filter.config.at('with_request_body');
    const limit = body.number('max_request_bytes');
    if (limit !== undefined && limit !== wanted)
      yield {
        where: `${body.path}.max_request_bytes`,
        detail: `${limit}, and limits.maxBodyBytes is ${wanted}`,
      };
  }
}

function* otherSockets(judged: Judged): Iterable<Place> {
  if (judged.configuration === undefined) return;
  const sockets = workerSocketPaths(judged.configuration.settings);
  const { clusters } = judged.envoy;
  for (const name of calledClusters(judged)) {
    const pipes = clusters
      .endpoints(name)
      .flatMap(({ pipe, where }) => (pipe === undefined ? [] : [{ pipe, where }]));
    for (const { pipe, where } of pipes)
      if (!sockets.includes(pipe)) yield { where, detail: `${pipe} is no socket of listen.socket` };
    for (const socket of sockets)
      if (pipes.length > 0 && !pipes.some(({ pipe }) => pipe === socket))
        yield { where: clusters.named(name).path, detail: `${socket} is not among its endpoints` };
  }
  yield* otherPorts(judged);
}

/** Addresses can be translated on the way; the port of a loopback address cannot. */
function* otherPorts(judged: Judged): Iterable<Place> {
  const { configuration, envoy } = judged;
  const tcp = configuration?.settings.listen.tcp;
  for (const name of calledClusters(judged))
    for (const endpoint of envoy.clusters.endpoints(name)) {
      const { where, host = '', port = 0 } = endpoint;
      if (endpoint.pipe !== undefined || !isLocal(endpoint)) continue;
      if (tcp === undefined) yield { where, detail: `${host}:${port}, and there is no listen.tcp` };
      else if (port < tcp.port || port > tcp.port + MAX_WORKERS)
        yield { where, detail: `${host}:${port}, and listen.tcp.port is ${tcp.port}` };
    }
}

/** Each worker has the next port; more than these there are on no machine. */
const MAX_WORKERS = 1024;

/** Names of the clusters that filters of ours call. */
function calledClusters(judged: Judged): Set<string> {
  return new Set(ours(judged).flatMap(({ filter }) => clusterOf(serviceOf(filter)) ?? []));
}

function* loaderWarnings({ configuration }: Judged): Iterable<Place> {
  for (const { path, message } of configuration?.warnings ?? []) yield { where: path, detail: message };
}

function* notServing({ facts }: Judged): Iterable<Place> {
  if (facts.verifier !== undefined && !facts.verifier.ready)
    yield { where: facts.verifier.url, detail: facts.verifier.reasons };
}

function* otherPolicies({ facts, configuration }: Judged): Iterable<Place> {
  const { url = '', refusedReload } = facts.verifier ?? {};
  if (refusedReload !== undefined) yield { where: url, detail: `it refused a reload: ${refusedReload}` };
  const running = facts.verifier?.policies;
  if (running === undefined || configuration === undefined) return;
  const written = [...configuration.snapshot.policies.keys()];
  const missing = written.filter((name) => !running.includes(name));
  const extra = running.filter((name) => !written.includes(name));
  if (missing.length > 0)
    yield { where: facts.verifier?.url ?? '', detail: `it does not have ${missing.slice(0, 10).join(', ')}` };
  if (extra.length > 0)
    yield { where: facts.verifier?.url ?? '', detail: `it also has ${extra.slice(0, 10).join(', ')}` };
}

function* gaps({ envoy }: Judged): Iterable<Place> {
  for (const { where, what } of envoy.gaps) yield { where, detail: what };
  for (const { chain } of envoy.guarded)
    if (chain.isQuic)
      yield { where: chain.message.path, detail: 'HTTP/3: the contract was not tried over it' };
}

function* refusedUpdates({ envoy }: Judged): Iterable<Place> {
  for (const { path, reason } of envoy.parts.refusedUpdates)
    yield { where: path, detail: reason.slice(0, 300) };
}

/** In the order of their ids. */
export const AGREEMENT: readonly Rule[] = [
  {
    id: 'CSD801',
    name: 'policy-unknown',
    severity: 'error',
    what: 'A route names a policy that the configuration does not have.',
    why: 'Every request on it is refused with 404.',
    instead: 'the name of a policy in countersign_policy, or none: then method and path choose it',
    check: unknownPolicies,
  },
  {
    id: 'CSD802',
    name: 'policy-for-other-paths',
    severity: 'warning',
    what: 'A route names a policy that is for other paths.',
    why: 'The verifier lends no policy to other paths: requests that only the route matches are refused with 404.',
    instead: "the policy's own path in the route's match",
    check: otherPaths,
  },
  {
    id: 'CSD803',
    name: 'answers-unsigned',
    severity: 'error',
    what: 'A policy signs answers, and no filter shows them to the signer.',
    why: 'They leave unsigned, and consumers refuse them.',
    instead: 'the ext_proc filter that countersign envoy-config prints',
    check: unsignedAnswers,
  },
  {
    id: 'CSD804',
    name: 'body-limits-differ',
    severity: 'warning',
    what: 'Envoy and the verifier do not have the same limit for bodies.',
    why: 'Bodies between the two are refused by the one that has the smaller, at a place that nobody expects.',
    instead: 'with_request_body.max_request_bytes equal to limits.maxBodyBytes',
    check: otherLimits,
  },
  {
    id: 'CSD805',
    name: 'sockets-differ',
    severity: 'error',
    what: 'Envoy asks at other sockets than the verifier listens at, or leaves one out.',
    why: 'Checks fail, or somebody else answers them; a worker that is left out does nothing.',
    instead: 'every socket of listen.socket and workers, as countersign envoy-config renders them',
    check: otherSockets,
  },
  {
    id: 'CSD806',
    name: 'configuration-warnings',
    severity: 'warning',
    what: 'The configuration has a warning: certificates, keys, pins and CAs are held against each other when it is loaded.',
    why: 'What the loader warns of works, and deserves a look.',
    instead: 'run countersign check-config, and mend what it says',
    check: loaderWarnings,
  },
  {
    id: 'CSD807',
    name: 'verifier-not-serving',
    severity: 'error',
    what: 'The running verifier does not serve, or cannot be asked.',
    why: 'Every request gets a 503.',
    instead: 'look at /readyz of its admin port: it names the component',
    check: notServing,
  },
  {
    id: 'CSD808',
    name: 'verifier-has-other-policies',
    severity: 'warning',
    what: 'The running verifier has other policies than the configuration.',
    why: 'A reload was refused, or has not come, or this is the file of another one.',
    instead: 'look at last_reload in /status of its admin port, and reload',
    check: otherPolicies,
  },
  {
    id: 'CSD901',
    name: 'not-judged',
    severity: 'warning',
    what: 'Something at a place that matters is not in this document, or nobody tried it.',
    why: 'What is not known is not good: a way past the verifier could be there.',
    instead: 'judge the config_dump of the running Envoy, where everything that it was sent is',
    check: gaps,
  },
  {
    id: 'CSD902',
    name: 'update-refused',
    severity: 'warning',
    what: 'Envoy refused an update.',
    why: 'What it runs is not what was sent to it last: a change that closes something may be missing.',
    instead: 'mend the resource as the reason says',
    check: refusedUpdates,
  },
];
