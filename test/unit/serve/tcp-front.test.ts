import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp, type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { ServerSettings, TcpListenSettings, TcpTlsSettings } from '../../../src/config/settings.js';
import { encodeHealthRequest, readHealthResponse } from '../../../src/envoy/health/messages.js';
import { LoadMetrics } from '../../../src/observability/load-metrics.js';
import { Health } from '../../../src/observability/health.js';
import { startGrpcServer, type RunningGrpcServer, type Served } from '../../../src/serve/grpc-server.js';
import { checkMessage, readResponse } from '../../support/check-messages.js';
import { fakeService, metadataCode, type FakeService } from '../../support/fake-service.js';
import { telemetryParts } from '../../support/signed-request.js';
import { until } from '../../support/until.js';
import { makeTlsFiles, type Party, type TlsFiles } from '../client/tls-files.js';

const CHECK = '/envoy.service.auth.v3.Authorization/Check';
const PROCESS = '/envoy.service.ext_proc.v3.ExternalProcessor/Process';
const ACCESS_LOGS = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const HEALTH = '/grpc.health.v1.Health/Check';
const WATCH = '/grpc.health.v1.Health/Watch';
const SECRET = 'a'.repeat(64);
const OTHER_SECRET = 'b'.repeat(64);

let files: TlsFiles;
let folder = '';
let port = 0;
let settings: TcpListenSettings;
let server: RunningGrpcServer;
let fakes: FakeService;
let refused: string[] = [];
let health: Health;
const opened: { destroy(): unknown }[] = [];

beforeAll(() => (files = makeTlsFiles()));
afterAll(() => rmSync(files.directory, { recursive: true }));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tcp-'));
  fakes = fakeService();
  fakes.time.monotonicMs = performance.now();
  health = new Health([{ name: 'store', fault: () => undefined }]);
  refused = [];
  port = await freePort();
});
afterEach(async () => {
  for (const connection of opened.splice(0)) connection.destroy();
  await server.stop(500);
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return free;
}

const read = (file: string): string => readFileSync(file, 'utf8');

function tls(clientNames: readonly string[], ca: Party = files.ca): TcpTlsSettings {
  const key = read(files.server.keyFile);
  return {
    certificate: read(files.server.certificateFile),
    privateKey: () => key,
    clientAuthority: read(ca.certificateFile),
    clientNames,
  };
}

const secrets = (...texts: string[]): TcpListenSettings['secrets'] => texts.map((text) => () => text);

async function start(given: Pick<TcpListenSettings, 'tls' | 'secrets'>, replace = false): Promise<void> {
  settings = { host: '127.0.0.1', port, secretHeader: 'x-countersign-secret', ...given };
  server = await startGrpcServer(serverSettings(), served(replace));
}

function serverSettings(): ServerSettings {
  const limits = {
    maxBodyBytes: 4096,
    checkTimeoutMilliseconds: 5_000,
    claimMarginMilliseconds: 20,
    maxConcurrentChecks: 1_024,
  };
  return { listen: { socketPath: join(folder, 'verifier.sock') }, limits } as unknown as ServerSettings;
}

function served(replace: boolean): Served {
  return {
    service: fakes.service,
    certificates: fakes.certificates,
    snapshot: undefined as never,
    signer: undefined as never,
    accessLog: undefined as never,
    health,
    load: new LoadMetrics(new Registry()),
    replace,
    tcp: {
      settings: () => settings,
      port,
      refused: (reason) => refused.push(reason),
      logger: pino({ level: 'silent' }),
    },
  };
}

function change(given: Partial<TcpListenSettings>): void {
  settings = { ...settings, ...given };
  server.look();
}

async function plain(): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  opened.push(session);
  await once(session, 'connect');
  return session;
}

async function secured(party: Party): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://localhost:${port}`, {
    ca: read(files.ca.certificateFile),
    host: '127.0.0.1',
    cert: read(party.certificateFile),
    key: read(party.keyFile),
  });
  opened.push(session);
  session.on('error', () => undefined);
  await once(session, 'remoteSettings');
  return session;
}

interface Answer {
  readonly status: number;
  readonly message: Buffer | undefined;
}

function call(
  session: ClientHttp2Session,
  path: string,
  message: Buffer,
  metadata: Record<string, string | string[]> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      ...metadata,
    });
    const chunks: Buffer[] = [];
    let status: string | undefined;
    stream.on('response', (headers) => (status = headers['grpc-status'] as string | undefined));
    stream.on('trailers', (trailers: IncomingHttpHeaders) => {
      status = trailers['grpc-status'] as string | undefined;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      const bytes = Buffer.concat(chunks);
      if (status === undefined) reject(new Error('no status'));
      else resolve({ status: Number(status), message: bytes.length === 0 ? undefined : bytes.subarray(5) });
    });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
  });
}

function check(): Buffer {
  const parts = telemetryParts();
  const { peerCertificate } = parts;
  const named = typeof peerCertificate === 'string' ? '' : `certificate:${peerCertificate.certificateSha256}`;
  return checkMessage(parts, named);
}

