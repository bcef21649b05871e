import { checkBody } from '../../../../src/verify/checks/body.js';
import type { BodyContract } from '../../../../src/verify/body-contract.js';
import type { SignedPolicy } from '../../../../src/verify/snapshot.js';
import { configurationText, createWorkspace, feedback, loaded, type Workspace } from '../workspace.js';

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace();
});
afterAll(() => workspace.remove());

function policyOf(
  entry: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>> = {},
): SignedPolicy {
  const { snapshot } = loaded(
    workspace.load(
      configurationText({ policies: [{ name: 'it', ...entry }], feedback: feedback(), ...changes }),
    ),
  );
  const policy = snapshot.policies.get('it')!;
  if (policy.kind !== 'signed') throw new Error('not a signed policy');
  return policy;
}

function verdict(contract: BodyContract | undefined, body: unknown): string {
  const result = checkBody(Buffer.from(JSON.stringify(body)), contract!);
  return result.kind === 'body' ? 'taken' : result.code;
}

const tenant = '11111111-1111-4111-8111-111111111111';
const common = {
  operator_id: 'operator-a',
  tenant_id: tenant,
  timestamp: 1_764_000_000,
  nonce: 'evt-12345678',
};
const hash = 'ab'.repeat(32);
const telemetry = {
  ...common,
  campaign_id: 'campaign',
  execution_hash: hash,
  signed_metadata: { tenant_id: tenant, operator_id: 'operator-a', campaign_id: 'campaign' },
  payload: {
    any: [1],
    attributes: { schema_version: '1.0', attestation_measurement_hash: hash, more: true },
  },
};
const graph = {
  ...common,
  execution_fingerprint: hash,
  schema_version: 'execution.graph.v1',
  attestation_measurement_hash: hash,
  graph: { nodes: [], target_urn: 'urn:x' },
};
const bundle = {
  operator_id: 'operator-a',
  campaign_id: 'campaign',
  execution_hash: hash,
  timestamp: 1,
  nonce: '123456789012',
  signature: Buffer.alloc(64).toString('base64'),
};

