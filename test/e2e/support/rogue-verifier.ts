/**
 * Something else on the verifier's socket: it says SERVING to health checks and answers every Check, and every
 * message of a signer's stream, as it is told to.
 */
import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { rmSync } from 'node:fs';

/** Bytes for a CheckResponse, a gRPC error, or no answer at all. */
export type RogueAnswer = Buffer | Partial<ServiceError> | 'silence';

/** A stream of `ExternalProcessor/Process`. */
export type SignerStream = ServerDuplexStream<Buffer, Buffer>;

export interface RogueVerifier {
  answer: RogueAnswer;
  /** Called for every message of a signer's stream; the first has the number 0. */
  sign: (stream: SignerStream, number: number) => void;
  readonly checks: () => number;
  readonly close: () => void;
}

const asIs = (bytes: Buffer): Buffer => bytes;
const method = (path: string, streams = false) => ({
  path,
  requestStream: streams,
  responseStream: streams,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});

/** `HealthCheckResponse { status: SERVING }`. */
const SERVING = Buffer.from([0x08, 0x01]);

/** Listens on the socket, which nobody else may be using. */
export async function startRogueVerifier(socketPath: string): Promise<RogueVerifier> {
  const server = new Server();
  let checks = 0;
  const rogue: RogueVerifier = {
    answer: 'silence',
    sign: () => undefined,
    checks: () => checks,
    close: () => {
      server.forceShutdown();
      rmSync(socketPath, { force: true });
    },
  };
  server.addService(
    { check: method('/grpc.health.v1.Health/Check') },
    {
      check: (_call: unknown, reply: sendUnaryData<Buffer>) => reply(null, SERVING),
    },
  );
  server.addService(
    { check: method('/envoy.service.auth.v3.Authorization/Check') },
    {
      check: (_call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
        checks += 1;
        const { answer } = rogue;
        if (Buffer.isBuffer(answer)) reply(null, answer);
        else if (answer !== 'silence') reply(answer);
      },
    },
  );
  server.addService(
    { process: method('/envoy.service.ext_proc.v3.ExternalProcessor/Process', true) },
    {
      process: (stream: SignerStream) => {
        let messages = 0;
        stream.on('data', () => rogue.sign(stream, messages++));
        // Envoy resets a stream that it no longer needs.
        stream.on('error', () => undefined);
      },
    },
  );
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return rogue;
}

/** Field `number` of wire type 2 with these bytes (fewer than 128). */
export function field(number: number, ...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** Field `number` of wire type 0. */
export function varint(number: number, value: number): Buffer {
  const bytes: number[] = [number << 3];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