/** Whether one and the same check was judged, by way of a call that must end well. */
async function decided(
  session: ClientHttp2Session,
  metadata: Record<string, string | string[]> = {},
): Promise<'judged' | 'turned away'> {
  const { status, message } = await call(session, CHECK, check(), metadata);
  if (status !== 0 || message === undefined) throw new Error(`grpc-status ${status}`);
  const response = readResponse(message);
  if (response.grpcCode === 0 || metadataCode(response) === 'replayed_nonce') return 'judged';
  expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'check_malformed']);
  return 'turned away';
}

const withSecret = (text: string): Record<string, string> => ({ 'x-countersign-secret': text });

describe('a TCP listener with a shared secret', () => {
  beforeEach(() => start({ tls: undefined, secrets: secrets(SECRET) }));

  it('judges a check that shows the secret', async () => {
    expect(await decided(await plain(), withSecret(SECRET))).toBe('judged');
    expect(refused).toEqual([]);
  });

  it.each([
    ['none', {}],
    ['another one', withSecret(OTHER_SECRET)],
    ['the beginning of it', withSecret(SECRET.slice(1))],
    ['it with more behind it', withSecret(`${SECRET}a`)],
    ['it twice', { 'x-countersign-secret': [SECRET, SECRET] }],
    ['a very long one', withSecret('a'.repeat(30_000))],
    ['it under another name', { 'x-secret': SECRET }],
  ])('refuses a check that shows %s, explicitly and without looking at it', async (_what, metadata) => {
    expect(await decided(await plain(), metadata)).toBe('turned away');
    expect(fakes.store.claims).toBe(0);
    expect(fakes.audit.lines).toEqual([]);
    expect(refused).toEqual(['secret']);
  });

  it('refuses a stream of ext_proc with an immediate response, and an access log with a failure', async () => {
    const session = await plain();
    const processed = await call(session, PROCESS, Buffer.alloc(0));
    // ProcessingResponse.immediate_response=7.
    expect([processed.status, processed.message?.[0]]).toEqual([0, (7 << 3) | 2]);
    expect((await call(session, ACCESS_LOGS, Buffer.alloc(0))).status).toBe(16);
    expect((await call(session, WATCH, encodeHealthRequest(''))).status).toBe(16);
    expect((await call(session, '/no.Such/Method', Buffer.alloc(0))).status).toBe(16);
  });

  it('tells anybody whether it serves, and nobody why it does not', async () => {
    const session = await plain();
    const ask = async (): Promise<unknown> => {
      const { message } = await call(session, HEALTH, encodeHealthRequest('countersign.store'));
      return message && readHealthResponse(message);
    };
    expect(await ask()).toEqual({ status: 1, reason: undefined });
    health.drain();
    expect(await ask()).toEqual({ status: 2, reason: undefined });
    expect(refused).toEqual([]);
  });

  it('changes the secret without a lost call', async () => {
    const session = await plain();
    const codes: string[] = [];
    const use = async (text: string): Promise<void> => {
      for (let calls = 0; calls < 3; calls++) codes.push(await decided(session, withSecret(text)));
    };
    await use(SECRET);
    change({ secrets: secrets(SECRET, OTHER_SECRET) });
    await use(SECRET);
    await use(OTHER_SECRET);
    change({ secrets: secrets(OTHER_SECRET) });
    await use(OTHER_SECRET);
    expect(codes).toEqual(Array(12).fill('judged'));
    expect(await decided(session, withSecret(SECRET))).toBe('turned away');
  });

  it('lets strangers keep nobody out', async () => {
    const silent = await Promise.all(Array.from({ length: 60 }, connectSilently));
    expect(await decided(await plain(), withSecret(SECRET))).toBe('judged');
    await until('the oldest are closed', () => silent.filter(({ destroyed }) => destroyed).length >= 28);
    expect(new Set(refused)).toEqual(new Set(['connections']));
  });

  it('keeps whoever has shown the secret, however many strangers come', async () => {
    const known = await plain();
    expect(await decided(known, withSecret(SECRET))).toBe('judged');
    await Promise.all(Array.from({ length: 60 }, connectSilently));
    expect(await decided(known, withSecret(SECRET))).toBe('judged');
  });
});

async function connectSilently(): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  opened.push(socket);
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

