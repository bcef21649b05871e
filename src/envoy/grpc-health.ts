/** gRPC health v1 (grpc.health.v1.Health): Check, and a Watch that really tells every change. */
import { status, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Health } from '../observability/health.js';
import { protoFile } from './proto-files.js';

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

/** The whole process, and the one service that Envoy calls; both are as healthy as the AND of all components. */
const KNOWN_SERVICES = new Set(['', 'envoy.service.auth.v3.Authorization']);

/** The service definition from our own proto. */
export function healthDefinition(): ServiceDefinition {
  const loaded: PackageDefinition = loadSync(protoFile('grpc/health/v1/health.proto'), {
    enums: String,
    // Envoy asks for the service ``: without defaults that field would be undefined, and unknown.
    defaults: true,
  });
  return loaded['grpc.health.v1.Health'] as ServiceDefinition;
}

/** Binds the health of this process. */
export function healthHandlers(health: Health): UntypedServiceImplementation {
  const of = (service: string): HealthResponse['status'] =>
    KNOWN_SERVICES.has(service) ? (health.isServing() ? 'SERVING' : 'NOT_SERVING') : 'SERVICE_UNKNOWN';
  return {
    check: (
      call: ServerUnaryCall<HealthRequest, HealthResponse>,
      reply: sendUnaryData<HealthResponse>,
    ): void => {
      const answer = of(call.request.service);
      if (answer === 'SERVICE_UNKNOWN') reply({ code: status.NOT_FOUND, details: 'unknown service' });
      else reply(null, { status: answer });
    },
    watch: (stream: ServerWritableStream<HealthRequest, HealthResponse>): void => watch(stream, health, of),
  };
}

/** The present state at once, then each change; an unknown service stays on the line (health v1, Watch). */
function watch(
  stream: ServerWritableStream<HealthRequest, HealthResponse>,
  health: Health,
  of: (service: string) => HealthResponse['status'],
): void {
  let told: string | undefined;
  const tell = (): void => {
    const now = of(stream.request.service);
    if (now === told) return;
    told = now;
    stream.write({ status: now });
  };
  const forget = [health.onChange(tell), health.onShutdown(() => stream.end())];
  const unsubscribe = (): void => forget.forEach((undo) => undo());
  for (const event of ['cancelled', 'close', 'error']) stream.on(event, unsubscribe);
  tell();
}
