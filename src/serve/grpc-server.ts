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
import { prepareSocket, withSocketUmask } from './unix-socket.js';

/** Headers, certificate and framing that come with a body. */
const MESSAGE_OVERHEAD_BYTES = 262_144;

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
  /** `feedback.maxAnswerBytes`; undefined where nothing is signed. */
  readonly maxAnswerBytes?: number | undefined;
}

/** Binds the services to the socket of the settings. Throws a sentence when the socket cannot be had. */
export async function startGrpcServer(
  { listen, limits }: ServerSettings,
  { service, signer, health, maxAnswerBytes }: Served,
): Promise<RunningGrpcServer> {
  const { socketPath } = listen;
  const server = new GrpcServer({
    maxMessageBytes: longestContent(limits.maxBodyBytes, maxAnswerBytes) + MESSAGE_OVERHEAD_BYTES,
    methods: new Map<string, Method>([
      [CHECK_METHOD, authorizationMethod(service, limits.checkTimeoutMilliseconds)],
      [PROCESS_METHOD, processingMethod(() => signer.open())],
      ...healthMethods(health),
    ]),
  });
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
