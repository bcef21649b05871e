/** gRPC health v1 (grpc.health.v1.Health): Check, and a Watch that really tells every change. */
import { GRPC_STATUS, MALFORMED, OVERLOADED, type GrpcFailure } from '../../grpc/method.js';
import type { Method, StreamCall, StreamHandler, StreamMethod, UnaryMethod } from '../../grpc/method.js';
import type { Health } from '../../observability/health.js';
import {
  CHECK_METHOD,
  encodeHealthResponse,
  readHealthRequest,
  WATCH_METHOD,
  type ServingStatus,
} from './messages.js';

/** The whole process, and the services that Envoy calls; all are as healthy as the AND of all components. */
const WHOLE_PROCESS = new Set([
  '',
  'envoy.service.auth.v3.Authorization',
  'envoy.service.ext_proc.v3.ExternalProcessor',
]);

/** Before the name of a component: `countersign.nonce_store` tells of that one alone. */
const COMPONENT_PREFIX = 'countersign.';

/** Envoy asks with Check; these are for whoever else has the socket. Each holds some kilobytes. */
const MAX_WATCHES = 64;

/** Bounds a reply: a reason may hold the words of a database or a file system. */
const MAX_REASON_CHARACTERS = 300;

const NOT_SERVED: StreamHandler = {
  message: () => undefined,
  halfClosed: () => undefined,
  closed: () => undefined,
};

const UNKNOWN_SERVICE: GrpcFailure = { code: GRPC_STATUS.NOT_FOUND, message: 'unknown service' };

/** Whether the process serves, and nothing else: for those who have not shown who they are. */
export function plainHealthMethod(health: Health): [string, Method] {
  const wholeProcess = (): ServingStatus => statusOf('', health);
  return [CHECK_METHOD, checkMethod(wholeProcess, () => undefined)];
}

/** Both methods, by their full names. */
export function healthMethods(health: Health): [string, Method][] {
  const of = (service: string): ServingStatus => statusOf(service, health);
  return [
    [CHECK_METHOD, checkMethod(of, (service) => reasonOf(service, health))],
    [WATCH_METHOD, watchMethod(of, health)],
  ];
}

function statusOf(service: string, health: Health): ServingStatus {
  const works = worksOf(service, health);
  if (works === undefined) return 'SERVICE_UNKNOWN';
  return works ? 'SERVING' : 'NOT_SERVING';
}

function worksOf(service: string, health: Health): boolean | undefined {
  if (WHOLE_PROCESS.has(service)) return health.isServing();
  if (!service.startsWith(COMPONENT_PREFIX)) return undefined;
  return health.isWorking(service.slice(COMPONENT_PREFIX.length));
}

/** What keeps the whole process, or this one component, from serving. */
function reasonOf(service: string, health: Health): string {
  const wanted = service.startsWith(COMPONENT_PREFIX) ? service.slice(COMPONENT_PREFIX.length) : undefined;
  return health
    .states()
    .filter(({ name, fault }) => fault !== undefined && (wanted === undefined || wanted === name))
    .map(({ name, fault }) => `${name}: ${fault}`)
    .join('; ')
    .slice(0, MAX_REASON_CHARACTERS);
}

function checkMethod(
  of: (service: string) => ServingStatus,
  reason: (service: string) => string | undefined,
): UnaryMethod {
  return {
    kind: 'unary',
    isExempt: true,
    handle: (request) => {
      const service = readHealthRequest(request);
      const status = of(service);
      if (status === 'SERVICE_UNKNOWN') return Promise.resolve(UNKNOWN_SERVICE);
      return Promise.resolve(
        encodeHealthResponse(status, status === 'SERVING' ? undefined : reason(service)),
      );
    },
  };
}

function watchMethod(of: (service: string) => ServingStatus, health: Health): StreamMethod {
  let open = 0;
  return {
    kind: 'stream',
    isExempt: true,
    open: (call): StreamHandler => {
      if (open === MAX_WATCHES) {
        call.end(OVERLOADED);
        return NOT_SERVED;
      }
      open++;
      let forget: (() => void) | undefined;
      return {
        message: (request) => {
          const service = readHealthRequest(request);
          if (forget !== undefined) call.end(MALFORMED);
          else forget = watch(call, health, () => encodeHealthResponse(of(service)));
        },
        halfClosed: () => undefined,
        closed: () => {
          open--;
          forget?.();
        },
      };
    },
  };
}

/** The present state at once, then each change, of which a watcher that does not read misses all but the latest; an unknown service stays on the line (health v1, Watch). */
function watch(call: StreamCall, health: Health, state: () => Buffer): () => void {
  let told: Buffer | undefined;
  let isOnItsWay = false;
  const tell = (): void => {
    const now = state();
    if (isOnItsWay || told?.equals(now) === true) return;
    told = now;
    isOnItsWay = true;
    call.send(now, () => {
      isOnItsWay = false;
      tell();
    });
  };
  const forget = [health.onChange(tell), health.onShutdown(() => call.end())];
  tell();
  return () => forget.forEach((undo) => undo());
}
