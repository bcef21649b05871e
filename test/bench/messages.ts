/** Serialised CheckRequests as Envoy sends them, each freshly signed: the load of the benchmark. */
import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { encodeProcessingRequest, textStruct } from '../support/processing-messages.js';
import { loadEnvoyApi } from './envoy-api.js';

/** Who signs: one pinned identity of the benchmark. */
export interface BenchProducer {
  readonly identity: string;
  readonly operator: string;
  readonly tenant: string;
  readonly privateKey: KeyObject;
  readonly publicKeyBase64: string;
  readonly certificatePem: string;
}

/** Of every event. */
export const SCHEMA_VERSION = 'telemetry.v1';
const ATTESTATION = createHash('sha256').update('benchmark').digest('hex');

/** A producer with a fresh key; the certificate is made by the caller. */
export function benchProducer(certificatePem: string): BenchProducer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    identity: 'bench-producer',
    operator: 'bench-operator',
    tenant: '3b241101-e2bb-4255-8caf-4136c566a962',
    privateKey,
    publicKeyBase64: raw.toString('base64'),
    certificatePem,
  };
}

/** The configuration that lets the producer's telemetry pass; stores and paths are the caller's. */
export function benchPolicy(
  producer: BenchProducer,
  certificateSha256: string,
): { operators: Record<string, string>; identities: object[]; policies: object[] } {
  return {
    operators: { [producer.operator]: producer.tenant },
    identities: [
      {
        name: producer.identity,
        certificates: [{ sha256: certificateSha256 }],
        keys: [{ kid: 'default', publicKey: producer.publicKeyBase64 }],
        operators: [producer.operator],
      },
    ],
    policies: [{ name: 'telemetry', profile: 'federation.telemetry', schemaVersions: [SCHEMA_VERSION] }],
  };
}

/** A telemetry body of exactly `bytes` bytes. */
function telemetryBody(producer: BenchProducer, timestamp: number, nonce: string, bytes: number): Buffer {
  const { operator: operator_id, tenant: tenant_id } = producer;
  const campaign_id = 'bench-campaign';
  const event = {
    operator_id,
    campaign_id,
    tenant_id,
    execution_hash: ATTESTATION,
    timestamp,
    nonce,
    signed_metadata: { tenant_id, operator_id, campaign_id },
    payload: {
      event_type: 'execution',
      attributes: { schema_version: SCHEMA_VERSION, attestation_measurement_hash: ATTESTATION, fill: '' },
    },
  };
  event.payload.attributes.fill = 'x'.repeat(bytes - JSON.stringify(event).length);
  return Buffer.from(JSON.stringify(event));
}

