/** The gRPC server on the Unix socket, every limit explicit (envoy-facts.md, grpc-js as the server; MUST 29). */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerSettings } from '../config/settings.js';
import type { AuthorizationService } from '../envoy/authorization-service.js';
import { AUTHORIZATION_DEFINITION, authorizationHandlers } from '../envoy/grpc-authorization.js';
import { healthDefinition, healthHandlers } from '../envoy/grpc-health.js';
import type { Health } from '../observability/health.js';
import { prepareSocket, withSocketUmask } from './unix-socket.js';

/** Headers, certificate and framing that come with a body. */
const MESSAGE_OVERHEAD_BYTES = 262_144;
/** Envoy opens one connection a worker thread; each multiplexes this many checks at most. */
const MAX_STREAMS = 1_024;
const KEEPALIVE_MILLISECONDS = 30_000;
const KEEPALIVE_TIMEOUT_MILLISECONDS = 10_000;

/** A gRPC server that serves. */
export interface GrpcServer {
  /** Lets calls finish, then cuts what is left after the limit. */
  stop(limitMilliseconds: number): Promise<void>;
}

/** Binds both services to the socket of the settings. Throws a sentence when the socket cannot be had. */
export async function startGrpcServer(
  settings: ServerSettings,
  service: AuthorizationService,
  health: Health,
): Promise<GrpcServer> {
  const { socketPath } = settings.listen;
  const server = new Server({
    'grpc.max_receive_message_length': settings.limits.maxBodyBytes + MESSAGE_OVERHEAD_BYTES,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    // Per-call bookkeeping for a debugging service that we do not offer.
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': KEEPALIVE_MILLISECONDS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MILLISECONDS,
  });
  server.addService(
    AUTHORIZATION_DEFINITION,
    authorizationHandlers(service, settings.limits.checkTimeoutMilliseconds),
  );
  server.addService(healthDefinition(), healthHandlers(health));
  await prepareSocket(socketPath);
  await withSocketUmask(() => bind(server, socketPath));
  return { stop: (limitMilliseconds) => stop(server, health, limitMilliseconds) };
}

function bind(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(new Error(`cannot listen on ${socketPath}: ${error.message}`));
    });
  });
}

/** `tryShutdown` waits without bound on open streams, so watches are ended and a timer cuts the rest. */
function stop(server: Server, health: Health, limitMilliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, limitMilliseconds);
    health.endWatches();
    server.tryShutdown(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}
