/** What comes to an Envoy by ECDS, by scopes, by matchers: read where it stands, a gap where it is not there. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getAdminPage } from '../../../src/observability/admin-client.js';
import { gatherFacts } from '../../../src/doctor/read/gather.js';
import { envoyOf } from '../../../src/doctor/model/envoy.js';
import { partsOf } from '../../../src/doctor/read/dump.js';
import { loadMinimal } from '../../doctor/support/configured.js';
import { idsOf, verdictOn } from '../../doctor/support/judged.js';

const T = 'type.googleapis.com';
const EXT_AUTHZ = `${T}/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz`;
const OFF = {
  authz: { '@type': `${T}/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute`, disabled: true },
};
const authz = {
  '@type': EXT_AUTHZ,
  failure_mode_allow: true,
  grpc_service: { envoy_grpc: { cluster_name: 'verifier' } },
};

function dumped(manager: object, ...sections: object[]): object {
  const listener = {
    name: 'a',
    filter_chains: [
      {
        filters: [
          {
            typed_config: {
              '@type': `${T}/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              http_filters: [{ name: 'authz', typed_config: authz }],
              ...manager,
            },
          },
        ],
      },
    ],
  };
  const listeners = { '@type': `${T}/envoy.admin.v3.ListenersConfigDump`, static_listeners: [{ listener }] };
  return { configs: [listeners, ...sections] };
}

const discovered = { http_filters: [{ name: 'authz', config_discovery: { config_source: { ads: {} } } }] };
const closed = { route: { cluster: 'app' }, match: { prefix: '/' }, typed_per_filter_config: OFF };
const table = { name: 'routes', virtual_hosts: [{ name: 'all', domains: ['*'], routes: [closed] }] };

describe('by ECDS', () => {
  it('a filter is judged as it was delivered', () => {
    const ecds_filter = { name: 'authz', typed_config: authz };
    const section = { '@type': `${T}/envoy.admin.v3.EcdsConfigDump`, ecds_filters: [{ ecds_filter }] };
    expect(idsOf(verdictOn(dumped(discovered, section)))).toContain('CSD101');
  });

  it('one that is not in the dump is no filter, and said to be missing', () => {
    expect(idsOf(verdictOn(dumped(discovered)))).toEqual(expect.arrayContaining(['CSD001', 'CSD901']));
  });
});

describe('by scopes', () => {
  it.each([
    ['inline_scoped_route_configs', { route_configuration: table }],
    ['dynamic_scoped_route_configs', { route_configuration: table }],
  ])('a route of %s that is off is found', (list, scope) => {
    const section = {
      '@type': `${T}/envoy.admin.v3.ScopedRoutesConfigDump`,
      [list]: [{ scoped_route_configs: [scope] }],
    };
    const ids = idsOf(verdictOn(dumped({ scoped_routes: { name: 'a' } }, section)));
    expect(ids).toEqual(expect.arrayContaining(['CSD401', 'CSD901']));
  });
});

describe('by matchers', () => {
  const inMatcher = (action: object): object => {
    const on_match = { action: { typed_config: action } };
    return {
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            matcher: { matcher_tree: { exact_match_map: { map: { a: on_match } } } },
          },
        ],
      },
    };
  };

  it.each([
    ['a route', { '@type': `${T}/envoy.config.route.v3.Route`, ...closed }],
    ['a list of routes', { '@type': `${T}/envoy.config.route.v3.RouteList`, routes: [closed] }],
  ])('%s that is off is found', (_title, action) => {
    expect(idsOf(verdictOn(dumped(inMatcher(action))))).toContain('CSD401');
  });

  it('what is nested too deeply is said not to be judged', () => {
    let action: object = { '@type': `${T}/envoy.config.route.v3.Route`, ...closed };
    for (let level = 0; level < 60; level += 1) action = { on_no_match: action };
    expect(idsOf(verdictOn(dumped(inMatcher(action))))).toContain('CSD901');
  });
});

describe('over a Unix socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-doctor-'));
  const path = join(folder, 'admin.sock');
  let server: Server;

  beforeAll(async () => {
    server = createServer((_call, answer) => answer.end('x'.repeat(2000)));
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });

  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('a page is taken within its bounds, with the clock of its server', async () => {
    const bounds = { maxBytes: 2000, timeoutMilliseconds: 30_000 };
    const page = await getAdminPage({ kind: 'unix', path }, '/config_dump', bounds);
    expect([page.status, page.body.length]).toEqual([200, 2000]);
    expect(Math.abs(page.aheadSeconds!)).toBeLessThan(60);
  });

  it('a longer one is refused', async () => {
    const bounds = { maxBytes: 1999, timeoutMilliseconds: 30_000 };
    await expect(getAdminPage({ kind: 'unix', path }, '/', bounds)).rejects.toThrow('longer than 1999');
  });
});

describe('what is gathered', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-doctor-'));
  const directory = join(folder, 'run');
  const socketPath = join(directory, 'verifier.sock');

  afterAll(() => rmSync(folder, { recursive: true }));

  it('are the modes of the socket and of its directory, which others may not use', async () => {
    mkdirSync(directory);
    const socket = createSocket();
    await new Promise<void>((resolve) => socket.listen(socketPath, resolve));
    chmodSync(socketPath, 0o777);
    chmodSync(directory, 0o755);
    const loaded = loadMinimal();
    const listen = { ...loaded.settings.listen, socketPath };
    const configuration = { ...loaded, settings: { ...loaded.settings, listen } };
    const parts = partsOf(dumped({}));
    if ('message' in parts) throw new Error(parts.message);
    const envoy = envoyOf(parts, { sockets: [], clusterNames: [] });
    const clocks = [{ who: 'Envoy', aheadSeconds: 40 }];
    const facts = await gatherFacts({ envoy, configuration, verifierAdmin: undefined, clocks });
    socket.close();
    expect(facts.files.map(({ path, mode }) => [path, mode])).toEqual([
      [directory, 0o755],
      [socketPath, 0o777],
    ]);
    expect(idsOf(verdictOn(dumped({}), { facts }))).toEqual(expect.arrayContaining(['CSD720', 'CSD721']));
  });
});
