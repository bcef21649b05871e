/** What the demonstration sends: a line for each thing that passes and each thing that must not. */
import { bundleBody, feedbackBody, graphBody, PATHS, telemetryBody, type Body } from '../bodies.js';
import type { FederationCredentials } from '../credentials.js';
import { PRODUCER_A, PRODUCER_B } from '../parties.js';
import {
  newNonce,
  signedHeaders,
  type Credentials,
  type ProducerRequest,
  type SignedParts,
} from '../producer.js';

/** One thing that is sent. */
export interface Sending {
  /** Whose certificate the connection has. */
  readonly over: Credentials;
  readonly request: ProducerRequest;
}

/** One line of the table. */
export interface DemonstrationCase {
  readonly title: string;
  readonly expectedStatus: number;
  /** Whether it is to be let through; what is refused must never be seen by the application. */
  readonly passes: boolean;
  readonly prepare: (kit: DemonstrationKit) => Sending;
}

/** What the cases are made of. */
export interface DemonstrationKit {
  readonly credentials: FederationCredentials;
  /** Unix seconds, now. */
  readonly now: () => number;
  /** The sending that a replay repeats; set by the first case that passes. */
  first: Sending | undefined;
}

const STALE_SECONDS = 3_600;
const OVERSIZED_BYTES = 1_048_576 + 1;

const json = (body: Body): Buffer => Buffer.from(JSON.stringify(body));
const post = (path: string, headers: Record<string, string>, body: Buffer): ProducerRequest => ({
  method: 'POST',
  path,
  headers,
  body,
});
const freshParts = (kit: DemonstrationKit): SignedParts => ({ timestamp: kit.now(), nonce: newNonce() });

/** A request that is signed as it should be; the cases that are refused start from one and spoil it. */
export function signedSending(by: Credentials, path: string, parts: SignedParts, body: Buffer): Sending {
  return { over: by, request: post(path, signedHeaders(by, parts, body), body) };
}

function telemetry(kit: DemonstrationKit): Sending {
  const parts = freshParts(kit);
  return signedSending(
    kit.credentials.producerA,
    PATHS.telemetry,
    parts,
    json(telemetryBody(PRODUCER_A, parts)),
  );
}

const withBody = (sending: Sending, body: Buffer): Sending => ({
  ...sending,
  request: { ...sending.request, body },
});

type Prepare = DemonstrationCase['prepare'];

const passes = (title: string, expectedStatus: number, prepare: Prepare): DemonstrationCase => ({
  title,
  expectedStatus,
  passes: true,
  prepare,
});
const isRefused = (title: string, expectedStatus: number, prepare: Prepare): DemonstrationCase => ({
  title,
  expectedStatus,
  passes: false,
  prepare,
});

/** What reaches the application. */
export const ACCEPTED: readonly DemonstrationCase[] = [
  passes('signed telemetry', 202, (kit) => (kit.first = telemetry(kit))),
  passes('execution graph', 202, (kit) => {
    const parts = freshParts(kit);
    return signedSending(
      kit.credentials.producerA,
      PATHS.graph,
      parts,
      json(graphBody(PRODUCER_A, parts, 8)),
    );
  }),
  passes('feedback query', 200, (kit) => {
    const parts = freshParts(kit);
    return signedSending(
      kit.credentials.producerA,
      PATHS.feedback,
      parts,
      json(feedbackBody(PRODUCER_A, parts)),
    );
  }),
  passes('federation bundle', 200, (kit) => {
    const { producerA } = kit.credentials;
    const body = json(bundleBody(PRODUCER_A, freshParts(kit), producerA.signingKey));
    const headers = {
      'Content-Type': 'application/json',
      'X-Service-Identity': producerA.identity,
      'X-Client-Cert-Sha256': producerA.certificateSha256,
    };
    return { over: producerA, request: post(PATHS.bundle, headers, body) };
  }),
  passes('telemetry of the other tenant', 202, (kit) => {
    const parts = freshParts(kit);
    return signedSending(
      kit.credentials.producerB,
      PATHS.telemetry,
      parts,
      json(telemetryBody(PRODUCER_B, parts)),
    );
  }),
  passes('unsigned page of a pass-through policy', 200, (kit) => ({
    over: kit.credentials.producerA,
    request: { method: 'GET', path: `/login?${newNonce()}`, headers: {}, body: Buffer.alloc(0) },
  })),
];

