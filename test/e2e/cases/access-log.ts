/** What Envoy tells of requests and connections, each case through a real Envoy, and what is recorded of it. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions, type SecureContextOptions } from 'node:tls';
import {
  issueCertificate,
  newCertificateKeys,
  type CertificateKeys,
} from '../../../src/pki/issue-certificate.js';
import { PRODUCER_A } from '../../../tools/local-federation/parties.js';
import { until } from '../../support/until.js';
import { LogTail, type EnvoyRecord } from '../support/envoy-records.js';
import { envoyOfLine, type EnvoyLine } from '../support/envoy-line.js';
import { through, type Front } from '../support/front.js';
import { RawApplication, type Behaviour } from '../support/raw-application.js';
import { feedback, telemetry } from '../support/requests.js';
import { PROTOCOLS, type Outgoing, type Protocol } from '../support/outgoing.js';
import { Stage } from '../support/stage.js';
import { worldOf, type World } from '../support/world.js';

const HOUR_MILLISECONDS = 3_600_000;
/** Of the federation's certificates (tools/local-federation/certificates.ts). */
const AUTHORITY_NAME = 'countersign local federation CA';

/** Envoy's own times, short enough for a test; the retries stay as they are in kind and number. */
function hurried(bootstrap: string): string {
  return bootstrap
    .replaceAll('timeout: 15s', 'timeout: 3s')
    .replace('base_interval: 0.1s', 'base_interval: 0.01s')
    .replace('max_interval: 1s', 'max_interval: 0.02s');
}

