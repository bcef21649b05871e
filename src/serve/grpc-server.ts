/** The services of this process on its Unix socket, and on TCP where that is configured, every limit explicit (docs/security-requirements.md#29, #30). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerSettings } from '../config/settings.js';
import type { CheckService } from '../envoy/check/check-service.js';
import type { PeerCertificates } from '../envoy/check/peer-certificates.js';
import { checkFront } from '../envoy/ext-authz/check-front.js';
import { authorizationMethod, CHECK_METHOD } from '../envoy/ext-authz/check-method.js';
import { heldAnswerBytes } from '../envoy/ext-proc/envoy-contract.js';
import type { AccessLogCollector } from '../envoy/access-log/collector.js';
import { accessLogMethod, STREAM_ACCESS_LOGS_METHOD } from '../envoy/access-log/stream.js';
import { healthMethods } from '../envoy/health/service.js';
import { PROCESS_METHOD, processingMethod } from '../envoy/ext-proc/stream.js';
import type { ProcessingSession, VerifiedRequest } from '../envoy/ext-proc/session.js';
import { AwaitedBodies } from '../envoy/ext-proc/verify/awaited-bodies.js';
import { PSEUDO_HEADERS } from '../envoy/ext-proc/verify/inbound.js';
import { VerifyingSession, type VerifyingOptions } from '../envoy/ext-proc/verify/verifying-session.js';
import { SelectedHeaders } from '../envoy/check/selected-headers.js';
import type { Snapshot } from '../verify/snapshot.js';
import type { Method } from '../grpc/method.js';
import { GrpcServer } from '../grpc/server.js';
import type { Health } from '../observability/health.js';
import type { LoadMetrics } from '../observability/load-metrics.js';
import { forStrangers } from './strangers.js';
import { TcpFront, type TcpFrontOptions } from './tcp-front.js';
import { isReplaceable, prepareSocket, SocketName, withSocketUmask } from './unix-socket.js';

/** Headers, certificate and framing that come with a body. */
const MESSAGE_OVERHEAD_BYTES = 262_144;
/** What checks and answers may hold together while they are here; the next check gets 503 (docs/security-requirements.md#28). */
const HELD_BYTES = 67_108_864;
/** The same where bodies may be long. */
const HELD_MESSAGES = 16;
/** What tracing reads of a request. */
const TRACE_HEADERS = ['traceparent'] as const;
/** A port cannot be taken over like a name: while a successor gets it, who is connected here is served on. */
const HAND_OVER_MILLISECONDS = 300;

/** A gRPC server that serves. */
export interface RunningGrpcServer {
  /** Connections that are open: none, and nobody has to be told of a stop. */
  readonly connections: () => number;
  /** Takes the socket's name from the process that serves it now; only where `replace` was said. */
  takeOver(): void;
  /** Whether a successor has taken the name. */
  isSuperseded(): boolean;
  /** To be called often: takes over what a reload has changed about who may call. */
  look(): void;
  /** Lets calls finish, then cuts what is left after the limit or when told. Resolves with the connections cut. */
  stop(limitMilliseconds: number, cut?: AbortSignal): Promise<number>;
}

/** What is served on the socket. */
export interface Served {
  readonly service: CheckService;
  readonly certificates: PeerCertificates;
  readonly signer: (verified?: VerifiedRequest) => ProcessingSession;
  readonly snapshot: () => Snapshot;
  readonly accessLog: AccessLogCollector;
  readonly health: Health;
  readonly load: LoadMetrics;
  /** `feedback.maxAnswerBytes`; undefined where nothing is signed. */
  readonly maxAnswerBytes?: number | undefined;
  /** Default: nobody can call by TCP. */
  readonly tcp?: TcpFrontOptions | undefined;
  /** Listens, but leaves the socket's name, and the TCP port, to the process that serves them, until `takeOver`. */
  readonly replace?: boolean;
}

