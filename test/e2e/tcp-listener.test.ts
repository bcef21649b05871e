/** A gateway that reaches the verifier by TCP: with a shared secret, with TLS, and with what is wrong about either. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import { envoyPlan } from '../../tools/local-federation/plans.js';
import { startProcess } from '../../tools/local-federation/processes.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { until } from '../support/until.js';
import { makeTlsFiles, type TlsFiles } from '../unit/client/tls-files.js';
import { envoyOfLine, type EnvoyLine } from './support/envoy-line.js';
import { anyFreePort } from './support/free-port.js';
import { PROTOCOLS, type Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { Stage, type StageOptions } from './support/stage.js';
import { requestsByPort, withWorkers, workerPid, workersOf } from './support/workers.js';
import { worldOf } from './support/world.js';

const SECRET = 'one'.repeat(20);
const NEXT_SECRET = 'two'.repeat(20);
const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

type Node = Record<string, unknown>;

let stage: Stage;
let files: TlsFiles;
let port = 0;
let secretFile = '';

beforeAll(async () => {
  files = makeTlsFiles();
  secretFile = join(mkdtempSync(join(tmpdir(), 'secret-')), 'secret');
  writeSecrets(SECRET);
  stage = await Stage.open();
  // Not one of those that the stage has chosen.
  port = await anyFreePort();
  await stage.change(withSecret(SECRET));
}, 120_000);
afterAll(async () => {
  await stage.close();
  for (const directory of [files.directory, join(secretFile, '..')]) rmSync(directory, { recursive: true });
}, 90_000);

function writeSecrets(...secrets: string[]): void {
  writeFileSync(secretFile, `${secrets.join('\n')}\n`, { mode: 0o600 });
}

type Tcp = NonNullable<ConfigurationDocument['listen']['tcp']>;

const listening =
  (more: Partial<Tcp>) =>
  (document: ConfigurationDocument): ConfigurationDocument => ({
    ...document,
    listen: { ...document.listen, tcp: { port, ...more } },
  });

/** The bootstrap that we render, with every way to the verifier by TCP. */
function byTcp(bootstrap: string, changeNode: (node: Node) => void): string {
  const document = parse(bootstrap) as Node;
  // Of each worker a socket, and so a port: they count up.
  const sockets: string[] = [];
  walk(document, (node) => {
    if (typeof node['pipe'] === 'object' && JSON.stringify(node['pipe']).includes('verifier')) {
      const { path } = node['pipe'] as { readonly path: string };
      if (!sockets.includes(path)) sockets.push(path);
      delete node['pipe'];
      node['socket_address'] = { address: '127.0.0.1', port_value: port + sockets.indexOf(path) };
    }
    changeNode(node);
  });
  return stringify(document);
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) visit(value as Node);
  for (const member of Object.values(value)) walk(member, visit);
}

/** On every `grpc_service`: the metadata of its calls. */
const showing =
  (secret: string) =>
  (node: Node): void => {
    if (node['envoy_grpc'] !== undefined)
      node['initial_metadata'] = [{ key: 'x-countersign-secret', value: secret }];
  };

const withSecret = (secret: string): StageOptions => ({
  patchConfiguration: listening({ sharedSecretFile: secretFile }),
  patchBootstrap: (bootstrap) => byTcp(bootstrap, showing(secret)),
});

const OURS = ['verifier', 'signer', 'access-log', 'other-access-log'];

function withTls(client: { readonly certificateFile: string; readonly keyFile: string }): StageOptions {
  const [verifier, ca] = [files.server, files.ca.certificateFile];
  const tls = {
    certificateFile: verifier.certificateFile,
    privateKeyFile: verifier.keyFile,
    clientCaFile: ca,
    clientNames: ['localhost'],
  };
  const context = {
    '@type': `type.googleapis.com/${UPSTREAM_TLS}`,
    sni: 'localhost',
    common_tls_context: {
      tls_certificates: [
        {
          certificate_chain: { filename: client.certificateFile },
          private_key: { filename: client.keyFile },
        },
      ],
      validation_context: {
        trusted_ca: { filename: ca },
        match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'localhost' } }],
      },
    },
  };
  return {
    patchConfiguration: listening({ sharedSecretFile: secretFile, tls }),
    patchBootstrap: (bootstrap) =>
      byTcp(bootstrap, (node) => {
        showing(SECRET)(node);
        if (OURS.includes(String(node['name'])) && node['load_assignment'] !== undefined)
          node['transport_socket'] = { name: 'envoy.transport_sockets.tls', typed_config: context };
      }),
  };
}

const signed = (): Outgoing => telemetry({ by: worldOf(stage.federation.credentials).a });