/** The replay of the first accepted request: refused, but only after that one has passed. */
export const REPLAY: DemonstrationCase = isRefused(
  'replay of the first one, byte for byte',
  409,
  (kit) => kit.first ?? telemetry(kit),
);

/** What is refused before the application hears of it. */
export const REFUSED: readonly DemonstrationCase[] = [
  isRefused('tampered body', 401, (kit) => {
    const sending = telemetry(kit);
    const text = sending.request.body.toString();
    return withBody(sending, Buffer.from(text.replace('demonstration', 'demonstratiOn')));
  }),
  isRefused('forged signature', 401, (kit) => {
    const { producerA, producerB } = kit.credentials;
    const parts = freshParts(kit);
    const forger = { ...producerA, signingKey: producerB.signingKey };
    return signedSending(forger, PATHS.telemetry, parts, json(telemetryBody(PRODUCER_A, parts)));
  }),
  isRefused('certificate of another identity', 401, (kit) => ({
    ...telemetry(kit),
    over: kit.credentials.producerB,
  })),
  isRefused('certificate that is pinned to nobody', 401, (kit) => {
    const { unpinned } = kit.credentials;
    const parts = freshParts(kit);
    return signedSending(unpinned, PATHS.telemetry, parts, json(telemetryBody(PRODUCER_A, parts)));
  }),
  isRefused('cross-tenant: own operator, the other tenant', 403, (kit) => {
    const parts = freshParts(kit);
    const foreign = { ...PRODUCER_A, tenant: PRODUCER_B.tenant };
    return signedSending(
      kit.credentials.producerA,
      PATHS.telemetry,
      parts,
      json(telemetryBody(foreign, parts)),
    );
  }),
  isRefused("cross-tenant: the other producer's operator", 403, (kit) => {
    const parts = freshParts(kit);
    return signedSending(
      kit.credentials.producerA,
      PATHS.telemetry,
      parts,
      json(telemetryBody(PRODUCER_B, parts)),
    );
  }),
  isRefused('stale timestamp', 401, (kit) => {
    const parts = { timestamp: kit.now() - STALE_SECONDS, nonce: newNonce() };
    return signedSending(
      kit.credentials.producerA,
      PATHS.telemetry,
      parts,
      json(telemetryBody(PRODUCER_A, parts)),
    );
  }),
  isRefused('unsigned', 401, (kit) => {
    const { over, request } = telemetry(kit);
    return { over, request: { ...request, headers: { 'Content-Type': 'application/json' } } };
  }),
  isRefused('oversized body (1 MiB and a byte)', 413, (kit) => {
    const body = Buffer.alloc(OVERSIZED_BYTES, ' ');
    return signedSending(kit.credentials.producerA, PATHS.telemetry, freshParts(kit), body);
  }),
  isRefused('unknown path', 404, (kit) => {
    const { over, request } = telemetry(kit);
    return { over, request: { ...request, path: `/internal/v1/unknown` } };
  }),
  isRefused('wrong method', 405, (kit) => {
    const { over, request } = telemetry(kit);
    return { over, request: { ...request, method: 'PUT' } };
  }),
  isRefused('content type text/plain', 415, (kit) => {
    const { over, request } = telemetry(kit);
    return { over, request: { ...request, headers: { ...request.headers, 'Content-Type': 'text/plain' } } };
  }),
  isRefused('duplicate JSON key', 422, (kit) => {
    const parts = freshParts(kit);
    const text = JSON.stringify(telemetryBody(PRODUCER_A, parts));
    const doubled = Buffer.from(text.replace('{', `{"operator_id":"${PRODUCER_A.operator}",`));
    return signedSending(kit.credentials.producerA, PATHS.telemetry, parts, doubled);
  }),
];