/** Binds the services to the socket of the settings, and to the TCP port. Throws a sentence when one cannot be had. */
export async function startGrpcServer(settings: ServerSettings, served: Served): Promise<RunningGrpcServer> {
  const { health, tcp: tcpOptions, replace = false } = served;
  const { socketPath } = settings.listen;
  const server = makeServer(settings, served);
  const tcp = tcpOptions && new TcpFront(server, tcpOptions);
  const name = new SocketName(socketPath);
  if (replace) await isReplaceable(socketPath);
  else await prepareSocket(socketPath);
  await withSocketUmask(() => bind(server, name));
  if (!replace) await publish(name, server, tcp);
  return {
    connections: () => server.connections,
    takeOver: () => {
      name.takeOver();
      tcp?.listenWhenFree();
    },
    isSuperseded: () => name.isTaken(),
    look: () => tcp?.look(),
    stop: async (limitMilliseconds, cut) => {
      health.endWatches();
      const handOver = tcp !== undefined && name.isTaken() ? HAND_OVER_MILLISECONDS : 0;
      name.remove();
      tcp?.close();
      const waited = Math.min(handOver, limitMilliseconds);
      await sleep(waited, undefined, cut && { signal: cut }).catch(() => undefined);
      return server.stop(limitMilliseconds - waited, cut);
    },
  };
}

function makeServer({ listen, limits, tracing, envoy }: ServerSettings, served: Served): GrpcServer {
  const { service, certificates, signer, accessLog, health, load } = served;
  const { extProcVerify } = listen;
  const traced = tracing === undefined ? [] : TRACE_HEADERS;
  const others = { otherHeaders: traced, isGuarded: envoy?.front === 'ext_proc' };
  const verifier = extProcVerify ? requestSessions(served, limits, others) : undefined;
  const maxMessageBytes = longestContent(served, limits.maxBodyBytes, extProcVerify) + MESSAGE_OVERHEAD_BYTES;
  const maxHeldBytes = Math.max(HELD_BYTES, HELD_MESSAGES * maxMessageBytes);
  const server = new GrpcServer({
    maxMessageBytes,
    load: { maxWaiting: limits.maxConcurrentChecks, maxHeldBytes },
    observer: load,
    methods: new Map<string, Method>([
      [CHECK_METHOD, authorizationMethod(service, checkFront(certificates, traced), limits)],
      [PROCESS_METHOD, processingMethod({ signer: () => signer(), verifier })],
      [STREAM_ACCESS_LOGS_METHOD, accessLogMethod(accessLog, health)],
      ...healthMethods(health),
    ]),
    forStrangers: forStrangers(health),
  });
  load.follow(server);
  return server;
}

/** Of requests that ext_proc brings: each is judged as ext_authz would have it judged. `isGuarded`: the Envoy is one that we have rendered. */
function requestSessions(
  { service, certificates, signer, snapshot }: Served,
  { checkTimeoutMilliseconds }: ServerSettings['limits'],
  { otherHeaders, isGuarded }: { readonly otherHeaders: readonly string[]; readonly isGuarded: boolean },
): (peer: string) => ProcessingSession {
  const options: VerifyingOptions = {
    checks: service,
    certificates,
    snapshot,
    selected: new SelectedHeaders([...PSEUDO_HEADERS, ...otherHeaders]),
    bodies: new AwaitedBodies(),
    isGuarded,
    sign: signer,
    checkTimeoutMilliseconds,
    monotonicMs: () => performance.now(),
  };
  return (peer) => new VerifyingSession(options, peer);
}

/** Envoy holds more of an answer than is signed, and by ext_proc of a request, so that we can say that it is too long. */
function longestContent({ maxAnswerBytes }: Served, maxBodyBytes: number, bringsRequests: boolean): number {
  if (maxAnswerBytes === undefined && !bringsRequests) return maxBodyBytes;
  return heldAnswerBytes({ maxBodyBytes, maxAnswerBytes: maxAnswerBytes ?? 0 });
}

/** Whoever was faster keeps the name, and the port. */
async function publish(name: SocketName, server: GrpcServer, tcp: TcpFront | undefined): Promise<void> {
  try {
    await tcp?.listen();
    name.publish();
  } catch (error) {
    name.remove();
    tcp?.close();
    await server.stop(0);
    throw error;
  }
}

async function bind(server: GrpcServer, { path, passingPath }: SocketName): Promise<void> {
  try {
    await server.listen(passingPath);
  } catch (error) {
    throw new Error(`cannot listen on ${path}: ${(error as Error).message}`, { cause: error });
  }
}