describe('a TCP listener with TLS', () => {
  beforeEach(() => start({ tls: tls(['localhost']), secrets: [] }));

  it('judges the checks of a client that it names', async () => {
    expect(await decided(await secured(files.client))).toBe('judged');
    expect(refused).toEqual([]);
  });

  it.each([
    ['without a certificate', () => undefined],
    ['of another authority', () => files.stranger],
    ['whose certificate is for servers', () => files.serverOnly],
  ])('refuses a client %s', async (_what, party) => {
    await turnedAway(party());
    expect(refused).toEqual(['handshake']);
  });

  it('refuses a client whose name is not listed', async () => {
    change({ tls: tls(['other.example']) });
    await turnedAway(files.client);
    expect(refused).toEqual(['client_name']);
  });

  it('speaks no TLS below 1.2', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    await turnedAway(files.client, old);
    expect(refused).toEqual(['handshake']);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('takes nobody in by a ticket of %s', async (version) => {
    const first = await handshake(version);
    const session = first.getSession();
    const second = await handshake(version, session);
    expect(second.isSessionReused()).toBe(false);
  });

  it('ends a handshake that does not go on', async () => {
    const silent = await connectSilently();
    await once(silent, 'close');
    expect(refused).toEqual(['handshake']);
  });

  it('shows a new certificate to the next connection, and keeps those that are open', async () => {
    const before = await secured(files.client);
    const key = read(files.serverOnly.keyFile);
    const certificate = read(files.serverOnly.certificateFile);
    change({ tls: { ...tls(['localhost']), certificate, privateKey: () => key } });
    const after = await secured(files.client);
    expect((after.socket as TLSSocket).getPeerCertificate().subject.CN).toBe('server-only');
    expect([await decided(before), await decided(after)]).toEqual(['judged', 'judged']);
  });

  it.each([
    ['name', () => tls(['other.example'])],
    ['authority', () => tls(['localhost'], files.otherCa)],
  ])('ends the connections of a client whose %s was taken away', async (_what, next) => {
    const session = await secured(files.client);
    expect(await decided(session)).toBe('judged');
    const closed = once(session, 'close');
    change({ tls: next() });
    await closed;
    await turnedAway(files.client);
  });

  it('takes nobody in by a handshake that began before the authority was taken away', async () => {
    const begun = await connectSilently();
    begun.pause();
    // Begun at the server, too: the next one has been answered.
    await secured(files.client);
    change({ tls: tls(['localhost'], files.otherCa) });
    await turnedAway(files.client, { socket: begun });
    expect(refused).toEqual(['handshake']);
  });

  it('asks connections to end while they are written to, and loses no call', async () => {
    const codes = new Set<string>();
    change({ tls: tls(['localhost', 'odd.example']) });
    for (let round = 0; round < 10; round++) {
      const session = await secured(files.client);
      const calls = Array.from({ length: 50 }, () => decided(session));
      const closed = once(session, 'close');
      change({ tls: tls(['localhost', round % 2 === 0 ? 'even.example' : 'odd.example']) });
      for (const code of await Promise.all(calls)) codes.add(code);
      await closed;
    }
    expect([...codes]).toEqual(['judged']);
  });
});

async function handshake(version: 'TLSv1.2' | 'TLSv1.3', session?: Buffer): Promise<TLSSocket> {
  const versions = { minVersion: version, maxVersion: version };
  const socket = openTls(files.client, { ...versions, ...(session && { session }) });
  await once(socket, 'secureConnect');
  return socket;
}

/** In TLS 1.3 a client believes that all is well until it hears of the contrary. */
async function turnedAway(party: Party | undefined, more: ConnectionOptions = {}): Promise<void> {
  const socket = openTls(party, more);
  let received = 0;
  socket.on('data', (chunk: Buffer) => (received += chunk.length));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(received).toBe(0);
}

function openTls(party: Party | undefined, more: ConnectionOptions): TLSSocket {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: read(files.ca.certificateFile),
    ...(party && { cert: read(party.certificateFile), key: read(party.keyFile) }),
    ALPNProtocols: ['h2'],
    ...more,
  });
  opened.push(socket);
  socket.on('error', () => undefined);
  return socket.resume();
}

describe('a TCP listener with both', () => {
  it('asks for the secret behind the certificate', async () => {
    await start({ tls: tls(['localhost']), secrets: secrets(SECRET) });
    const session = await secured(files.client);
    expect(await decided(session)).toBe('turned away');
    expect(await decided(session, withSecret(SECRET))).toBe('judged');
  });
});

describe('a TCP port', () => {
  it('that is in use keeps the verifier from starting, in a sentence', async () => {
    await start({ tls: undefined, secrets: secrets(SECRET) });
    const other = { ...serverSettings(), listen: { socketPath: join(folder, 'other.sock') } };
    await expect(startGrpcServer(other as ServerSettings, served(false))).rejects.toThrow(
      `cannot listen on 127.0.0.1, port ${port} (listen.tcp)`,
    );
  });

  it('goes to a successor without a refused call', async () => {
    await start({ tls: undefined, secrets: secrets(SECRET) });
    const former = server;
    const session = await plain();
    const closed = once(session, 'close');
    await start({ tls: undefined, secrets: secrets(SECRET) }, true);
    server.takeOver();
    expect(former.isSuperseded()).toBe(true);
    const stopped = former.stop(5_000);
    // The former answers until the next one listens.
    let next: ClientHttp2Session | undefined;
    while (next === undefined) {
      const code = await decided(session, withSecret(SECRET)).catch(() => 'refused');
      expect(code).toBe('judged');
      next = await plain().catch(() => undefined);
    }
    expect(await decided(next, withSecret(SECRET))).toBe('judged');
    await closed;
    await stopped;
  });
});