describe('the federation profiles', () => {
  test.each([
    ['federation.telemetry', '/internal/v1/telemetry', 'telemetry.accepted', 'telemetry.rejected', 'default'],
    [
      'federation.execution-graph',
      '/internal/v1/cognitive/execution-graph',
      'cognitive.graph.accepted',
      'cognitive.graph.rejected',
      'graph',
    ],
    [
      'federation.feedback-query',
      '/internal/v1/cognitive/feedback/adjustments/query',
      'request.accepted',
      'cognitive.feedback.refused',
      'default',
    ],
    [
      'federation.verify',
      '/internal/v1/federation/verify',
      'federation.accepted',
      'federation.rejected',
      'default',
    ],
  ])('%s has its path, events and allowance', (profile, path, accepted, rejected, group) => {
    const policy = policyOf({ profile }, { rateLimit: { perMinute: 120 } });
    expect(policy.match).toEqual({ kind: 'exact', path, methods: new Set(['POST']), allowQuery: false });
    expect(policy.events).toEqual({ accepted, rejected });
    expect(policy.rateLimit).toEqual({ group, perMinute: 120 });
  });

  test.each([
    ['federation.telemetry', 'as_is', false],
    ['federation.execution-graph', 'as_is', true],
    ['federation.feedback-query', 'signed_feedback', false],
    ['federation.verify', 'as_is', false],
  ])('%s has its answer %s, and remembers executions: %s', (profile, answer, remembersExecution) => {
    expect(policyOf({ profile })).toMatchObject({ answer, remembersExecution });
  });

  test('remember no executions where nothing is signed', () => {
    const policy = policyOf({ profile: 'federation.execution-graph' }, { feedback: undefined });
    expect(policy.remembersExecution).toBe(false);
  });

  test('let the answer of a feedback query pass where they are told to', () => {
    const policy = policyOf({ profile: 'federation.feedback-query', answer: { signed: false } });
    expect(policy.answer).toBe('as_is');
  });

  test.each<[string, unknown, string]>([
    ['as it should be', telemetry, 'taken'],
    ['with an unknown member', { ...telemetry, extra: 1 }, 'body_contract'],
    ['without signed metadata', { ...telemetry, signed_metadata: undefined }, 'body_contract'],
    ['with a payload that is no object', { ...telemetry, payload: 'x' }, 'body_contract'],
    ['with a timestamp in quotes', { ...telemetry, timestamp: '1764000000' }, 'body_contract'],
    ['with an operator of 129 characters', { ...telemetry, operator_id: 'x'.repeat(129) }, 'body_contract'],
    ['with an empty campaign', { ...telemetry, campaign_id: '' }, 'body_contract'],
    [
      'of another schema version',
      {
        ...telemetry,
        payload: { attributes: { schema_version: '2.0', attestation_measurement_hash: hash } },
      },
      'schema_version',
    ],
    [
      'without attestation',
      { ...telemetry, payload: { attributes: { schema_version: '1.0' } } },
      'attestation_malformed',
    ],
  ])('telemetry %s: %s', (_, body, outcome) => {
    const { body: contract } = policyOf({ profile: 'federation.telemetry', schemaVersions: ['1.0'] });
    expect(verdict(contract, body)).toBe(outcome);
  });

  test('telemetry leaves a mismatch of signed metadata to the comparison, whatever its syntax', () => {
    const { body } = policyOf({ profile: 'federation.telemetry' });
    const signed_metadata = { tenant_id: 'another', operator_id: '', campaign_id: 'x'.repeat(200) };
    expect(verdict(body, { ...telemetry, signed_metadata })).toBe('taken');
    expect(body!.equalities).toEqual(
      ['tenant_id', 'operator_id', 'campaign_id'].map((name) => ({
        left: `/signed_metadata/${name}`,
        right: `/${name}`,
        ifPresent: false,
      })),
    );
  });

  test.each<[string, unknown, string]>([
    ['as it should be', graph, 'taken'],
    [
      'with its own copies',
      { ...graph, graph: { tenant_id: tenant, operator_id: 'o', execution_fingerprint: hash.toUpperCase() } },
      'taken',
    ],
    ['with a copy that is no text', { ...graph, graph: { tenant_id: null } }, 'body_contract'],
    ['of another schema version', { ...graph, schema_version: 'execution.graph.v2' }, 'schema_version'],
    ['with a graph that is a list', { ...graph, graph: [] }, 'body_contract'],
    ['with an unknown member', { ...graph, campaign_id: 'c' }, 'body_contract'],
  ])('an execution graph %s: %s', (_, body, outcome) => {
    expect(verdict(policyOf({ profile: 'federation.execution-graph' }).body, body)).toBe(outcome);
  });

  test.each<[string, unknown, string]>([
    ['without limit', common, 'taken'],
    ['with limit 1', { ...common, limit: 1 }, 'taken'],
    ['with limit 1000', { ...common, limit: 1000 }, 'taken'],
    ['with limit 0', { ...common, limit: 0 }, 'body_contract'],
    ['with limit 1001', { ...common, limit: 1001 }, 'body_contract'],
    ['with a limit in quotes', { ...common, limit: '10' }, 'body_contract'],
    ['with an unknown member', { ...common, offset: 1 }, 'body_contract'],
  ])('a feedback query %s: %s', (_, body, outcome) => {
    expect(verdict(policyOf({ profile: 'federation.feedback-query' }).body, body)).toBe(outcome);
  });

  test.each<[string, unknown, string]>([
    ['as it should be', { bundle }, 'taken'],
    ['with a member beside it', { bundle, more: 1 }, 'body_contract'],
    ['with a member inside it', { bundle: { ...bundle, more: 1 } }, 'body_contract'],
    ['with | in its operator', { bundle: { ...bundle, operator_id: 'a|b' } }, 'body_contract'],
    ['with | in its campaign', { bundle: { ...bundle, campaign_id: 'a|b' } }, 'body_contract'],
    ['with | in its nonce', { bundle: { ...bundle, nonce: '123456|789012' } }, 'body_contract'],
    ['with | in its hash', { bundle: { ...bundle, execution_hash: `${hash.slice(1)}|` } }, 'body_contract'],
    ['with a nonce of 11 characters', { bundle: { ...bundle, nonce: '12345678901' } }, 'body_contract'],
    ['with timestamp 0', { bundle: { ...bundle, timestamp: 0 } }, 'body_contract'],
    ['with a timestamp of 12 digits', { bundle: { ...bundle, timestamp: 100_000_000_000 } }, 'body_contract'],
    ['with a short signature', { bundle: { ...bundle, signature: 'AAAA' } }, 'body_contract'],
  ])('a bundle %s: %s', (_, body, outcome) => {
    expect(verdict(policyOf({ profile: 'federation.verify' }).body, body)).toBe(outcome);
  });

  test('a bundle is signed over its fields in the order of docs/wire-contract.md', () => {
    expect(policyOf({ profile: 'federation.verify' }).body!.signedFields).toEqual(
      ['operator_id', 'campaign_id', 'execution_hash', 'timestamp', 'nonce'].map((name) => `/bundle/${name}`),
    );
  });

  test.each([
    [undefined, false],
    [false, false],
    [true, true],
  ])('a bundle policy that says once: %s has once %s', (once, expected) => {
    expect(policyOf({ profile: 'federation.verify', once })).toMatchObject({
      signature: 'bundle',
      once: expected,
    });
  });
});

