/**
 * What the verifier is measured against, each in a process of its own:
 *   plain      grpc-js + proto-loader with Envoy's full definitions, as such servers are usually written: the
 *              request decoded whole, one libsodium verification, allow
 *   transport  grpc-js, the request left as bytes, allow: what any ext_authz server on grpc-js pays
 *   verify     the same + one libsodium verification
 * Usage: node comparison-server.js KIND SOCKET PUBLIC_KEY_BASE64
 */
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { createSodiumEngine, loadSodium } from '../../src/crypto/engines.js';
import { encodeAllow } from '../../src/envoy/check-response.js';
import { readCheckRequest } from '../../src/envoy/check-request.js';
import { WantedNames } from '../../src/envoy/wanted-names.js';
import { AUTHORIZATION_DEFINITION } from '../../src/envoy/grpc-authorization.js';
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
const engine = createSodiumEngine(sodium);

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

const WANTED = new WantedNames(
  ['x-telemetry-timestamp', 'x-telemetry-nonce', 'x-telemetry-signature'],
  'x-countersign-',
);

function bytesService(verify: boolean): [ServiceDefinition, UntypedServiceImplementation] {
  const allow = encodeAllow([], [], {});
  const check = (call: { readonly request: Buffer }, reply: Reply): void => {
    if (verify) {
      const { headers, body } = readCheckRequest(call.request, WANTED);
      const header = (name: string): string => headers.get(name)?.[0] ?? '';
      const good = verified(
        header('x-telemetry-timestamp'),
        header('x-telemetry-nonce'),
        header('x-telemetry-signature'),
        body,
      );
      if (!good) throw new Error('the benchmark sent a bad signature');
    }
    reply(null, allow);
  };
  return [AUTHORIZATION_DEFINITION, { check }];
}

const server = new Server();
const [definition, handlers] = kind === 'plain' ? plainService() : bytesService(kind === 'verify');
server.addService(definition, handlers);
server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write('ready\n');
});
process.once('SIGTERM', () => server.forceShutdown());
