/** Asks a verifier for its health over its Unix socket, as Envoy does: grpc.health.v1.Health/Check, with grpc-js. */
import { resolve as absolute } from 'node:path';
import { Client, credentials, status, type ChannelOptions, type ServiceError } from '@grpc/grpc-js';
import {
  CHECK_METHOD,
  encodeHealthRequest,
  readHealthResponse,
  SERVING_STATUS,
  type HealthCheckResponse,
} from './messages.js';

/** What is asked. */
export interface HealthQuestion {
  readonly socketPath: string;
  /** Empty for the whole process; `countersign.nonce_store` and its like for one component. */
  readonly service: string;
  readonly timeoutMilliseconds: number;
}

/** What came back. `unreachable`: nobody answered as a verifier does, and why. */
export type HealthReply =
  | { readonly kind: 'serving' }
  /** `reason`: in the verifier's own words, where it gives one. */
  | { readonly kind: 'not_serving'; readonly reason?: string }
  | { readonly kind: 'unknown_service' }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** One question on one connection of its own: nothing of the environment or of a name service has a say, and nothing is tried again. */
const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  // A reply is two bytes long, with a reason some hundred.
  'grpc.max_receive_message_length': 2_048,
};

/** Asks once. Never rejects. */
export async function askHealth(question: HealthQuestion): Promise<HealthReply> {
  const { socketPath, service, timeoutMilliseconds } = question;
  const client = new Client(`unix:${absolute(socketPath)}`, credentials.createInsecure(), CHANNEL_OPTIONS);
  const deadline = Date.now() + timeoutMilliseconds;
  try {
    return await new Promise((resolve) => {
      const answered = (error: ServiceError | null, reply?: HealthCheckResponse): void =>
        resolve(error === null ? replyOf(reply) : failureOf(error, timeoutMilliseconds));
      const [write, read] = [encodeHealthRequest, readHealthResponse];
      client.makeUnaryRequest(CHECK_METHOD, write, read, service, { deadline }, answered);
    });
  } finally {
    client.close();
  }
}

const NO_VERIFIER: HealthReply = {
  kind: 'unreachable',
  reason: 'what listens there does not answer as a verifier',
};

function replyOf(reply: HealthCheckResponse | undefined): HealthReply {
  if (reply?.status === SERVING_STATUS.SERVING) return { kind: 'serving' };
  if (reply?.status !== SERVING_STATUS.NOT_SERVING) return NO_VERIFIER;
  return { kind: 'not_serving', ...(reply.reason !== undefined && { reason: reply.reason }) };
}

/** What the system said of the connection, in the sentence of grpc-js around it. */
const CONNECTION_FAULT = /Last error: (?:Error: )?(.*?)(?: \(\d{4}-[-\dT:.]+Z\))?\. Resolution note:/;

function failureOf({ code, details }: ServiceError, timeoutMilliseconds: number): HealthReply {
  if (code === status.NOT_FOUND) return { kind: 'unknown_service' };
  if (code === status.DEADLINE_EXCEEDED)
    return { kind: 'unreachable', reason: `no answer within ${timeoutMilliseconds} ms` };
  if (code !== status.UNAVAILABLE) return NO_VERIFIER;
  return { kind: 'unreachable', reason: CONNECTION_FAULT.exec(details)?.[1] ?? details };
}
