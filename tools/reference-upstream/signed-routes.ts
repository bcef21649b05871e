/** The routes of the federation profile, as the application behind the verifier answers them. */
import { createHash } from 'node:crypto';
import { adjustmentFor, readGraphSubmission } from './adjustments.js';
import { refusal, type Answer } from './answer.js';
import type { RecordKind, RecordStore } from './record-store.js';
import type { VerifiedContext } from './verified-context.js';

/** A verified request with its body parsed. */
export interface SignedRequest {
  readonly context: VerifiedContext;
  readonly body: unknown;
  readonly receivedAtMs: number;
}

/** Answers one signed route. */
export type SignedRoute = (request: SignedRequest, store: RecordStore) => Answer | Promise<Answer>;

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(name)
    : undefined;
}

async function keep(kind: RecordKind, request: SignedRequest, store: RecordStore): Promise<boolean> {
  const { context } = request;
  if (context.attestation === undefined) return false;
  await store.append(kind, {
    request_id: context.requestId,
    tenant_id: context.tenant,
    operator_id: context.operator,
    identity: context.identity,
    attestation_measurement_hash: context.attestation,
    received_at_ms: request.receivedAtMs,
    body: request.body,
  });
  return true;
}

const noAttestation = (requestId: string): Answer =>
  refusal(
    403,
    'unverified_request',
    'The verifier named no attestation measurement for this request.',
    requestId,
  );

async function telemetry(request: SignedRequest, store: RecordStore): Promise<Answer> {
  const { requestId } = request.context;
  const kept = await keep('telemetry', request, store);
  return kept ? { status: 202, body: { accepted: true, request_id: requestId } } : noAttestation(requestId);
}

async function executionGraph(request: SignedRequest, store: RecordStore): Promise<Answer> {
  const { requestId } = request.context;
  if (readGraphSubmission(request.body) === undefined) {
    return refusal(
      422,
      'invalid_graph',
      'A graph needs a fingerprint, a target_urn and a list of nodes.',
      requestId,
    );
  }
  if (!(await keep('graphs', request, store))) return noAttestation(requestId);
  const data = { graph_synced: true };
  return { status: 202, body: { request_id: requestId, status: 'accepted', data, errors: [] } };
}

function feedbackQuery(request: SignedRequest, store: RecordStore): Answer {
  const asked = member(request.body, 'limit');
  const limit = asked === undefined ? DEFAULT_LIMIT : asked;
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return refusal(422, 'invalid_body', `limit is an integer of 1..${MAX_LIMIT}.`, request.context.requestId);
  }
  const graphs = store.last('graphs', request.context.tenant, limit);
  return { status: 200, body: { data: graphs.map(adjustmentFor).filter((made) => made !== undefined) } };
}

const BUNDLE_FIELDS = ['operator_id', 'campaign_id', 'execution_hash', 'timestamp', 'nonce'] as const;

function federationVerify(request: SignedRequest): Answer {
  const bundle = member(request.body, 'bundle');
  const signed = BUNDLE_FIELDS.map((name) => String(member(bundle, name))).join('|');
  return {
    status: 200,
    body: { accepted: true, bundle_hash: createHash('sha256').update(signed).digest('hex') },
  };
}

/** By path; every one is a POST. */
export const SIGNED_ROUTES: ReadonlyMap<string, SignedRoute> = new Map<string, SignedRoute>([
  ['/internal/v1/telemetry', telemetry],
  ['/internal/v1/cognitive/execution-graph', executionGraph],
  ['/internal/v1/cognitive/feedback/adjustments/query', feedbackQuery],
  ['/internal/v1/federation/verify', federationVerify],
]);
