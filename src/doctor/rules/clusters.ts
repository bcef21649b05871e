/** CSD7xx: the clusters that lead to the verifier, and the process that all of this runs in. */
import { clusterOf, isLocal } from '../model/clusters.js';
import { versionText, type EnvoyVersion } from '../model/version.js';
import { ABSENT, type Message } from '../read/message.js';
import { ours, serviceOf, type Judged, type Place, type Rule } from './rule.js';

/** Clusters that filters of ours call, by name. */
function verifierClusters(judged: Judged): Map<string, Message> {
  const names = ours(judged).flatMap(({ filter }) => clusterOf(serviceOf(filter)) ?? []);
  return new Map([...new Set(names)].map((name) => [name, judged.envoy.clusters.named(name)]));
}

function* there(judged: Judged): Iterable<[name: string, cluster: Message]> {
  for (const [name, cluster] of verifierClusters(judged)) if (cluster.isThere) yield [name, cluster];
}

function* unknownClusters(judged: Judged): Iterable<Place> {
  if (judged.envoy.parts.clusters.length === 0) return;
  for (const [name, cluster] of verifierClusters(judged))
    if (!cluster.isThere) yield { where: `cluster ${name}` };
}

function tlsOf(cluster: Message): Message {
  const typed = cluster.at('transport_socket', 'typed_config');
  return typed.type.endsWith('.UpstreamTlsContext') ? typed.typed : ABSENT;
}

/** Somebody holds the other side's certificate against something. */
function isValidated(tls: Message): boolean {
  const context = tls.at('common_tls_context');
  const combined = context.at('combined_validation_context');
  const inline = [context.at('validation_context'), combined.at('default_validation_context')];
  return (
    context.has('validation_context_sds_secret_config') ||
    combined.has('validation_context_sds_secret_config') ||
    inline.some((validation) => validation.has('trusted_ca') || validation.has('custom_validator_config'))
  );
}

function* openWays(judged: Judged): Iterable<Place> {
  for (const [name, cluster] of there(judged)) {
    const tls = tlsOf(cluster);
    if (isValidated(tls)) continue;
    for (const endpoint of judged.envoy.clusters.endpoints(name)) {
      const detail = tls.isThere ? 'nobody validates the certificate of the verifier' : endpoint.host;
      if (!isLocal(endpoint)) yield { where: endpoint.where, detail: detail ?? 'no address' };
    }
  }
}

const SECRET_HEADER = 'x-countersign-secret';

/** `listen.tcp` takes nobody who does not show who he is: by TLS or by the secret. */
function* unknownCallers(judged: Judged): Iterable<Place> {
  const tcp = judged.configuration?.settings.listen.tcp;
  const header = tcp?.secretHeader ?? SECRET_HEADER;
  for (const { filter } of ours(judged)) {
    const service = serviceOf(filter);
    const name = clusterOf(service) ?? '';
    const byTls = tlsOf(judged.envoy.clusters.named(name)).isThere;
    const isAsked = tcp === undefined ? !byTls : tcp.secrets.length > 0;
    const overTcp = judged.envoy.clusters.endpoints(name).some(({ host }) => host !== undefined);
    const shows = service.list('initial_metadata').some((entry) => entry.text('key') === header);
    if (overTcp && isAsked && !shows) yield { where: `${service.path}.initial_metadata`, detail: header };
    if (overTcp && tcp?.tls !== undefined && !byTls)
      yield { where: `cluster ${name}`, detail: 'listen.tcp.tls, and no TLS here' };
  }
}

const PROTOCOL_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function speaksHttp2(cluster: Message): boolean {
  if (cluster.has('http2_protocol_options')) return true;
  const options = cluster
    .entries('typed_extension_protocol_options')
    .find(([key]) => key === PROTOCOL_OPTIONS)?.[1];
  if (options === undefined) return false;
  const { typed } = options;
  return (
    ['explicit_http_config', 'use_downstream_protocol_config'].some((field) =>
      typed.at(field).has('http2_protocol_options'),
    ) || typed.has('auto_config')
  );
}

