/**
 * Certificates that change on disk while Envoy serves (SDS): a new one of the server, another authority of the clients.
 * Nothing is restarted, no request fails, and what is broken is not taken over.
 */
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { parse, stringify } from 'yaml';
import { issueCertificate, newCertificateKeys, type Issuer } from '../../src/pki/issue-certificate.js';
import { fingerprintOf } from '../../tools/local-federation/certificates.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import type { Credentials } from '../../tools/local-federation/producer.js';
import { until } from '../support/until.js';
import { countOf } from './support/afterwards.js';
import { EvenLoad, unlike } from './support/even-load.js';
import { sendHttp2 } from './support/http2-client.js';
import type { Door } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const PER_SECOND = 100;
/** Load before and after each change. */
const AROUND_MILLISECONDS = 400;
const HOUR_MILLISECONDS = 3_600_000;
const NAMES = ['server.crt', 'server.key', 'ca.crt'] as const;
type Files = Readonly<Record<(typeof NAMES)[number], string>>;

let stage: Stage;
let world: World;
let folder = '';
let projections = 0;

/** The folder as Kubernetes projects a secret: files are links into `..data`, which is a link to what is current. */
function project(files: Files): void {
  const version = `..version-${++projections}`;
  mkdirSync(join(folder, version), { mode: 0o750 });
  for (const name of NAMES) writeFileSync(join(folder, version, name), files[name], { mode: 0o600 });
  symlinkSync(version, join(folder, '..data.new'));
  renameSync(join(folder, '..data.new'), join(folder, '..data'));
}

function projected(document: ConfigurationDocument): ConfigurationDocument {
  const { tls } = document.envoy as { tls: Record<string, string> };
  folder = join(tls['certificateFile'] ?? '', '..', '..', 'tls');
  if (projections === 0) {
    mkdirSync(folder, { mode: 0o750 });
    for (const name of NAMES) symlinkSync(join('..data', name), join(folder, name));
    project(filesOf(tls));
  }
  const at = (name: string): string => join(folder, name);
  const moved = {
    certificateFile: at('server.crt'),
    privateKeyFile: at('server.key'),
    clientCaFile: at('ca.crt'),
  };
  return {
    ...document,
    // A machine that does other things as well is not what is looked at.
    limits: { checkTimeoutMilliseconds: 10_000 },
    envoy: { ...(document.envoy as object), tls: { ...tls, ...moved } },
  } as ConfigurationDocument;
}

function filesOf(tls: Record<string, string>): Files {
  const read = (name: string): string => readFileSync(tls[name] ?? '', 'utf8');
  return {
    'server.crt': read('certificateFile'),
    'server.key': read('privateKeyFile'),
    'ca.crt': read('clientCaFile'),
  };
}

function putByRename(name: (typeof NAMES)[number], text: string): void {
  writeFileSync(join(folder, `${name}.new`), text, { mode: 0o600 });
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

const current = (): Files =>
  Object.fromEntries(NAMES.map((name) => [name, readFileSync(join(folder, name), 'utf8')])) as Files;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: projected });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

/** A certificate and its key (PEM), by an authority or by itself. */
async function issue(commonName: string, role: 'authority' | 'server' | 'client', issuer?: Issuer) {
  const keys = newCertificateKeys();
  const own: Issuer = { commonName, keys };
  const notBefore = new Date(Date.now() - HOUR_MILLISECONDS);
  const notAfter = new Date(Date.now() + HOUR_MILLISECONDS);
  const request = { commonName, publicKey: keys.publicKey, role, notBefore, notAfter };
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificate: await issueCertificate(request, issuer ?? own), key, issuer: own };
}

const authority = await issue('the next authority', 'authority');

/** Whoever trusts both authorities. */
const door = (): Door => ({ ...stage.door, authority: stage.door.authority + authority.certificate });