describe("a policy of one's own", () => {
  const own = (json: unknown) => policyOf({ match: { methods: ['POST'], path: '/a' }, body: { json } });

  test('turns each role into its rule', () => {
    const { body, events } = own({
      nonce: '/n',
      timestamp: '/t',
      operator: '/o',
      tenant: '/e',
      attestation: '/a',
      execution: '/x',
      schemaVersion: { at: '/v', allowed: ['v1'] },
    });
    expect(Object.fromEntries(body!.fields.map((field) => [field.pointer, field.rule.kind]))).toEqual({
      '/n': 'nonce',
      '/t': 'timestamp',
      '/o': 'string',
      '/e': 'uuid',
      '/a': 'sha256',
      '/x': 'sha256',
      '/v': 'string',
    });
    expect(body!.fields.every((field) => field.required)).toBe(true);
    expect(events).toEqual({ accepted: 'request.accepted', rejected: 'request.rejected' });
  });

  test('compares a field with no role as what it is compared with, and any text otherwise', () => {
    const { body } = own({
      timestamp: '/timestamp',
      equal: [
        ['/meta/timestamp', '/timestamp'],
        ['/a', '/b'],
      ],
    });
    expect(
      verdict(body, {
        timestamp: 1_764_000_000,
        meta: { timestamp: 1_764_000_000 },
        a: '',
        b: 'x'.repeat(5000),
      }),
    ).toBe('taken');
    expect(verdict(body, { timestamp: 1_764_000_000, meta: { timestamp: 'x' }, a: '', b: '' })).toBe(
      'body_contract',
    );
    expect(verdict(body, { timestamp: 1_764_000_000, meta: { timestamp: 1_764_000_000 }, a: 1, b: 1 })).toBe(
      'body_contract',
    );
  });

  test.each([
    [undefined, 'as_is'],
    [{ signed: false }, 'as_is'],
    [{ signed: true }, 'signed_feedback'],
  ])('with answer %j has its answer %s', (answer, expected) => {
    const match = { methods: ['POST'], path: '/a' };
    expect(policyOf({ match, body: { json: { operator: '/o' } }, answer }).answer).toBe(expected);
  });

  test('closes the top level only where it is told to', () => {
    expect(verdict(own({ topLevel: ['a/b', 'c'], operator: '/a~1b' }).body, { 'a/b': 'x', d: 1 })).toBe(
      'body_contract',
    );
    expect(verdict(own({ topLevel: ['a/b', 'c'], operator: '/a~1b' }).body, { 'a/b': 'x', c: 1 })).toBe(
      'taken',
    );
    expect(verdict(own({}).body, { anything: 1 })).toBe('taken');
  });
});