function* notHttp2(judged: Judged): Iterable<Place> {
  for (const [, cluster] of there(judged)) if (!speaksHttp2(cluster)) yield { where: cluster.path };
}

function* unhealthy(judged: Judged): Iterable<Place> {
  for (const [, cluster] of there(judged)) {
    if (cluster.list('health_checks').length === 0) yield { where: `${cluster.path}.health_checks` };
    const panic = cluster.at('common_lb_config', 'healthy_panic_threshold');
    if ((panic.isThere ? (panic.number('value') ?? 0) : 50) > 0)
      yield { where: `${cluster.path}.common_lb_config.healthy_panic_threshold` };
  }
}

/** The first release of each line without the faults below; a line before 1.36 has no mended one. */
const FIRST_MENDED: ReadonlyMap<number, number> = new Map([
  [36, 10],
  [37, 6],
  [38, 5],
  [39, 2],
]);

function isMended({ major, minor, patch }: EnvoyVersion): boolean {
  if (major !== 1) return major > 1;
  return minor >= 40 || (minor >= 36 && patch >= (FIRST_MENDED.get(minor) ?? 0));
}

function* oldEnvoy({ envoy }: Judged): Iterable<Place> {
  if (envoy.version !== undefined && !isMended(envoy.version))
    yield { where: 'bootstrap.node.user_agent_build_version', detail: versionText(envoy.version) };
}

const LOOPBACK = /^(?:127\.|::1$)/;

function* openAdmin({ envoy }: Judged): Iterable<Place> {
  const address = envoy.parts.bootstrap?.at('admin', 'address', 'socket_address');
  const host = address?.text('address');
  if (address !== undefined && host !== undefined && !LOOPBACK.test(host))
    yield { where: `${address.path}.address`, detail: host };
}

function* noOverload({ envoy }: Judged): Iterable<Place> {
  const { bootstrap } = envoy.parts;
  if (bootstrap === undefined || envoy.guarded.length === 0) return;
  const monitors = bootstrap
    .at('overload_manager')
    .list('resource_monitors')
    .map((monitor) => monitor.text('name') ?? '');
  for (const name of ['fixed_heap', 'global_downstream_max_connections'])
    if (!monitors.some((monitor) => monitor.endsWith(name)))
      yield { where: `${bootstrap.path}.overload_manager`, detail: `without ${name}` };
}

const MAX_CLOCK_SECONDS = 2;

function* clocks({ facts, configuration }: Judged): Iterable<Place> {
  const windows = [...(configuration?.snapshot.policies.values() ?? [])].flatMap((policy) =>
    policy.kind === 'signed'
      ? [Math.min(policy.freshness.pastSkewSeconds, policy.freshness.futureSkewSeconds)]
      : [],
  );
  const window = Math.min(30, ...windows);
  for (const { who, aheadSeconds } of facts.clocks) {
    const off = Math.abs(aheadSeconds);
    const detail = `${off} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} this machine`;
    if (off > MAX_CLOCK_SECONDS)
      yield { where: `the clock of ${who}`, detail, severity: off >= window ? 'error' : 'warning' };
  }
}

const OTHERS_MAY_WRITE = 0o002;
const OTHERS_MAY_USE = 0o007;

function* socketModes({ facts }: Judged): Iterable<Place> {
  for (const { path, mode, isSocket, isDirectory } of facts.files) {
    const detail = `mode 0${mode.toString(8)}`;
    if (isSocket && (mode & OTHERS_MAY_WRITE) !== 0) yield { where: path, detail };
    if (isDirectory && (mode & OTHERS_MAY_USE) !== 0)
      yield { where: path, detail, severity: (mode & OTHERS_MAY_WRITE) === 0 ? 'warning' : 'error' };
    if (!isSocket && !isDirectory) yield { where: path, detail: 'it is no socket' };
  }
}

