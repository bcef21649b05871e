import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalEntry } from '../../../tools/reference-upstream/request-journal.js';
import type { StoredRecord } from '../../../tools/reference-upstream/record-store.js';
import { startReferenceUpstream, type ReferenceUpstream } from '../../../tools/reference-upstream/server.js';

const TENANT = '11111111-1111-4111-8111-111111111111';
const OTHER_TENANT = '22222222-2222-4222-8222-222222222222';
const ATTESTATION = 'ab'.repeat(32);
const TELEMETRY = '/internal/v1/telemetry';
const GRAPH = '/internal/v1/cognitive/execution-graph';
const QUERY = '/internal/v1/cognitive/feedback/adjustments/query';

const verified = (tenant = TENANT): Record<string, string> => ({
  'x-countersign-request-id': 'r-1',
  'x-countersign-identity': 'producer-a',
  'x-countersign-tenant': tenant,
  'x-countersign-operator': 'operator-a',
  'x-countersign-attestation': ATTESTATION,
});

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: unknown;
}

interface Got {
  readonly status: number;
  readonly body: unknown;
}

function send(port: number, path: string, sent: Sent = {}): Promise<Got> {
  const { method = 'POST', headers = {}, body = '' } = sent;
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, path, method, headers, host: '127.0.0.1', agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          body: JSON.parse(Buffer.concat(chunks).toString()) as unknown,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const graphOf = (nodes: number, fingerprint = 'cd'.repeat(32)): unknown => ({
  execution_fingerprint: fingerprint,
  graph: { nodes: Array.from({ length: nodes }, (_, id) => ({ id })), target_urn: `urn:target:${nodes}` },
});

describe('reference upstream', () => {
  let directory: string;
  let upstream: ReferenceUpstream;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'reference-upstream-'));
    upstream = await startReferenceUpstream({ applicationPort: 0, listingPort: 0, directory });
  });

  afterEach(async () => {
    await upstream.close();
    rmSync(directory, { recursive: true });
  });

  const post = (path: string, body: unknown, headers: Sent['headers'] = verified()): Promise<Got> =>
    send(upstream.applicationPort, path, { body, headers });
  const list = async <T>(what: string): Promise<T[]> => {
    const got = await send(upstream.listingPort, `/_reference/${what}`, { method: 'GET' });
    return got.body as T[];
  };

  it('accepts verified telemetry and answers with the request id of the verifier', async () => {
    const got = await post(TELEMETRY, { operator_id: 'operator-a' });
    expect(got).toEqual({ status: 202, body: { accepted: true, request_id: 'r-1' } });
  });

  it('keeps the attestation measurement and the tenant of the verified headers, not those of the body', async () => {
    await post(TELEMETRY, { tenant_id: OTHER_TENANT, attestation_measurement_hash: 'ff'.repeat(32) });
    const [record] = await list<StoredRecord>(`telemetry?tenant=${TENANT}`);
    expect(record).toMatchObject({ tenant_id: TENANT, attestation_measurement_hash: ATTESTATION });
    expect(await list(`telemetry?tenant=${OTHER_TENANT}`)).toEqual([]);
  });

  it.each(['request-id', 'identity', 'tenant', 'operator', 'attestation'])(
    'refuses telemetry without x-countersign-%s',
    async (name) => {
      const headers = Object.fromEntries(
        Object.entries(verified()).filter(([header]) => header !== `x-countersign-${name}`),
      );
      expect((await post(TELEMETRY, {}, headers)).status).toBe(403);
      expect(await list('telemetry')).toEqual([]);
    },
  );

  it('refuses telemetry that names two tenants', async () => {
    const headers = { ...verified(), 'x-countersign-tenant': [TENANT, OTHER_TENANT] };
    expect((await post(TELEMETRY, {}, headers)).status).toBe(403);
  });

  it.each([TELEMETRY, GRAPH, QUERY, '/internal/v1/federation/verify'])(
    'refuses an unverified request for %s on the port with the listings too',
    async (path) => {
      expect((await send(upstream.listingPort, path, { body: {} })).status).toBe(403);
    },
  );

  it('answers a graph with the envelope of docs/wire-contract.md', async () => {
    expect(await post(GRAPH, graphOf(1))).toEqual({
      status: 202,
      body: { request_id: 'r-1', status: 'accepted', data: { graph_synced: true }, errors: [] },
    });
  });

  it('refuses a graph without nodes as unprocessable', async () => {
    expect((await post(GRAPH, { execution_fingerprint: 'x', graph: {} })).status).toBe(422);
  });

  it('tightens for a graph of eight nodes and observes for fewer', async () => {
    await post(GRAPH, graphOf(7));
    await post(GRAPH, graphOf(8));
    const { body } = await post(QUERY, { limit: 10 });
    expect(body).toMatchObject({
      data: [
        { action: 'observe', confidence: 0.55, target_urn: 'urn:target:7' },
        { action: 'tighten', confidence: 0.82, target_urn: 'urn:target:8', tenant_id: TENANT },
      ],
    });
    expect(body).toMatchObject({
      data: [{}, { attestation_measurement_hash: ATTESTATION, ttl_seconds: 3600 }],
    });
  });

  it('answers a query with the last records of the tenant, oldest first', async () => {
    for (const nodes of [1, 2, 3]) await post(GRAPH, graphOf(nodes));
    const { body } = await post(QUERY, { limit: 2 });
    expect(body).toMatchObject({ data: [{ target_urn: 'urn:target:2' }, { target_urn: 'urn:target:3' }] });
  });

  it("never shows one tenant another one's records", async () => {
    await post(GRAPH, graphOf(1));
    expect((await post(QUERY, {}, verified(OTHER_TENANT))).body).toEqual({ data: [] });
  });

  it.each([0, 1001, 1.5, '1', null])('refuses a query with limit %p', async (limit) => {
    expect((await post(QUERY, { limit })).status).toBe(422);
  });

  it('answers a bundle with the hash of its five fields', async () => {
    const bundle = {
      operator_id: 'o',
      campaign_id: 'c',
      execution_hash: 'e',
      timestamp: 1764000000,
      nonce: 'n',
    };
    const hash = createHash('sha256').update('o|c|e|1764000000|n').digest('hex');
    const got = await post('/internal/v1/federation/verify', { bundle });
    expect(got).toEqual({ status: 200, body: { accepted: true, bundle_hash: hash } });
  });

  it('records method, path, headers in their own case, order and number, and the hash of the body', async () => {
    await post(`${TELEMETRY}?q=1`, 'not json', { 'X-Twice': ['1', '2'], 'x-Case': 'Y' });
    const [entry] = await list<JournalEntry>('requests');
    const own = entry?.headers.filter(([name]) => name.toLowerCase().startsWith('x-'));
    expect(own).toEqual([
      ['X-Twice', '1'],
      ['X-Twice', '2'],
      ['x-Case', 'Y'],
    ]);
    expect(entry).toMatchObject({ method: 'POST', path: `${TELEMETRY}?q=1` });
    expect(entry?.body_sha256).toBe(createHash('sha256').update('not json').digest('hex'));
  });

  it('remembers the last 1,000 requests, oldest first, without the listings themselves', async () => {
    for (let count = 0; count < 1_003; count += 1) await post(`/page-${count}`, '');
    const entries = await list<JournalEntry>('requests');
    expect([entries.length, entries[0]?.path, entries.at(-1)?.path]).toEqual([
      1_000,
      '/page-3',
      '/page-1002',
    ]);
  });

  it('offers no listing on the port that Envoy forwards to, and records the attempt', async () => {
    const got = await send(upstream.applicationPort, '/_reference/requests', { method: 'GET' });
    expect(got.status).toBe(404);
    expect(await list('requests')).toHaveLength(1);
  });

  it.each([
    { host: 'attacker.example' },
    { host: 'localhost.attacker.example' },
    { host: 'localhost', origin: 'https://attacker.example' },
  ])('lists nothing to a page of somebody else: %j', async (headers) => {
    const got = await send(upstream.listingPort, '/_reference/requests', { method: 'GET', headers });
    expect(got.status).toBe(403);
  });

  it('keeps its records over a restart and goes on behind them', async () => {
    await post(GRAPH, graphOf(1));
    await upstream.close();
    upstream = await startReferenceUpstream({ applicationPort: 0, listingPort: 0, directory });
    await post(GRAPH, graphOf(2));
    expect(await list(`graphs?tenant=${TENANT}`)).toHaveLength(2);
    await post(GRAPH, graphOf(1), verified(OTHER_TENANT));
    const tenants = (await list<StoredRecord>('graphs')).map((record) => record.tenant_id);
    expect(tenants).toEqual([TENANT, TENANT, OTHER_TENANT]);
  });

  it('keeps its records in a folder whose name looks like a file', async () => {
    const dotted = join(directory, 'state.v1');
    const other = await startReferenceUpstream({ applicationPort: 0, listingPort: 0, directory: dotted });
    const got = await send(other.applicationPort, TELEMETRY, { headers: verified(), body: {} });
    await other.close();
    expect(got.status).toBe(202);
    expect(statSync(dotted).isDirectory()).toBe(true);
  });

  it.each([
    ['/login', 200],
    ['/portal/home', 200],
    ['/api/v1/things', 200],
    ['/portalx', 404],
    ['/', 404],
  ])('serves the unsigned page %s with %d', async (path, status) => {
    expect((await send(upstream.applicationPort, path, { method: 'GET' })).status).toBe(status);
  });

  it('says yes on a path of a policy that the operator added, once it was verified', async () => {
    expect((await post('/orders', '')).body).toEqual({ accepted: true, request_id: 'r-1' });
  });
});
