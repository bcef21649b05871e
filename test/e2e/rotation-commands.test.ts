/** Rotations by command under load, through a real Envoy: no request fails, and no answer is one that its consumer refuses. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyringFromJson, MemorySeenNonces, verifyFeedback } from '../../src/client/index.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { PRODUCER_A } from '../../tools/local-federation/parties.js';
import type { Credentials } from '../../tools/local-federation/producer.js';
import { until } from '../support/until.js';
import { countOf } from './support/afterwards.js';
import { countersign } from './support/command.js';
import { EvenLoad, unlike } from './support/even-load.js';
import { sendHttp2 } from './support/http2-client.js';
import { feedback, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const PER_SECOND = 50;

let stage: Stage;
let world: World;
let file: string;
beforeAll(async () => {
  stage = await Stage.open({
    // A machine that does other things as well is not what is looked at.
    patchConfiguration: (document) => ({ ...document, limits: { checkTimeoutMilliseconds: 10_000 } }),
  });
  world = worldOf(stage.federation.credentials);
  file = stage.federation.layout.configurationFile;
}, 120_000);
afterAll(() => stage.close(), 90_000);

const admin = (path: string): string => `${stage.federation.environment.COUNTERSIGN_ADMIN_URL}${path}`;

async function command(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await countersign([...args, '--json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Record<string, unknown>;
}

/** Producer A as it finds itself on the disk; read again where a renewal came between the two files. */
function producer(): Credentials {
  const base = join(stage.federation.layout.certificates, PRODUCER_A.identity);
  const certificate = readFileSync(`${base}.crt`, 'utf8');
  const certificateKey = readFileSync(`${base}.key`, 'utf8');
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(certificateKey))) return producer();
  const certificateSha256 = parsed.fingerprint256.replaceAll(':', '').toLowerCase();
  return { ...world.a, certificate, certificateKey, certificateSha256 };
}

test('a producer’s certificate is renewed with a new key, its pin first, and so is the server’s: no request fails', async () => {
  const old = producer().certificateSha256;
  const load = new EvenLoad({
    door: stage.door,
    perSecond: PER_SECOND,
    make: () => telemetry({ by: world.a }),
  });
  const ended = new AbortController();
  const seen = new Set<string>();
  const fresh = (async () => {
    const statuses: number[] = [];
    while (!ended.signal.aborted) {
      const by = producer();
      seen.add(by.certificateSha256);
      statuses.push((await sendHttp2(stage.door, telemetry({ by }))).status);
    }
    return statuses;
  })();
  const { certificates } = stage.federation.layout;
  try {
    const renewed = await command(
      'pki',
      'renew',
      certificates,
      PRODUCER_A.identity,
      '--new-key',
      '--config',
      file,
    );
    await until('the new certificate was used', () =>
      Promise.resolve(seen.has(String(renewed['certificate_sha256']))),
    );
    for (let time = 0; time < 2; time += 1)
      await command('pki', 'renew', certificates, 'server', '--new-key');
  } finally {
    ended.abort();
    load.pause();
  }
  const statuses = await fresh;
  expect(countOf(statuses)).toEqual({ 202: statuses.length });
  expect(unlike(await load.stop(), 202)).toEqual([]);
  expect(seen.has(old)).toBe(true);
  const stats = `${stage.federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL}/stats?filter=key_rotation_failed`;
  expect((await fetchPage(stats)).body).not.toMatch(/: [1-9]/);
}, 120_000);

test('a feedback key is rotated twice: every answer verifies with the keyring that was published before', async () => {
  const ended = new AbortController();
  const clock = { nowMs: () => Date.now() };
  const seenNonces = new MemorySeenNonces({ clock });
  const refused: string[] = [];
  const kids: string[] = [];
  /** As consumers keep it: fetched now and then, and used until it is fetched again. */
  let keyring = (await fetchPage(admin('/keyring'))).body;
  const verdict = (body: string, text: string): string => {
    const ring = keyringFromJson(text);
    if (!ring.ok) throw new Error('no keyring');
    const { tenant } = PRODUCER_A;
    const verified = verifyFeedback(Buffer.from(body), { keyring: ring.keyring, tenant, clock, seenNonces });
    if (verified.ok) return verified.feedback.kid;
    refused.push(`${verified.code}: ${body.slice(0, 200)}`);
    return '';
  };
  const consumer = (async () => {
    while (!ended.signal.aborted) {
      const before = keyring;
      const { status, body } = await sendHttp2(stage.door, feedback({ by: world.a }));
      if (status === 200) kids.push(verdict(body, before));
      else refused.push(`status ${status}: ${body}`);
    }
  })();
  const fetcher = (async () => {
    while (!ended.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      keyring = (await fetchPage(admin('/keyring'))).body;
    }
  })();
  try {
    for (const kid of ['second', 'third']) {
      await command('rotate-key', file, '--feedback', '--kid', kid, '--announce', '8s', '--overlap', '5s');
      expect((await fetch(admin('/reload'), { method: 'POST' })).status).toBe(200);
      await until(`${kid} signs`, () => kids.includes(kid));
    }
  } finally {
    ended.abort();
  }
  await Promise.all([consumer, fetcher]);
  expect(refused).toEqual([]);
  expect([...new Set(kids)]).toEqual([expect.any(String), 'second', 'third']);
}, 120_000);