/** In the order of their ids. */
export const CLUSTERS: readonly Rule[] = [
  {
    id: 'CSD701',
    name: 'no-cluster',
    severity: 'error',
    what: 'The cluster that a filter asks does not exist.',
    why: 'Every check fails, and with it every request.',
    instead: 'the cluster, as countersign envoy-config prints it',
    check: unknownClusters,
  },
  {
    id: 'CSD702',
    name: 'verifier-over-the-network',
    severity: 'error',
    what: 'Checks leave this machine without TLS, or by TLS to whomever.',
    why: 'Whoever is on the way, or takes the name of the verifier, answers allow.',
    instead: 'a Unix socket or a loopback address; else mutual TLS to the verifier',
    check: openWays,
  },
  {
    id: 'CSD703',
    name: 'no-http2',
    severity: 'error',
    what: 'The cluster of the verifier does not speak HTTP/2.',
    why: 'gRPC needs it: every check fails.',
    instead: 'explicit_http_config.http2_protocol_options',
    check: notHttp2,
  },
  {
    id: 'CSD704',
    name: 'health-unseen',
    severity: 'warning',
    what: 'Envoy does not ask whether the verifier serves, or asks an unhealthy one all the same.',
    why: 'A restart or a lost store costs each client the whole time-out in place of an immediate 503.',
    instead: 'health_checks with grpc_health_check, and common_lb_config.healthy_panic_threshold: {value: 0}',
    check: unhealthy,
  },
  {
    id: 'CSD705',
    name: 'caller-unknown',
    severity: 'error',
    what: 'Envoy asks the verifier over TCP and does not show who it is.',
    why: 'Any process that reaches the port could ask, so the verifier refuses such calls: every request gets a 503.',
    instead: `grpc_service.initial_metadata: [{key: ${SECRET_HEADER}, value: …}] as in listen.tcp.sharedSecretFile, or TLS on both sides`,
    check: unknownCallers,
  },
  {
    id: 'CSD710',
    name: 'known-faults',
    severity: 'warning',
    what: 'This Envoy has known faults in what the verifier leans on.',
    why: 'ext_authz crashes on a request without a path (CVE-2026-73547), paths are read in two ways (CVE-2026-73551, -73511), upgrades can be poisoned (CVE-2026-73548).',
    instead: 'Envoy 1.39.2, 1.38.5, 1.37.6, 1.36.10 or newer of these lines, or 1.40',
    check: oldEnvoy,
  },
  {
    id: 'CSD711',
    name: 'admin-open',
    severity: 'error',
    what: 'The admin endpoint of Envoy is reachable from other machines.',
    why: 'It has no authentication: whoever reaches it stops Envoy, reads its configuration and sets runtime keys.',
    instead: 'admin.address on 127.0.0.1 or a Unix socket',
    check: openAdmin,
  },
  {
    id: 'CSD712',
    name: 'no-overload-manager',
    severity: 'note',
    what: 'Memory or connections of Envoy have no bound.',
    why: 'Held bodies times streams times connections can exhaust the machine, before anybody is authenticated.',
    instead: 'overload_manager with fixed_heap and global_downstream_max_connections',
    check: noOverload,
  },
  {
    id: 'CSD720',
    name: 'clocks',
    severity: 'error',
    what: 'Clocks differ.',
    why: 'Timestamps are judged by the clock of the verifier, within seconds: honest requests are refused, and certificates end at another time.',
    instead: 'keep time by NTP on every machine',
    check: clocks,
  },
  {
    id: 'CSD721',
    name: 'socket-modes',
    severity: 'error',
    what: 'Others than the group of the verifier can use its socket, or something else is in its place.',
    why: 'Any process of the machine can spend nonces by checks of its own; where the directory may be written, take the place of the verifier.',
    instead: 'the directory 0750 or 2770, the socket 0660',
    check: socketModes,
  },
];
