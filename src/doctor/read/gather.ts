/** Gathers the facts that no document has: certificates, modes of sockets, clocks, the running verifier. Everything is a look, nothing is changed. */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { readBoundedFile } from '../../config/files/read-file.js';
import { workerSocketPaths, type Configuration } from '../../config/settings.js';
import type { ClockFact, ConfiguredCertificates, Facts, FileFact, LiveVerifier } from '../facts.js';
import type { Envoy } from '../model/envoy.js';
import { getAdminPage, type AdminAddress, type AdminPage } from '../../observability/admin-client.js';
import { certificatesOf, hashesOf } from './certificates.js';
import { Message } from './message.js';

/** What the command has so far. */
export interface Gathering {
  readonly envoy: Envoy;
  readonly configuration: Configuration | undefined;
  readonly verifierAdmin: URL | undefined;
  readonly clocks: readonly ClockFact[];
}

/** Never rejects: what cannot be looked at is a fact as well, or none. */
export async function gatherFacts(given: Gathering): Promise<Facts> {
  const verifier = given.verifierAdmin && (await lookAtVerifier(given.verifierAdmin));
  const clock = verifier?.clock;
  return {
    certificates: certificatesOf(given.envoy),
    configured: configuredCertificates(given.configuration),
    files: given.configuration === undefined ? [] : socketFiles(given.configuration),
    clocks: clock === undefined ? given.clocks : [...given.clocks, clock],
    verifier: verifier?.live,
  };
}

/** The files that Envoy is given by our configuration. */
function configuredCertificates(
  configuration: Configuration | undefined,
): ConfiguredCertificates | undefined {
  const tls = configuration?.settings.envoy?.tls;
  if (tls === undefined) return undefined;
  const [server] = hashesIn(tls.certificateFile) ?? [];
  return { server, clientAuthorities: hashesIn(tls.clientCaFile) };
}

const MAX_BUNDLE_BYTES = 1_048_576;

function hashesIn(path: string): string[] | undefined {
  const read = readBoundedFile(path, MAX_BUNDLE_BYTES);
  return read.ok ? hashesOf(read.bytes) : undefined;
}

/** The sockets, and the directory that they are in; those that are not on this machine are left out. */
function socketFiles({ settings }: Configuration): FileFact[] {
  const sockets = workerSocketPaths(settings);
  return [...new Set([...sockets.map((socket) => dirname(socket)), ...sockets])].flatMap(fileFact);
}

function fileFact(path: string): FileFact[] {
  try {
    const stats = lstatSync(path);
    return [
      { path, mode: stats.mode & 0o7777, isSocket: stats.isSocket(), isDirectory: stats.isDirectory() },
    ];
  } catch {
    return [];
  }
}

const BOUNDS = { maxBytes: 1_048_576, timeoutMilliseconds: 5_000 };

async function lookAtVerifier(
  url: URL,
): Promise<{ readonly live: LiveVerifier; readonly clock: ClockFact | undefined }> {
  const address: AdminAddress = { kind: 'tcp', url };
  try {
    const ready = await getAdminPage(address, '/readyz', BOUNDS);
    const status = await getAdminPage(address, '/status', BOUNDS);
    const { aheadSeconds } = ready;
    const clock = aheadSeconds === undefined ? undefined : { who: 'the verifier', aheadSeconds };
    return { live: liveOf(url, ready, status), clock };
  } catch (error) {
    const reasons = error instanceof Error ? error.message : String(error);
    const live = {
      url: url.origin,
      ready: false,
      reasons,
      policies: undefined,
      configurationFile: undefined,
      refusedReload: undefined,
    };
    return { live, clock: undefined };
  }
}

const MAX_REASON_CHARACTERS = 300;

function liveOf(url: URL, ready: AdminPage, page: AdminPage): LiveVerifier {
  const status = new Message(parsed(page.body), '');
  return {
    url: url.origin,
    ready: ready.status === 200,
    reasons: ready.body.trim().slice(0, MAX_REASON_CHARACTERS),
    policies: status.has('policies') ? status.texts('policies') : undefined,
    configurationFile: status.at('configuration').text('file'),
    refusedReload: refusedReload(status.at('configuration', 'last_reload')),
  };
}

/** As `/status` notes it. */
function refusedReload(last: Message): string | undefined {
  if (!last.isThere || last.text('outcome') !== 'refused') return undefined;
  return JSON.stringify(last.at('problems').value ?? '').slice(0, MAX_REASON_CHARACTERS);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
