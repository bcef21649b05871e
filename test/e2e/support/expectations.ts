/** What every accepted and every refused request has to look like, at the client, in the record and at the application. */
import { createHash } from 'node:crypto';
import { DECISION_HEADER } from '../../../src/protocol/header-names.js';
import type { RefusalCode } from '../../../src/verify/refusal.js';
import type { AuditRecord } from './audit-reader.js';
import type { Outgoing } from './outgoing.js';
import type { Seen } from './stage.js';

/** A refusal by the verifier. */
export interface ExpectedRefusal {
  readonly status: number;
  /** The only code that the client may learn. */
  readonly client: string;
  /** The precise one of the record. */
  readonly audit: RefusalCode;
}

export interface RefusalBody {
  readonly request_id: string | null;
  readonly status: string;
  readonly data: null;
  readonly errors: readonly {
    readonly code: string;
    readonly message: string;
    readonly pointer?: string;
    readonly problem?: string;
    readonly offset?: number;
    readonly first_request_id?: string;
    readonly first_seen_at?: number;
    readonly first_status?: number;
  }[];
}

/** The body of a refusal, held to docs/wire-contract.md's shape: these members, in number one error, and no more. */
export function refusalBody(seen: Seen): RefusalBody {
  const { answer } = seen;
  expect(answer.headers.get('content-type')).toBe('application/json');
  const body = JSON.parse(answer.body) as RefusalBody;
  expect(Object.keys(body).sort()).toEqual(['data', 'errors', 'request_id', 'status']);
  expect(body).toMatchObject({ status: 'rejected', data: null });
  expect(body.errors).toHaveLength(1);
  expect(body.errors[0]?.message).toMatch(/^[ -~]{5,}$/);
  return body;
}

/** Refused by the verifier: the right answer, one record with the precise code, and the application saw nothing. */
export function expectRefusal(seen: Seen, expected: ExpectedRefusal): void {
  const { answer, records, arrivals } = seen;
  const recorded = records.map(({ code, status }) => ({ code, status }));
  expect({ status: answer.status, recorded }).toEqual({
    status: expected.status,
    recorded: [{ code: expected.audit, status: expected.status }],
  });
  const body = refusalBody(seen);
  expect(body.errors[0]?.code).toBe(expected.client);
  expect(Object.keys(body.errors[0] ?? {}).sort()).toEqual(membersFor(records[0]).sort());
  expect(body.request_id).toBe(records[0]?.decision_id);
  expect(records[0]?.event).toMatch(/(?:rejected|refused)$/);
  expect(arrivals).toEqual([]);
  if (expected.client !== expected.audit) expect(answer.body).not.toContain(`"${expected.audit}"`);
}

/** What the error may say and no more: the fault of a body only to who has proven its key, the first copy only after it. */
function membersFor(record: AuditRecord | undefined): string[] {
  const { kid, first_decision_id: first, first_status: status } = record ?? {};
  const fault = (['pointer', 'problem', 'offset'] as const).filter((name) => record?.[name] !== undefined);
  return [
    'code',
    'message',
    ...(kid === undefined ? [] : fault),
    ...(first === undefined ? [] : ['first_request_id', 'first_seen_at']),
    ...(status === undefined ? [] : ['first_status']),
  ];
}

/**
 * Refused by Envoy alone: the verifier was not asked, and the application saw nothing. Status 0 is a stream or
 * connection that Envoy ended without an answer.
 */
export function expectRefusedUnasked(seen: Seen, status: number, client: string): void {
  expect({ status: seen.answer.status, records: seen.records, arrivals: seen.arrivals }).toEqual({
    status,
    records: [],
    arrivals: [],
  });
  if (status === 0) return;
  const body = refusalBody(seen);
  expect(body.errors[0]?.code).toBe(client);
  // As docs/wire-contract.md#answers-of-envoy says.
  expect(seen.answer.headers.get(DECISION_HEADER)).toBe(status === 403 ? undefined : 'none');
  if (BEFORE_REQUEST_ID.has(status)) expect(body.request_id).toBeNull();
  else expect(body.request_id ?? (status === 404 ? NO_ID : '')).toMatch(/^[0-9a-f-]{36}$/);
}

/** What Envoy answers with these it has refused before it gave the request an id. */
const BEFORE_REQUEST_ID: ReadonlySet<number> = new Set([400, 426, 431]);
/** In place of an id: `OPTIONS *` over HTTP/1.1 gets its 404 without one, too. */
const NO_ID = '0'.repeat(36);

/** The record of an answer that was signed on its way back, which follows that of the decision. */
const SIGNED_ANSWER = 'cognitive.feedback.issued';

/** Allowed once: one decision, one arrival, with the body's bytes and path untouched. */
export function expectAllowed(seen: Seen, outgoing: Outgoing, status: number): void {
  const { answer, records, arrivals } = seen;
  const decisions = records.filter(({ event }) => event !== SIGNED_ANSWER);
  expect({ status: answer.status, codes: decisions.map(({ code }) => code) }).toEqual({
    status,
    codes: ['allow'],
  });
  expect(arrivals.map(({ method, path, body_sha256 }) => ({ method, path, body_sha256 }))).toEqual([
    {
      method: outgoing.method,
      path: outgoing.path,
      body_sha256: createHash('sha256').update(outgoing.body).digest('hex'),
    },
  ]);
}