/** A signed request: its headers, lower-case, and its body. */
export interface SignedTelemetry {
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** Signs one telemetry event now, with a nonce of its own. */
export function signedTelemetry(
  producer: BenchProducer,
  bodyBytes: number,
  certificateSha256: string,
): SignedTelemetry {
  return signed(producer, certificateSha256, (timestamp, nonce) =>
    telemetryBody(producer, timestamp, nonce, bodyBytes),
  );
}

/** Signs one feedback query now. */
export function signedQuery(producer: BenchProducer, certificateSha256: string): SignedTelemetry {
  const { operator: operator_id, tenant: tenant_id } = producer;
  return signed(producer, certificateSha256, (timestamp, nonce) =>
    Buffer.from(JSON.stringify({ operator_id, tenant_id, timestamp, nonce, limit: 100 })),
  );
}

function signed(
  producer: BenchProducer,
  certificateSha256: string,
  makeBody: (timestamp: number, nonce: string) => Buffer,
): SignedTelemetry {
  const timestamp = Math.floor(Date.now() / 1000);
  const nonce = `evt-${randomUUID()}`;
  const body = makeBody(timestamp, nonce);
  const signature = sign(
    null,
    Buffer.concat([Buffer.from(`${timestamp}.${nonce}.`), body]),
    producer.privateKey,
  );
  const headers = [
    ['content-type', 'application/json'],
    ['content-length', String(body.length)],
    ['x-service-identity', producer.identity],
    ['x-client-cert-sha256', certificateSha256],
    ['x-telemetry-timestamp', String(timestamp)],
    ['x-telemetry-nonce', nonce],
    ['x-telemetry-signature', signature.toString('base64')],
  ] as const;
  return { headers, body };
}

interface Method {
  readonly requestSerialize: (message: object) => Buffer;
}

/**
 * Serialises what Envoy would send for a request: peer certificate, policy of the route, and headers and body raw or,
 * as it does by default, as a map and as text.
 */
export function checkRequestEncoder(
  certificatePem: string,
  form: 'raw' | 'text' = 'raw',
): (request: SignedTelemetry) => Buffer {
  const loaded = loadEnvoyApi();
  const { Check } = loaded['envoy.service.auth.v3.Authorization'] as unknown as { readonly Check: Method };
  const certificate = encodeURIComponent(certificatePem);
  const content = form === 'raw' ? rawContent : textContent;
  return (request) => Check.requestSerialize(checkRequest(request, content(request), certificate));
}

function rawContent({ headers, body }: SignedTelemetry): object {
  return { raw_body: body, header_map: { headers: headerList(headers) } };
}

function textContent({ headers, body }: SignedTelemetry): object {
  return { body: body.toString(), headers: Object.fromEntries(allHeaders(headers)) };
}

const PATH = '/internal/v1/telemetry';

/** The same request in the two messages of ext_proc, with what Envoy 1.40 says of the certificate. */
export function processingRequestEncoder(
  certificatePem: string,
  certificateSha256: string,
): (request: SignedTelemetry) => readonly Buffer[] {
  const attributes = textStruct({
    'connection.sha256_peer_certificate_digest': certificateSha256,
    'connection.peer_certificate': certificatePem,
  });
  return ({ headers, body }) => [
    Buffer.concat([
      encodeProcessingRequest({
        request_headers: { headers: { headers: headerList(headers) } },
        attributes: { 'envoy.filters.http.ext_proc': attributes },
      }),
      BUFFERED_BODIES,
    ]),
    encodeProcessingRequest({ request_body: { body, end_of_stream: true } }),
  ];
}

/** ProcessingRequest.protocol_config (11): request_body_mode (1) is BUFFERED (2). Younger than the definitions at hand. */
const BUFFERED_BODIES = Buffer.from([0x5a, 2, 0x08, 2]);

function allHeaders(headers: SignedTelemetry['headers']): SignedTelemetry['headers'] {
  const usual: readonly (readonly [string, string])[] = [
    [':authority', 'localhost:8443'],
    [':path', PATH],
    [':method', 'POST'],
    [':scheme', 'https'],
    ['user-agent', 'python-requests/2.32'],
    ['accept-encoding', 'gzip, deflate'],
    ['accept', '*/*'],
    ['x-forwarded-proto', 'https'],
    ['x-request-id', randomUUID()],
    ['x-envoy-auth-partial-body', 'false'],
  ];
  return [...usual, ...headers];
}

function headerList(headers: SignedTelemetry['headers']): object[] {
  return allHeaders(headers).map(([key, value]) => ({ key, raw_value: Buffer.from(value) }));
}

function checkRequest({ body }: SignedTelemetry, content: object, certificate: string): object {
  const http = {
    id: '1234567890123456789',
    method: 'POST',
    path: PATH,
    host: 'localhost:8443',
    scheme: 'https',
    protocol: 'HTTP/1.1',
    size: body.length,
    ...content,
  };
  const address = (port_value: number): object => ({ socket_address: { address: '127.0.0.1', port_value } });
  const now = Date.now();
  return {
    attributes: {
      source: { address: address(41_234), principal: 'CN=bench', certificate },
      destination: { address: address(8_443), principal: 'localhost' },
      request: { time: { seconds: Math.floor(now / 1000), nanos: (now % 1000) * 1_000_000 }, http },
      context_extensions: { countersign_policy: 'telemetry' },
      metadata_context: {},
      tls_session: { sni: 'localhost' },
      route_metadata_context: {},
    },
  };
}