async function expectAllowed(): Promise<void> {
  for (const protocol of PROTOCOLS) {
    const seen = await stage.exchange(protocol, signed());
    expect([seen.answer.status, seen.arrivals.length]).toEqual([202, 1]);
    expect(seen.records).toMatchObject([{ code: 'allow' }]);
  }
}

async function refusedByTcp(reason: string): Promise<number> {
  const metrics = await fetch(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/metrics`);
  const line = new RegExp(`^countersign_tcp_refused_total\\{reason="${reason}"\\} (\\d+)$`, 'm');
  return Number(line.exec(await metrics.text())?.[1] ?? 0);
}

test('with the secret, requests are verified as over the socket', expectAllowed);

test('the secret is changed while requests flow, and none is lost', async () => {
  const statuses = new Set<number>();
  const flow = { isOver: false };
  const sent = (async () => {
    while (!flow.isOver) statuses.add((await stage.send('HTTP/2', signed())).status);
  })();
  for (const secrets of [[SECRET, NEXT_SECRET], [NEXT_SECRET, SECRET], [SECRET]]) {
    writeSecrets(...secrets);
    await reloaded();
  }
  flow.isOver = true;
  await sent;
  expect([...statuses]).toEqual([202]);
});

async function reloaded(): Promise<void> {
  const { ok } = await fetch(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/reload`, {
    method: 'POST',
  });
  expect(ok).toBe(true);
}

test('two workers have a port each, one memory of nonces, and a place for whoever dies', async () => {
  await stage.change(withWorkers(2, withSecret(SECRET)));
  await expectAllowed();
  const once = signed();
  const statuses: number[] = [];
  for (let at = 0; at < 20; at++) statuses.push((await stage.send('HTTP/2', once)).status);
  expect(statuses).toEqual([202, ...Array.from({ length: 19 }, () => 409)]);
  await until('both were asked', async () => {
    expect((await stage.send('HTTP/2', signed())).status).toBe(202);
    const asked = await requestsByPort(stage);
    return [port, port + 1].every((one) => (asked.get(one) ?? 0) > 0);
  });
  process.kill(await workerPid(stage, 1), 'SIGKILL');
  await until('its place is taken', async () => {
    const second = (await workersOf(stage)).find(({ worker }) => worker === 1);
    return second?.serving === true && second.replacements > 0;
  });
  await until('requests pass again', async () => (await stage.send('HTTP/2', signed())).status === 202);
  await stage.change(withSecret(SECRET));
}, 180_000);

test('with a wrong secret nothing passes, even through an Envoy that fails open', async () => {
  await rewire((bootstrap) =>
    bootstrap
      .replaceAll(SECRET, 'a wrong one')
      .replaceAll(/failure_mode_allow: false/g, 'failure_mode_allow: true'),
  );
  await until('Envoy asks', async () => (await nothingPasses()) && (await refusedByTcp('secret')) > 0);
  for (const protocol of PROTOCOLS) {
    const seen = await stage.exchange(protocol, signed());
    expect([seen.answer.status, seen.arrivals, seen.records]).toEqual([503, [], []]);
  }
}, 60_000);

test.each<EnvoyLine>(['current', '1.36'])(
  'with TLS, on Envoy %s',
  async (line) => {
    await stage.change({ ...withTls(files.client), envoyBinary: envoyOfLine(line) });
    await expectAllowed();
  },
  240_000,
);

test('with a certificate of another authority nothing passes', async () => {
  const before = await refusedByTcp('handshake');
  await rewire((bootstrap) =>
    bootstrap
      .replaceAll(files.client.certificateFile, files.stranger.certificateFile)
      .replaceAll(files.client.keyFile, files.stranger.keyFile),
  );
  await until(
    'Envoy asks',
    async () => (await nothingPasses()) && (await refusedByTcp('handshake')) > before,
  );
}, 60_000);

/** True once Envoy answers. */
async function nothingPasses(): Promise<boolean> {
  const seen = await stage.exchange('HTTP/2', signed());
  if (seen.answer.status === 0) return false;
  expect([seen.answer.status, seen.arrivals, seen.records]).toEqual([503, [], []]);
  return true;
}

/** Restarts Envoy alone: whoever waits for this federation to be healthy waits in vain. */
async function rewire(patch: (bootstrap: string) => string): Promise<void> {
  const { layout } = stage.federation;
  const bootstrap = patch(readFileSync(layout.envoyFile, 'utf8'));
  writeFileSync(layout.envoyFile, bootstrap);
  await stage.federation.interrupt('envoy');
  const binary = await findEnvoy(layout, undefined);
  await startProcess(layout, envoyPlan(layout, binary, [bootstrap]), 'caller');
}
