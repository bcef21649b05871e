/**
 * What the verifier is measured against, each in a process of its own:
 *   plain      grpc-js + proto-loader with Envoy's full definitions, as such servers are usually written: the
 *              request decoded whole, one libsodium verification, allow
 *   grpc_js    grpc-js, the request left as bytes, allow: the least that a server on grpc-js pays
 *   transport  our own transport, allow
 *   verify     our own transport, our walk over the request, one verification by the engine in use, allow
 * Usage: node comparison-server.js KIND SOCKET PUBLIC_KEY_BASE64
 */
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { createSodiumEngine, loadSodium, selectEngine } from '../../src/crypto/engines.js';
import { encodeAllow } from '../../src/envoy/ext-authz/check-response.js';
import { readCheckRequest } from '../../src/envoy/ext-authz/check-request.js';
import { HeaderSelection } from '../../src/envoy/wire/header-map.js';
import { CHECK_METHOD } from '../../src/envoy/ext-authz/check-method.js';
import { GrpcServer } from '../../src/grpc/server.js';
import { loadEnvoyApi } from './envoy-api.js';

type Reply = (error: null, response: unknown) => void;

interface DecodedCheck {
  readonly attributes: {
    readonly request: {
      readonly http: {
        readonly raw_body: Buffer;
        readonly header_map: {
          readonly headers: readonly { readonly key: string; readonly raw_value: Buffer }[];
        };
      };
    };
  };
}

const [, , kind = '', socketPath = '', publicKeyBase64 = ''] = process.argv;
const publicKey = Buffer.from(publicKeyBase64, 'base64');
const sodium = loadSodium();
if (sodium === undefined) throw new Error('the benchmark needs sodium-native');
// What others would take; ours takes the engine that the full verifier takes, so that the difference is none of it.
const engine = kind === 'verify' ? selectEngine() : createSodiumEngine(sodium);

function verified(timestamp: string, nonce: string, signature: string, body: Uint8Array): boolean {
  const message = Buffer.concat([Buffer.from(`${timestamp}.${nonce}.`), body]);
  return engine.verify(Buffer.from(signature, 'base64'), message, publicKey);
}

function plainService(): [ServiceDefinition, UntypedServiceImplementation] {
  const loaded = loadEnvoyApi();
  const check = (call: { readonly request: DecodedCheck }, reply: Reply): void => {
    const { raw_body, header_map } = call.request.attributes.request.http;
    const header = (name: string): string =>
      header_map.headers.find(({ key }) => key === name)?.raw_value.toString('latin1') ?? '';
    const good = verified(
      header('x-telemetry-timestamp'),
      header('x-telemetry-nonce'),
      header('x-telemetry-signature'),
      raw_body,
    );
    reply(
      null,
      good
        ? { status: { code: 0 }, ok_response: {} }
        : { status: { code: 7 }, denied_response: { status: { code: 401 } } },
    );
  };
  return [loaded['envoy.service.auth.v3.Authorization'] as ServiceDefinition, { Check: check }];
}

const SELECTION = new HeaderSelection(
  ['x-telemetry-timestamp', 'x-telemetry-nonce', 'x-telemetry-signature'],
  'x-countersign-',
);

const ALLOW = Buffer.from(encodeAllow([], [], {}));

function verify(message: Buffer): void {
  const { headers, body } = readCheckRequest(message, SELECTION, { read: () => 'missing' });
  const header = (name: string): string => headers.get(name)?.[0] ?? '';
  const good = verified(
    header('x-telemetry-timestamp'),
    header('x-telemetry-nonce'),
    header('x-telemetry-signature'),
    body,
  );
  if (!good) throw new Error('the benchmark sent a bad signature');
}

const identity = (bytes: Buffer): Buffer => bytes;

function bytesService(): [ServiceDefinition, UntypedServiceImplementation] {
  const check = {
    path: CHECK_METHOD,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  return [{ check }, { check: (_call: unknown, reply: Reply): void => reply(null, ALLOW) }];
}

function serveOnGrpcJs([definition, handlers]: [ServiceDefinition, UntypedServiceImplementation]): void {
  const server = new Server();
  server.addService(definition, handlers);
  server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
    if (error !== null) throw error;
  });
  process.once('SIGTERM', () => server.forceShutdown());
}

async function serveOnOurs(verifies: boolean): Promise<void> {
  const handle = (message: Buffer): Promise<Uint8Array> => {
    if (verifies) verify(message);
    return Promise.resolve(ALLOW);
  };
  const server = new GrpcServer({
    maxMessageBytes: MAX_MESSAGE_BYTES,
    methods: new Map([[CHECK_METHOD, { kind: 'unary', handle }]]),
  });
  await server.listen(socketPath);
  process.once('SIGTERM', () => void server.stop(0));
}

const MAX_MESSAGE_BYTES = 2_097_152;

if (kind === 'plain') serveOnGrpcJs(plainService());
else if (kind === 'grpc_js') serveOnGrpcJs(bytesService());
else await serveOnOurs(kind === 'verify');
