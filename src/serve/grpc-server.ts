/** The services of this process on its Unix socket, every limit explicit (MUST 29, 30). */
import type { ServerSettings } from '../config/settings.js';
import type { AuthorizationService } from '../envoy/authorization-service.js';
import { authorizationMethod, CHECK_METHOD } from '../envoy/grpc-authorization.js';
import { heldAnswerBytes } from '../envoy/held-answer.js';
import { healthMethods } from '../envoy/grpc-health.js';
import { PROCESS_METHOD, processingMethod } from '../envoy/processing-method.js';
import type { ResponseSigner } from '../envoy/response-signer.js';
import type { Method } from '../grpc/method.js';
import { GrpcServer } from '../grpc/server.js';
import type { Health } from '../observability/health.js';
import type { LoadMetrics } from '../observability/load-metrics.js';
import { prepareSocket, withSocketUmask } from './unix-socket.js';

/** Headers, certificate and framing that come with a body. */
const MESSAGE_OVERHEAD_BYTES = 262_144;
/** What checks and answers may hold together while they are here; the next check gets 503 (MUST 28). */
const HELD_BYTES = 67_108_864;
/** The same where bodies may be long. */
const HELD_MESSAGES = 16;

/** A gRPC server that serves. */
export interface RunningGrpcServer {
  /** Lets calls finish, then cuts what is left after the limit. */
  stop(limitMilliseconds: number): Promise<void>;
}

/** What is served on the socket. */
export interface Served {
  readonly service: AuthorizationService;
  readonly signer: ResponseSigner;
  readonly health: Health;
  readonly load: LoadMetrics;
  /** `feedback.maxAnswerBytes`; undefined where nothing is signed. */
  readonly maxAnswerBytes?: number | undefined;
}

/** Binds the services to the socket of the settings. Throws a sentence when the socket cannot be had. */
export async function startGrpcServer(
  { listen, limits }: ServerSettings,
  { service, signer, health, load, maxAnswerBytes }: Served,
): Promise<RunningGrpcServer> {
  const { socketPath } = listen;
  const maxMessageBytes = longestContent(limits.maxBodyBytes, maxAnswerBytes) + MESSAGE_OVERHEAD_BYTES;
  const maxHeldBytes = Math.max(HELD_BYTES, HELD_MESSAGES * maxMessageBytes);
  const server = new GrpcServer({
    maxMessageBytes,
    load: { maxWaiting: limits.maxConcurrentChecks, maxHeldBytes },
    observer: load,
    methods: new Map<string, Method>([
      [CHECK_METHOD, authorizationMethod(service, limits)],
      [PROCESS_METHOD, processingMethod(() => signer.open())],
      ...healthMethods(health),
    ]),
  });
  load.follow(server);
  await prepareSocket(socketPath);
  await withSocketUmask(() => bind(server, socketPath));
  return {
    stop: (limitMilliseconds) => {
      health.endWatches();
      return server.stop(limitMilliseconds);
    },
  };
}

/** Envoy holds more of an answer than is signed, so that the signer can say that it is too long. */
function longestContent(maxBodyBytes: number, maxAnswerBytes: number | undefined): number {
  return maxAnswerBytes === undefined ? maxBodyBytes : heldAnswerBytes({ maxBodyBytes, maxAnswerBytes });
}

async function bind(server: GrpcServer, socketPath: string): Promise<void> {
  try {
    await server.listen(socketPath);
  } catch (error) {
    throw new Error(`cannot listen on ${socketPath}: ${(error as Error).message}`, { cause: error });
  }
}
