import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Client,
  credentials,
  loadPackageDefinition,
  status,
  type ClientReadableStream,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Registry } from 'prom-client';
import type { ServerSettings } from '../../../src/config/settings.js';
import { LoadMetrics } from '../../../src/observability/load-metrics.js';
import { Health } from '../../../src/observability/health.js';
import { startGrpcServer, type RunningGrpcServer, type Served } from '../../../src/serve/grpc-server.js';
import { checkMessage, readResponse, type ReadResponse } from '../../support/check-messages.js';
import { fakeService, metadataCode, type FakeService } from '../../support/fake-service.js';
import { signedParts, telemetryParts, type RequestParts } from '../../support/signed-request.js';

interface HealthAnswer {
  readonly status: string;
}

const healthProto = loadPackageDefinition(loadSync('proto/grpc/health/v1/health.proto', { enums: String }));
const HealthClient = (healthProto['grpc'] as { health: { v1: { Health: ServiceClientConstructor } } }).health
  .v1.Health;

const KNOWN = 'envoy.service.auth.v3.Authorization';
let folder = '';
let socketPath = '';
let fault: string | undefined;
let health: Health;
let server: RunningGrpcServer;
let fakes: FakeService;
let channel: Client;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grpc-'));
  socketPath = join(folder, 'verifier.sock');
  fault = undefined;
  health = new Health([{ name: 'store', fault: () => fault }]);
  fakes = fakeService();
  const limits = {
    maxBodyBytes: 4096,
    checkTimeoutMilliseconds: 200,
    claimMarginMilliseconds: 20,
    maxConcurrentChecks: 1_024,
  };
  const settings = { listen: { socketPath }, limits } as unknown as ServerSettings;
  server = await startGrpcServer(settings, served());
  channel = new Client(`unix:${socketPath}`, credentials.createInsecure());
});
afterEach(async () => {
  channel.close();
  await server.stop(500);
  rmSync(folder, { recursive: true });
});

/** No test here sends an answer to the signer, or an entry of an access log. */
function served(): Served {
  return {
    service: fakes.service,
    certificates: fakes.certificates,
    snapshot: undefined as never,
    signer: undefined as never,
    accessLog: undefined as never,
    health,
    load: new LoadMetrics(new Registry()),
  };
}

function healthClient(): InstanceType<ServiceClientConstructor> {
  return new HealthClient(`unix:${socketPath}`, credentials.createInsecure());
}

const identity = (message: Buffer): Buffer => message;

/** One Check as Envoy would call it; the deadline is that of the real clock. */
function callCheck(message: Buffer, milliseconds = 5_000): Promise<ReadResponse> {
  return new Promise((resolve, reject) => {
    channel.makeUnaryRequest(
      '/envoy.service.auth.v3.Authorization/Check',
      identity,
      identity,
      message,
      { deadline: Date.now() + milliseconds },
      (error, response) => {
        if (error !== null) reject(error);
        else if (response === undefined) reject(new Error('no response'));
        else resolve(readResponse(response));
      },
    );
  });
}

function wire(parts: RequestParts): Buffer {
  if (typeof parts.peerCertificate === 'string') return checkMessage(parts, '');
  return checkMessage(parts, `certificate:${parts.peerCertificate.certificateSha256}`);
}

