/** Who gets in at all: strangers to the TLS listener, routes that are declared to be unchecked, the health listener. */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PATHS } from '../../tools/local-federation/bodies.js';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import type { Ports } from '../../tools/local-federation/ports.js';
import { issueCertificate, newCertificateKeys } from '../../src/pki/issue-certificate.js';
import { asVersion1 } from '../support/certificate-version-1.js';
import { until } from '../support/until.js';
import { atBothFamilies, describeAddresses } from './cases/addresses.js';
import { arrivalOf, ours, VERIFIED } from './support/arrivals.js';
import { envoyOfLine } from './support/envoy-line.js';
import { expectRefusedUnasked } from './support/expectations.js';
import { anyFreePort } from './support/free-port.js';
import { adding, PROTOCOLS, type HeaderLine, type Outgoing, type TlsIdentity } from './support/outgoing.js';
import { nowSeconds, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({
    patchConfiguration: (document) => atBothFamilies(worldConfiguration(document)),
  });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

describeAddresses(() => stage);

describe.each(PROTOCOLS)('over %s', (protocol) => {
  describe('a route that is declared to be unchecked', () => {
    const page = (over: TlsIdentity, path = '/portal/start'): Outgoing => ({
      over,
      method: 'GET',
      path,
      headers: [],
      body: Buffer.alloc(0),
      framing: 'none',
    });

    test('passes without a signature, is recorded as unchecked, and keeps its query', async () => {
      const seen = await stage.exchange(protocol, page(world.a, '/login?next=%2Fportal'));
      expect([seen.answer.status, seen.records.map(({ code }) => code)]).toEqual([200, ['pass_through']]);
      expect(arrivalOf(seen).path).toBe('/login?next=%2Fportal');
    });

    test('gets none of our headers, known and unknown ones alike', async () => {
      const lines = [...VERIFIED, 'x-countersign-foo'].map((name): HeaderLine => [name, 'mallory']);
      const seen = await stage.exchange(protocol, adding(page(world.unpinned), ...lines, ...lines));
      expect(seen.answer.status).toBe(200);
      expect(ours(arrivalOf(seen))).toEqual([]);
    });

    test.each(['/portal/../internal/v1/telemetry', '/portal/%2e%2e/internal/v1/telemetry'])(
      'lends nothing to the signed path behind %s',
      async (path) => {
        const seen = await stage.exchange(protocol, {
          ...page(world.a, path),
          method: 'POST',
          framing: 'length',
        });
        expect([seen.answer.status, seen.records.map(({ code }) => code), seen.arrivals]).toEqual([
          401,
          ['header_missing'],
          [],
        ]);
      },
    );

    test.each([
      '/portal/..;/internal/v1/telemetry',
      '/portal//..//internal/v1/telemetry',
      '/portal/x;/../../internal/v1/telemetry',
      '/portal/%2e%2e;/internal/v1/telemetry',
    ])('%s reaches no signed route of the application unsigned', async (path) => {
      const seen = await stage.exchange(protocol, {
        ...page(world.a, path),
        method: 'POST',
        framing: 'length',
      });
      const signedPaths: readonly string[] = Object.values(PATHS);
      for (const arrival of seen.arrivals) {
        expect(signedPaths).not.toContain(arrival.path);
        expect(ours(arrival)).toEqual([]);
      }
      for (const { code } of seen.records) expect(code).not.toBe('allow');
    });
  });

  test('whoever has no client certificate gets no connection', async () => {
    const seen = await stage.exchange(protocol, { ...telemetry({ by: world.a }), over: {} });
    expectRefusedUnasked(seen, 0, '');
  });

  test('a certificate of another CA, with the same names, gets no connection', async () => {
    const rogueKeys = newCertificateKeys();
    const keys = newCertificateKeys();
    const span = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const certificate = await issueCertificate(
      { commonName: 'producer-a', publicKey: keys.publicKey, role: 'client', ...span },
      { commonName: 'countersign local federation CA', keys: rogueKeys },
    );
    const certificateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const seen = await stage.exchange(protocol, {
      ...telemetry({ by: world.a }),
      over: { certificate, certificateKey },
    });
    expectRefusedUnasked(seen, 0, '');
  });

  test('a new certificate of the right CA and name is not the pinned one', async () => {
    const keys = newCertificateKeys();
    const privateKey = createPrivateKey(readFileSync(join(stage.federation.layout.certificates, 'ca.key')));
    const span = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const version3 = await issueCertificate(
      { commonName: 'producer-a', publicKey: keys.publicKey, role: 'client', ...span },
      {
        commonName: 'countersign local federation CA',
        keys: { privateKey, publicKey: createPublicKey(privateKey) },
      },
    );
    const certificate = asVersion1(version3, privateKey);
    const certificateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const unclaimed = { ...telemetry({ by: world.a }), over: { certificate, certificateKey } };
    const seen = await stage.exchange(protocol, {
      ...unclaimed,
      headers: unclaimed.headers.filter(([name]) => name !== 'X-Client-Cert-Sha256'),
    });
    expect([seen.answer.status, seen.records[0]?.code, seen.arrivals]).toEqual([401, 'pin_mismatch', []]);
  });
});

test('a timestamp that a key has proven tells how far its clock is off, and one that somebody wrote does not', async () => {
  const counted = async (): Promise<number> => {
    const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/metrics`);
    const bucket = /^countersign_timestamp_skew_seconds_bucket\{le="-10",policy="telemetry"\} ([0-9]+)$/m;
    return Number(bucket.exec(body)?.[1] ?? 0);
  };
  const before = await counted();
  const late = telemetry({ by: world.a, timestamp: nowSeconds() - 15 });
  const spoilt = { ...telemetry({ by: world.a, timestamp: nowSeconds() - 15 }), body: late.body };
  expect((await stage.send('HTTP/1.1', spoilt)).status).toBe(401);
  expect(await counted()).toBe(before);
  expect((await stage.send('HTTP/1.1', late)).status).toBe(202);
  expect(await counted()).toBe(before + 1);
});

const portsOf = (): Ports => JSON.parse(readFileSync(stage.federation.layout.portsFile, 'utf8')) as Ports;

// Each shares nothing with the one that runs but the port of this case.
describe.each(['current', '1.36'] as const)('a second Envoy (%s)', (line) => {
  test.each(['listener', 'envoyHealth', 'envoyAdmin'] as const)(
    'ends, and says why, when the port is taken: %s',
    async (taken) => {
      const { layout } = stage.federation;
      let bootstrap = readFileSync(layout.envoyFile, 'utf8');
      for (const name of ['listener', 'envoyHealth', 'envoyAdmin'] as const)
        if (name !== taken)
          bootstrap = bootstrap.replaceAll(String(portsOf()[name]), String(await anyFreePort()));
      const file = join(layout.run, 'second-envoy.yaml');
      writeFileSync(file, bootstrap);
      const envoy = await findEnvoy(layout, envoyOfLine(line));
      const { status, stderr } = spawnSync(envoy, ['-c', file, '--disable-hot-restart', '-l', 'warning'], {
        cwd: layout.root,
        encoding: 'utf8',
        timeout: 15_000,
      });
      expect(stderr).toContain(`cannot bind '127.0.0.1:${portsOf()[taken]}': Address already in use`);
      expect(status).toBe(1);
    },
    60_000,
  );
});

test('every thread of Envoy takes connections, though they share one socket', async () => {
  const { COUNTERSIGN_ENVOY_ADMIN_URL: admin } = stage.federation.environment;
  const taken = async (): Promise<number[]> => {
    const { body } = await fetchPage(
      `${admin}/stats?filter=_${portsOf().listener}.worker_.*downstream_cx_total`,
    );
    return body.match(/(?<=cx_total: )[0-9]+$/gm)?.map(Number) ?? [];
  };
  const held: ReturnType<typeof connect>[] = [];
  await until('each has taken one', async () => {
    held.push(connect(portsOf().listener, '127.0.0.1').on('error', () => undefined));
    const counts = await taken();
    return counts.length > 1 && counts.every((count) => count > 0);
  });
  for (const socket of held) socket.destroy();
});

describe('the health listener', () => {
  const ask = (method: string, path: string): Promise<{ status: number; body: string; names: string[] }> =>
    new Promise((resolve, reject) => {
      const call = request(
        { host: '127.0.0.1', port: portsOf().envoyHealth, method, path, agent: false },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body, names: Object.keys(response.headers) }),
          );
        },
      );
      call.on('error', reject).end();
    });

  test('answers 200 without a certificate, and tells nothing else', async () => {
    const { status, body, names } = await ask('GET', '/healthz');
    expect([status, body]).toEqual([200, '']);
    expect(names.filter((name) => name.startsWith('x-'))).toEqual([]);
  });

  // Fault: many-connections
  test('has a bound of its own: who holds 300 connections gets 100', async () => {
    const held = Array.from({ length: 300 }, () => connect(portsOf().envoyHealth, '127.0.0.1'));
    for (const socket of held) socket.on('error', () => undefined).resume();
    const open = (): number => held.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    await until('the others are closed', () => open() <= 100);
    expect(open()).toBeGreaterThan(50);
    for (const socket of held) socket.destroy();
    await until(
      'there is room again',
      async () => (await ask('GET', '/healthz').catch(() => undefined))?.status === 200,
    );
  });

  test.each([
    ['GET', '/'],
    ['POST', '/healthz'],
    ['GET', '/healthz/'],
    ['GET', '/healthz?x=1'],
    ['GET', PATHS.telemetry],
    ['POST', PATHS.telemetry],
    ['GET', '/portal/start'],
    ['GET', '/stats'],
    ['GET', '/config_dump'],
  ])('has nothing under %s %s', async (method, path) => {
    const before = (await stage.arrivals()).length;
    expect((await ask(method, path)).status).toBe(404);
    expect(await stage.arrivals()).toHaveLength(before);
  });
});