export function describeAccessLog(line: EnvoyLine, front: Front = 'ext_authz'): void {
  let application: RawApplication;
  let stage: Stage;
  let world: World;
  let log: LogTail;

  beforeAll(async () => {
    application = await RawApplication.start();
    stage = await Stage.open({
      envoyBinary: envoyOfLine(line),
      upstream: application.address,
      patchBootstrap: hurried,
      patchConfiguration: (document) => through(front, document),
    });
    world = worldOf(stage.federation.credentials);
    log = new LogTail(stage);
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await application.close();
  }, 90_000);

  /** Sends it and gives the record of what became of it. */
  async function sent(protocol: Protocol, outgoing: Outgoing): Promise<EnvoyRecord> {
    log.skip();
    await stage.send(protocol, outgoing);
    const record = await log.next('the delivery', ({ event }) => event.startsWith('request.'));
    expect(record.decision_id).toBe(log.lastDecisionId());
    return record;
  }

  describe.each(PROTOCOLS)('%s', (protocol) => {
    const one = (): Outgoing => telemetry({ by: world.a });

    test.each<readonly [Behaviour, string, Partial<EnvoyRecord>]>([
      ['answers', 'request.delivered', { status: 202, details: 'via_upstream', attempts: 1 }],
      ['answers 503', 'request.delivered', { status: 503, details: 'via_upstream', attempts: 1 }],
      ['cuts its answer', 'request.delivered', { status: 200, flags: 'UPE' }],
      ['resets when asked', 'request.delivery_unknown', { status: 503, flags: 'UC', attempts: 1 }],
      // A reset that comes before the connection counts as made is a refused one, and is tried again.
      ['resets at once', 'request.delivery_unknown', { status: 503, flags: 'UC' }],
      ['answers nonsense', 'request.delivery_unknown', { status: 502, flags: 'UPE' }],
      ['is silent', 'request.delivery_unknown', { status: 504, flags: 'UT' }],
    ])('an application that %s: %s', async (behaviour, event, members) => {
      await application.become(behaviour);
      const record = await sent(protocol, one());
      expect(record).toMatchObject({ event, decision: 'allow', tenant: PRODUCER_A.tenant, ...members });
      expect(record.upstream_bytes_sent).toBeGreaterThan(0);
    });

    test('an application that is away: undelivered, and no byte was sent', async () => {
      await application.become('is away');
      expect(await sent(protocol, one())).toMatchObject({
        event: 'request.undelivered',
        status: 503,
        flags: 'UF,URX',
        attempts: 13,
        upstream_bytes_sent: 0,
        upstream_bytes_received: 0,
      });
    });
  });

  test('an answer that the signer withholds was delivered all the same', async () => {
    await application.become('answers');
    expect(await sent('HTTP/1.1', feedback({ by: world.a }))).toMatchObject({
      event: 'request.delivered',
      status: 502,
      details: 'countersign_refused',
    });
  });

  test('what never reached the verifier is told, without its query, and joins nothing', async () => {
    await application.become('answers');
    log.skip();
    const forged = '8f14e45f-ceea-467f-a9e8-8f3d9e1c2b3a';
    const outgoing: Outgoing = {
      ...telemetry({ by: world.a }),
      path: '/a%2fb?secret=hidden',
      headers: [
        ['x-request-id', forged],
        ['x-countersign-decision-id', forged],
      ],
    };
    expect((await stage.send('HTTP/1.1', outgoing)).status).toBe(400);
    const record = await log.next('a refusal', ({ event }) => event === 'envoy.refused');
    expect(record).toMatchObject({ status: 400, details: 'path_normalization_failed', method: 'POST' });
    // Envoy refuses some requests before it gives out an id of its own.
    expect(record).toMatchObject({ claimed_request_id: forged });
    expect(record).not.toHaveProperty('request_id');
    expect(record).not.toHaveProperty('decision_id');
    expect(JSON.stringify(record)).not.toContain('hidden');
    const body = Buffer.alloc(3_000_000);
    expect((await stage.send('HTTP/1.1', { ...telemetry({ by: world.a }), body })).status).toBe(413);
    expect(await log.next('a refusal', ({ event }) => event === 'envoy.refused')).toMatchObject({
      status: 413,
      path: '/internal/v1/telemetry',
      peer_address: '127.0.0.1',
    });
  });

  // What follows is the same whichever filter asks.
  if (front === 'ext_proc') return;

  test.each<readonly [string, string, () => Promise<SecureContextOptions & ConnectionOptions>]>([
    ['no certificate', 'no_certificate', () => Promise.resolve({})],
    [
      'a certificate of another authority',
      'certificate_not_accepted',
      () => certificateOf({ ofStranger: true }),
    ],
    ['an expired certificate', 'certificate_not_accepted', () => certificateOf({ endedHoursAgo: 1 })],
    ['TLS 1.2', 'protocol_version', () => Promise.resolve({ maxVersion: 'TLSv1.2' })],
  ])('a handshake with %s: %s', async (_name, reason, options) => {
    log.skip();
    const { port } = stage.door;
    const socket = connectTls({ port, rejectUnauthorized: false, ...(await options()) });
    socket.on('error', () => undefined);
    await expectTlsFailure(reason);
    socket.destroy();
  });

  test('plain HTTP to the TLS port: not_tls', async () => {
    log.skip();
    const socket = connect(stage.door.port, '127.0.0.1').on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await expectTlsFailure('not_tls');
    socket.destroy();
  });

  async function expectTlsFailure(reason: string): Promise<void> {
    const record = await log.next('a failed handshake', ({ event }) => event === 'tls.failed');
    expect(record).toMatchObject({ reason, peer_address: '127.0.0.1' });
  }

  /** By the federation's own authority, or by one that nobody trusts. */
  async function certificateOf({ ofStranger = false, endedHoursAgo = -1 }): Promise<SecureContextOptions> {
    const keys = newCertificateKeys();
    const commonName = AUTHORITY_NAME;
    const issuer = ofStranger
      ? { commonName, keys: newCertificateKeys() }
      : { commonName, keys: authorityKeys() };
    const notAfter = new Date(Date.now() - endedHoursAgo * HOUR_MILLISECONDS);
    const notBefore = new Date(notAfter.getTime() - 2 * HOUR_MILLISECONDS);
    const request = {
      commonName: 'a client',
      publicKey: keys.publicKey,
      role: 'client',
      notBefore,
      notAfter,
    } as const;
    const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return { cert: await issueCertificate(request, issuer), key };
  }

  function authorityKeys(): CertificateKeys {
    const privateKey = createPrivateKey(readFileSync(join(stage.federation.layout.certificates, 'ca.key')));
    return { privateKey, publicKey: createPublicKey(privateKey) };
  }

  test('a verifier that was away has told that it does not know everything, and is told again', async () => {
    await application.become('answers');
    await sent('HTTP/1.1', telemetry({ by: world.a }));
    log.skip();
    await stage.federation.interrupt('verifier');
    expect((await stage.send('HTTP/1.1', telemetry({ by: world.a }))).status).toBe(503);
    await stage.federation.resume('verifier');
    const ended = await log.next('the end of a stream', ({ event }) => event === 'access_log.gap');
    expect(ended.reason).toBe('stream_ended');
    expect(ended.log_name).toMatch(/^countersign-/);
    await until('the verifier is asked again', async () => {
      const { status } = await stage.send('HTTP/1.1', telemetry({ by: world.a }));
      return status === 202;
    });
    await log.next('a new stream', ({ event }) => event === 'access_log.opened');
    await log.next('a delivery', ({ event }) => event === 'request.delivered');
  }, 120_000);
}
