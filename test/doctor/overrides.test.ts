/** Whether the doctor puts the overrides of nested levels together as Envoy does: every pair of levels, asked of a real Envoy. */
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { envoyOf } from '../../src/doctor/model/envoy.js';
import { isChecked, processingModeOf, processorOverride } from '../../src/doctor/model/checked.js';
import { partsOf } from '../../src/doctor/read/dump.js';
import { LINES } from './corpus/corpus.js';
import { binaryOf, installedFolder, startEnvoy, type RunningEnvoy } from './support/running-envoy.js';
import { tree } from './support/document.js';

const TYPES = 'type.googleapis.com/envoy';
const WRAPPER = `${TYPES}.config.route.v3.FilterConfig`;
const ext = (name: string): string => `${TYPES}.extensions.filters.http.${name}`;

/** Nobody listens there: a request that is checked gets `ASKED`. */
const CLUSTER = 'countersign-nobody';
const ASKED = 502;
const UNASKED = 200;

const wrapped = {
  nothing: undefined,
  off: { '@type': WRAPPER, disabled: true },
  on: { '@type': WRAPPER, config: {} },
};

const KINDS = {
  ext_authz: {
    config: { '@type': ext('ext_authz.v3.ExtAuthz') },
    levels: {
      ...wrapped,
      disabled: { '@type': ext('ext_authz.v3.ExtAuthzPerRoute'), disabled: true },
      settings: { '@type': ext('ext_authz.v3.ExtAuthzPerRoute'), check_settings: {} },
      'off with settings': {
        '@type': WRAPPER,
        disabled: true,
        config: { '@type': ext('ext_authz.v3.ExtAuthzPerRoute'), check_settings: {} },
      },
      'on with disabled': {
        '@type': WRAPPER,
        config: { '@type': ext('ext_authz.v3.ExtAuthzPerRoute'), disabled: true },
      },
    },
  },
  ext_proc: {
    config: {
      '@type': ext('ext_proc.v3.ExternalProcessor'),
      processing_mode: { request_header_mode: 'SEND', response_header_mode: 'SKIP' },
    },
    levels: {
      ...wrapped,
      disabled: { '@type': ext('ext_proc.v3.ExtProcPerRoute'), disabled: true },
      empty: processor({}),
      blind: processor({ processing_mode: { request_header_mode: 'SKIP', response_header_mode: 'SKIP' } }),
      'another service': processor({ grpc_service: { envoy_grpc: { cluster_name: CLUSTER } } }),
      open: processor({ failure_mode_allow: true }),
      closed: processor({ failure_mode_allow: false }),
    },
  },
} as const;

function processor(overrides: object): object {
  return { '@type': ext('ext_proc.v3.ExtProcPerRoute'), overrides };
}

type Kind = keyof typeof KINDS;

/** One virtual host: what its levels say. */
interface Combination {
  readonly title: string;
  readonly path: string;
  readonly host: object | undefined;
  readonly route: object | undefined;
}

function combinations(kind: Kind): Combination[] {
  const levels = Object.entries(KINDS[kind].levels);
  return levels.flatMap(([hostName, host], i) =>
    levels.map(([routeName, route], j) => {
      return { title: `host ${hostName}, route ${routeName}`, path: `/${i}-${j}`, host, route };
    }),
  );
}

const override = (kind: Kind, value: object | undefined): object =>
  value === undefined ? {} : { typed_per_filter_config: { [kind]: value } };

/** A listener whose filter is on or off, and a host for each combination. */
function listener(kind: Kind, isOff: boolean, port: number): object {
  const { config } = KINDS[kind];
  const service = { grpc_service: { envoy_grpc: { cluster_name: CLUSTER }, timeout: '1s' } };
  const filter = { ...config, ...service, status_on_error: { code: 'BadGateway' } };
  return {
    name: `${kind} ${isOff ? 'off' : 'on'}`,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: managerOf(kind, filter, isOff) }] }],
  };
}

function managerOf(kind: Kind, filter: object, isOff: boolean): object {
  return {
    '@type': `${TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'a',
    http_filters: [
      { name: kind, disabled: isOff, typed_config: filter },
      { name: 'router', typed_config: { '@type': ext('router.v3.Router') } },
    ],
    route_config: {
      virtual_hosts: combinations(kind).map(({ title, path, host, route }) => ({
        name: title,
        domains: [path.slice(1)],
        ...override(kind, host),
        routes: [{ match: { prefix: '/' }, direct_response: { status: UNASKED }, ...override(kind, route) }],
      })),
    },
  };
}

const LISTENERS = (['ext_authz', 'ext_proc'] as const).flatMap((kind) =>
  [false, true].map((isOff) => ({ kind, isOff })),
);

function bootstrap(): object {
  return {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    static_resources: {
      listeners: LISTENERS.map(({ kind, isOff }) => listener(kind, isOff, 0)),
      clusters: [
        {
          name: CLUSTER,
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': `${TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}

function statusOf(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path: '/', headers: { host } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject).end();
  });
}

async function portsOf({ admin }: RunningEnvoy): Promise<Map<string, number>> {
  const answer = await fetch(`${admin}/listeners?format=json`);
  const { listener_statuses: statuses } = (await answer.json()) as {
    listener_statuses: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return new Map(statuses.map(({ name, local_address: at }) => [name, at.socket_address.port_value]));
}

/** What the doctor says of each host: by the same rules as its rules go. */
function expected(kind: Kind, isOff: boolean): Record<string, number> {
  const parts = partsOf({ static_resources: { listeners: [listener(kind, isOff, 0)], clusters: [] } });
  if ('message' in parts) throw new Error(parts.message);
  const [manager] = envoyOf(parts, { sockets: [], clusterNames: [] }).guarded;
  const [filter] = manager!.filters;
  return Object.fromEntries(
    manager!.routes.map((route) => {
      const isBlind = processingModeOf(route, filter!).text('request_header_mode') === 'SKIP';
      const failsOpen = processorOverride(route, filter!, 'failure_mode_allow')?.flag('failure_mode_allow');
      const isAsked = isChecked(route, filter!) && !isBlind && failsOpen !== true;
      return [route.host.text('name')!, isAsked ? ASKED : UNASKED];
    }),
  );
}

describe.each(LINES)('overrides of Envoy %s', (line) => {
  let folder: string;
  let envoy: RunningEnvoy;
  let ports: Map<string, number>;

  beforeAll(async () => {
    folder = installedFolder();
    envoy = await startEnvoy(binaryOf(line), folder, tree(bootstrap()));
    ports = await portsOf(envoy);
  }, 120_000);

  afterAll(async () => {
    await envoy.stop();
    rmSync(folder, { recursive: true });
  });

  it.each(LISTENERS)('of $kind, off at the listener: $isOff', async ({ kind, isOff }) => {
    const port = ports.get(`${kind} ${isOff ? 'off' : 'on'}`)!;
    const seen: Record<string, number> = {};
    for (const { title, path } of combinations(kind)) seen[title] = await statusOf(port, path.slice(1));
    expect(seen).toEqual(expected(kind, isOff));
  });
});
