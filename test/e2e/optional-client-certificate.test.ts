/**
 * `envoy.tls.clientCertificate: optional`, on both Envoy lines: without a certificate only pass-through routes answer,
 * and one that is shown has to be good. A bad certificate is never taken for none.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import {
  issueCertificate,
  newCertificateKeys,
  type CertificateRequest,
  type Issuer,
} from '../../src/pki/issue-certificate.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { arrivalOf, ours, values } from './support/arrivals.js';
import { envoyOfLine, type EnvoyLine } from './support/envoy-line.js';
import { expectAllowed, expectRefusal, expectRefusedUnasked } from './support/expectations.js';
import { openLane } from './support/lanes.js';
import { adding, PROTOCOLS, type Outgoing, type Protocol, type TlsIdentity } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

const AUTHORITY_NAME = 'countersign local federation CA';
const HOUR = 3_600_000;
const MISSING = { status: 401, client: 'unauthenticated', audit: 'certificate_missing' } as const;

function optional(document: ConfigurationDocument): ConfigurationDocument {
  const { envoy, ...rest } = worldConfiguration(document);
  if (envoy === undefined) throw new Error('the local federation has an Envoy');
  return { ...rest, envoy: { ...envoy, tls: { ...envoy.tls, clientCertificate: 'optional' } } };
}

const page = (over: TlsIdentity): Outgoing => ({
  over,
  method: 'GET',
  path: '/portal/start',
  headers: [],
  body: Buffer.alloc(0),
  framing: 'none',
});

async function identityOf(request: Partial<CertificateRequest>, issuer?: Issuer): Promise<TlsIdentity> {
  const keys = newCertificateKeys();
  const now = Date.now();
  const certificate = await issueCertificate(
    {
      commonName: 'producer-a',
      publicKey: keys.publicKey,
      role: 'client',
      notBefore: new Date(now - HOUR),
      notAfter: new Date(now + HOUR),
      ...request,
    },
    issuer ?? { commonName: 'producer-a', keys },
  );
  return { certificate, certificateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

describe.each<EnvoyLine>(['current', '1.36'])('on Envoy %s', (line) => {
  let stage: Stage;
  let world: World;
  let authority: Issuer;

  beforeAll(async () => {
    stage = await Stage.open({ envoyBinary: envoyOfLine(line), patchConfiguration: optional });
    world = worldOf(stage.federation.credentials);
    const privateKey = createPrivateKey(readFileSync(join(stage.federation.layout.certificates, 'ca.key')));
    authority = {
      commonName: AUTHORITY_NAME,
      keys: { privateKey, publicKey: createPublicKey(privateKey) },
    };
  }, 180_000);
  afterAll(() => stage.close(), 90_000);

  describe.each(PROTOCOLS)('over %s', (protocol) => {
    describe('without a certificate', () => {
      test('a page that is passed through answers, and the record names no certificate', async () => {
        const seen = await stage.exchange(protocol, page({}));
        expect([seen.answer.status, seen.records.map(({ code }) => code)]).toEqual([200, ['pass_through']]);
        expect(seen.records[0]?.cert_sha256 ?? null).toBeNull();
        expect(ours(arrivalOf(seen))).toEqual([]);
      });

      test('a forwarded certificate that the client wrote does not reach the application', async () => {
        const forged = `Hash=${world.a.certificateSha256};Subject="CN=producer-a"`;
        const seen = await stage.exchange(
          protocol,
          adding(page({}), ['X-Forwarded-Client-Cert', forged], ['x-forwarded-client-cert', forged]),
        );
        expect(seen.answer.status).toBe(200);
        expect(values(arrivalOf(seen), 'x-forwarded-client-cert')).toEqual([]);
      });

      test('everything signed is 401, with a forwarded certificate too', async () => {
        const signed = { ...telemetry({ by: world.a }), over: {} };
        expectRefusal(await stage.exchange(protocol, signed), MISSING);
        const forged = adding(signed, ['X-Forwarded-Client-Cert', `Hash=${world.a.certificateSha256}`]);
        expectRefusal(await stage.exchange(protocol, forged), MISSING);
      });

      test('a path that no policy has is 404', async () => {
        const seen = await stage.exchange(protocol, { ...page({}), path: '/nowhere' });
        expect([seen.answer.status, seen.arrivals]).toEqual([404, []]);
      });
    });

    describe('with a certificate', () => {
      test('a signed request is let through, and one that is pinned to nobody is 401', async () => {
        const outgoing = telemetry({ by: world.a });
        expectAllowed(await stage.exchange(protocol, outgoing), outgoing, 202);
        const { records, answer } = await stage.exchange(protocol, telemetry({ by: world.unpinned }));
        expect([answer.status, records[0]?.code]).toEqual([401, 'pin_mismatch']);
      });

      const hours = (from: number, to: number) => ({
        notBefore: new Date(Date.now() + from * HOUR),
        notAfter: new Date(Date.now() + to * HOUR),
      });
      const rogue: Issuer = { commonName: AUTHORITY_NAME, keys: newCertificateKeys() };
      test.each<[string, () => Promise<TlsIdentity>]>([
        ['of another CA of the same name', () => identityOf({}, rogue)],
        ['that signed itself', () => identityOf({})],
        ['that has expired', () => identityOf(hours(-2, -1), authority)],
        ['that is not valid yet', () => identityOf(hours(1, 2), authority)],
        ['of a server', () => identityOf({ role: 'server' }, authority)],
      ])('one %s gets no connection, not even for a page', async (_title, make) => {
        expectRefusedUnasked(await stage.exchange(protocol, page(await make())), 0, '');
      });
    });

    test('two connections of one client: what one showed says nothing about the other', async () => {
      const known = openLane(protocol, stage.door, world.a);
      const unknown = openLane(protocol, stage.door, {});
      try {
        for (let round = 0; round < 3; round++) {
          expect((await known.send(telemetry({ by: world.a }))).status).toBe(202);
          const seen = await stage.watch(() => unknown.send({ ...telemetry({ by: world.a }), over: {} }));
          expectRefusal(seen, MISSING);
          expect((await unknown.send(page({}))).status).toBe(200);
        }
      } finally {
        known.close();
        unknown.close();
      }
    });

    test('a session cannot be resumed, so no certificate is carried over', async () => {
      const { session, tickets } = await connection(protocol, world.a);
      expect(tickets).toBe(0);
      const second = await connection(protocol, {}, session);
      expect([second.isReused, second.status]).toEqual([false, 401]);
    });
  });

  interface Connection {
    readonly session: Buffer | undefined;
    /** Sessions that the server offered. */
    readonly tickets: number;
    readonly isReused: boolean;
    readonly status: number;
  }

  /** Asks for a signed route over a TLS connection of this protocol, with what is left of an earlier session. */
  async function connection(protocol: Protocol, over: TlsIdentity, session?: Buffer): Promise<Connection> {
    const { port, authority: ca } = stage.door;
    let tickets = 0;
    let socket: TLSSocket | undefined;
    const createConnection = (): TLSSocket => {
      socket = connect({
        host: '127.0.0.1',
        port,
        ca,
        servername: 'localhost',
        ALPNProtocols: [protocol === 'HTTP/2' ? 'h2' : 'http/1.1'],
        ...(over.certificate !== undefined && { cert: over.certificate, key: over.certificateKey }),
        ...(session !== undefined && { session }),
      });
      socket.on('session', () => tickets++);
      return socket;
    };
    const status = await askOver(protocol, createConnection);
    const result = { session: socket?.getSession(), tickets, isReused: socket?.isSessionReused() ?? true };
    socket?.destroy();
    return { ...result, status };
  }
});

/** The status of an unsigned request for a signed route, over a connection that the caller makes. */
async function askOver(protocol: Protocol, createConnection: () => TLSSocket): Promise<number> {
  const path = '/internal/v1/telemetry';
  if (protocol === 'HTTP/1.1') {
    const { request } = await import('node:https');
    return new Promise((resolve, reject) => {
      request({ method: 'POST', path, host: 'localhost', createConnection }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  }
  const http2 = await import('node:http2');
  return new Promise((resolve, reject) => {
    const session = http2.connect('https://localhost', { createConnection });
    session.on('error', reject);
    const stream = session.request({ ':method': 'POST', ':path': path });
    stream.on('response', (headers) => resolve(headers[':status'] ?? 0));
    stream.on('error', reject);
    stream.end();
  });
}