/** SHA-256 of what the listener shows to a new connection. */
function shown(): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port, authority: ca } = door();
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca }, () => {
      resolve(fingerprintOf(new X509Certificate(socket.getPeerCertificate().raw).toString()));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

/**
 * Does this while requests go over lasting connections, and others each over a connection of its own. Every one of
 * them has to pass.
 */
async function underLoad(act: () => Promise<void>): Promise<void> {
  const make = () => telemetry({ by: world.a });
  const load = new EvenLoad({
    door: door(),
    perSecond: PER_SECOND,
    protocols: ['HTTP/2', 'HTTP/1.1'],
    make,
  });
  const ended = new AbortController();
  const fresh = (async () => {
    const statuses: number[] = [];
    while (!ended.signal.aborted) statuses.push((await sendHttp2(door(), make())).status);
    return statuses;
  })();
  await sleep(AROUND_MILLISECONDS);
  await act()
    .then(() => sleep(AROUND_MILLISECONDS))
    .finally(() => {
      ended.abort();
      load.pause();
    });
  const statuses = await fresh;
  expect(countOf(statuses)).toEqual({ 202: statuses.length });
  expect(unlike(await load.stop(), 202)).toEqual([]);
}

async function expectShown(certificate: string): Promise<void> {
  const expected = fingerprintOf(certificate);
  await until('the certificate is shown', async () => (await shown()) === expected);
}

// Fault: certificate-renewed
test('a projected secret that is swapped: new connections see the new certificate', async () => {
  const server = await issue('localhost', 'server', authority.issuer);
  await underLoad(async () => {
    project({ ...current(), 'server.crt': server.certificate, 'server.key': server.key });
    await expectShown(server.certificate);
  });
}, 120_000);

// Fault: certificate-renewed
test('files that are renamed into place one after the other: the pair is taken when it is whole', async () => {
  const server = await issue('localhost', 'server', authority.issuer);
  await underLoad(async () => {
    putByRename('server.key', server.key);
    putByRename('server.crt', server.certificate);
    await expectShown(server.certificate);
  });
}, 120_000);

const ROTATION_FAILED = 'sds.countersign_server.key_rotation_failed';
const metric = async (name: string): Promise<number> => {
  const url = `${stage.federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL}/stats?filter=${name}`;
  return [...(await fetchPage(url)).body.matchAll(/: ([0-9]+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
};

/** Envoy remembers what it read last, good or bad, so what follows has to be another pair than the last good one. */
// Fault: certificate-renewed
test('files that are broken are not taken over, and counted; the next good pair is', async () => {
  const before = await shown();
  const failed = await metric(ROTATION_FAILED);
  const next = await issue('localhost', 'server', authority.issuer);
  await underLoad(async () => {
    putByRename('server.crt', 'no certificate');
    await until('the rotation has failed', async () => (await metric(ROTATION_FAILED)) > failed);
    expect(await shown()).toBe(before);
    putByRename('server.key', next.key);
    putByRename('server.crt', next.certificate);
    await expectShown(next.certificate);
  });
}, 120_000);

/** Producer A with another certificate beside the first, and the verifier told of it by a reload. */
async function pinAnother(): Promise<Credentials> {
  const client = await issue('producer-a', 'client', authority.issuer);
  const sha256 = fingerprintOf(client.certificate);
  const file = stage.federation.layout.configurationFile;
  const document = parse(readFileSync(file, 'utf8')) as ConfigurationDocument;
  const identities = document.identities.map((identity) =>
    identity.name === world.a.identity
      ? { ...identity, certificates: [...(identity.certificates ?? []), { sha256 }] }
      : identity,
  );
  writeFileSync(`${file}.new`, stringify({ ...document, identities }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return {
    ...world.a,
    certificate: client.certificate,
    certificateKey: client.key,
    certificateSha256: sha256,
  };
}

// Fault: certificate-renewed
test('another authority of the clients: let in from the swap on, the old one until it is taken out, without a restart', async () => {
  const pids = (['envoy', 'verifier'] as const).map((name) => stage.federation.pid(name));
  const old = current()['ca.crt'];
  const renewed = await pinAnother();
  const status = async (by: Credentials): Promise<number> =>
    (await sendHttp2(door(), telemetry({ by }))).status;
  expect(await status(renewed)).toBe(0);
  await underLoad(async () => {
    project({ ...current(), 'ca.crt': old + authority.certificate });
    await until('the new authority is trusted', async () => (await status(renewed)) === 202);
    expect(await status(world.a)).toBe(202);
  });
  project({ ...current(), 'ca.crt': authority.certificate });
  await until('the old authority is trusted no more', async () => (await status(world.a)) === 0);
  expect(await status(renewed)).toBe(202);
  expect((['envoy', 'verifier'] as const).map((name) => stage.federation.pid(name))).toEqual(pids);
}, 120_000);