describe('the Check over the Unix socket', () => {
  beforeEach(() => (fakes.time.monotonicMs = performance.now()));

  it('answers with bytes that Envoy’s definitions read', async () => {
    expect((await callCheck(wire(telemetryParts()))).grpcCode).toBe(0);
    expect(metadataCode(await callCheck(wire(telemetryParts())))).toBe('replayed_nonce');
  });

  // Fault: malformed-check
  it('answers a message that is none without a gRPC error', async () => {
    expect((await callCheck(Buffer.from('rubbish'))).httpStatus).toBe(503);
  });

  it('does not claim when the call comes with too little time', async () => {
    // The service's clock stands later than the real one, so that every deadline is nearly spent.
    fakes.time.monotonicMs = performance.now() + 5_000;
    expect(metadataCode(await callCheck(wire(telemetryParts())))).toBe('deadline_spent');
    expect(fakes.store.claims).toBe(0);
  });

  it('takes a body of the limit with headers and certificate, and refuses far more', async () => {
    const parts = signedParts({ body: Buffer.alloc(4096) });
    parts.headers.push(['x-filler', 'x'.repeat(60_000)]);
    expect((await callCheck(wire(parts))).grpcCode).toBe(0);
    await expect(callCheck(Buffer.alloc(400_000))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it('is reached through a socket of mode 0660', () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o660);
  });
});

describe('gRPC health', () => {
  const checkHealth = (service: string): Promise<HealthAnswer> =>
    new Promise((resolve, reject) => {
      const client = healthClient();
      (
        client as unknown as Record<
          'Check',
          (request: object, done: (error: ServiceError | null, answer: HealthAnswer) => void) => void
        >
      ).Check({ service }, (error, answer) => {
        client.close();
        if (error === null) resolve(answer);
        else reject(error);
      });
    });

  it.each(['', KNOWN])('tells of %j what the whole process can do', async (service) => {
    expect(await checkHealth(service)).toEqual({ status: 'SERVING' });
    fault = 'broken';
    expect(await checkHealth(service)).toEqual({ status: 'NOT_SERVING' });
  });

  it('tells of each part by its name', async () => {
    fault = 'broken';
    expect(await checkHealth('countersign.store')).toEqual({ status: 'NOT_SERVING' });
    expect(await checkHealth('countersign.lifecycle')).toEqual({ status: 'SERVING' });
  });

  it.each(['other', 'countersign.other', 'countersign.', 'store'])('does not know %j', async (service) => {
    await expect(checkHealth(service)).rejects.toMatchObject({ code: status.NOT_FOUND });
  });
});

/** The states that a watch has told, and a way to wait for the next. */
function watch(service: string) {
  const client = healthClient();
  const stream = (
    client as unknown as Record<'Watch', (request: object) => ClientReadableStream<HealthAnswer>>
  ).Watch({ service });
  const told: string[] = [];
  const waiting: (() => void)[] = [];
  let ended = false;
  const wake = (): void => waiting.splice(0).forEach((go) => go());
  stream.on('data', (answer: HealthAnswer) => {
    told.push(answer.status);
    wake();
  });
  stream.on('error', () => undefined);
  stream.on('end', () => {
    ended = true;
    wake();
  });
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return {
    told,
    count: (count: number) => until(() => told.length >= count),
    ended: () => until(() => ended),
    close: () => {
      stream.cancel();
      client.close();
    },
  };
}

describe('a health watch', () => {
  it('tells the present state at once and then every change', async () => {
    const watched = watch(KNOWN);
    await watched.count(1);
    fault = 'broken';
    health.poll();
    await watched.count(2);
    health.poll();
    fault = undefined;
    health.poll();
    await watched.count(3);
    health.drain();
    await watched.count(4);
    expect(watched.told).toEqual(['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING']);
    watched.close();
  });

  it('of one part tells of that part alone', async () => {
    const watched = [watch('countersign.store'), watch('countersign.lifecycle')] as const;
    await Promise.all(watched.map(({ count }) => count(1)));
    fault = 'broken';
    health.poll();
    await watched[0].count(2);
    health.drain();
    await watched[1].count(2);
    expect(watched.map(({ told }) => told)).toEqual([
      ['SERVING', 'NOT_SERVING'],
      ['SERVING', 'NOT_SERVING'],
    ]);
    for (const { close } of watched) close();
  });

  it('tells of an unknown service and stays on the line', async () => {
    const watched = watch('other');
    await watched.count(1);
    fault = 'broken';
    health.poll();
    const known = watch('');
    await known.count(1);
    expect([watched.told, known.told]).toEqual([['SERVICE_UNKNOWN'], ['NOT_SERVING']]);
    watched.close();
    known.close();
  });

  it('does not hold up the stop', async () => {
    const watched = watch('');
    await watched.count(1);
    await Promise.all([server.stop(20_000), watched.ended()]);
    watched.close();
  });

  it('is forgotten when its client goes', async () => {
    const watched = watch('');
    await watched.count(1);
    watched.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    fault = 'broken';
    health.poll();
    expect(watched.told).toEqual(['SERVING']);
  });
});

describe('stopping', () => {
  // Fault: drain
  it('lets a check that is under way finish', async () => {
    fakes.time.monotonicMs = performance.now();
    let open = (): void => undefined;
    const held = new Promise<void>((resolve) => (open = resolve));
    fakes.store.before = () => held;
    const answer = callCheck(wire(telemetryParts()));
    while (fakes.store.claims === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const stopped = server.stop(5_000);
    open();
    expect((await answer).grpcCode).toBe(0);
    await stopped;
  });

  // Fault: drain
  it('cuts a check that does not finish in time', async () => {
    fakes.time.monotonicMs = performance.now();
    fakes.store.before = () => new Promise<void>(() => undefined);
    const answer = callCheck(wire(telemetryParts()));
    const refused = expect(answer).rejects.toMatchObject({ code: expect.any(Number) as number });
    while (fakes.store.claims === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.stop(50);
    await refused;
  });

  it('says which socket could not be had', async () => {
    const settings = { listen: { socketPath }, limits: { maxBodyBytes: 1, checkTimeoutMilliseconds: 1 } };
    await expect(startGrpcServer(settings as unknown as ServerSettings, served())).rejects.toThrow(
      socketPath,
    );
  });
});
