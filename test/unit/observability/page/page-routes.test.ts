/** What the admin port answers for the page, and to whom: asked by bytes that no browser of ours would send, too. */
import type { Server } from 'node:http';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { startAdminServer } from '../../../../src/observability/admin-server.js';
import { Health } from '../../../../src/observability/health.js';
import type { PageLive } from '../../../../src/observability/page/page-source.js';
import type { RecentRefusal } from '../../../../src/observability/page/recent-decisions.js';

const LIVE: PageLive = { decisions: { allow: [1] }, answers: {}, reloads: [], ends: [], identities: 2 };
const refusal = (number: number, code = 'signature_invalid'): RecentRefusal => ({
  atMs: number,
  decisionId: `d-${number}`,
  code,
  path: '/<script>\u202e',
  claimedIdentity: 'Somebody',
});
let refusals: RecentRefusal[] = [];
let liveAsked = 0;
let live: () => Promise<PageLive | undefined>;
let searched: string[] = [];
let server: Server;
let port = 0;

async function start(): Promise<void> {
  const health = new Health([{ name: 'audit', fault: () => undefined, note: () => 'the disk fills' }]);
  server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    health,
    registry: new Registry(),
    describe: () => ({ policies: ['telemetry'] }),
    page: {
      source: {
        live: () => (liveAsked++, live()),
        refusals: () => refusals,
        identities: (query) =>
          query.find === 'busy' ? undefined : { total: 1, matching: 1, from: query.from, identities: [] },
      },
      search: (id) => {
        searched.push(id);
        return Promise.resolve({ outcome: 'nothing', note: 'nowhere' });
      },
    },
  });
  port = (server.address() as AddressInfo).port;
}
afterEach(() => server.close());
beforeEach(async () => {
  await start();
  live = () => Promise.resolve(LIVE);
  liveAsked = 0;
  searched = [];
  refusals = [refusal(3), refusal(2, 'no_policy'), refusal(1)];
});

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    request({ port, path, method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    })
      .on('error', reject)
      .end();
  });
}
const json = async (path: string): Promise<unknown> => JSON.parse((await get(path)).body) as unknown;

describe('the files of the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/page/page.css', 'text/css; charset=utf-8'],
    ['/page/main.js', 'text/javascript; charset=utf-8'],
    ['/page/icon.svg', 'image/svg+xml'],
  ])('%s has its type, its policy, and an entity tag', async (path, type) => {
    const { status, headers, body } = await get(path);
    expect([status, headers['content-type'], headers['x-content-type-options']]).toEqual([
      200,
      type,
      'nosniff',
    ]);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:|\*/);
    const again = await get(path, { 'if-none-match': String(headers['etag']) });
    expect([again.status, again.body, body.length > 100]).toEqual([304, '', true]);
  });

  it('name nothing of elsewhere, and have no code in the markup', async () => {
    const { body } = await get('/');
    expect(body).not.toMatch(/https?:|\son[a-z]+=|<script>|style=/);
  });

  it.each(['/page/types.d.ts', '/page/..%2f..%2fpackage.json', '/page/../main.js', '/page/', '/index.html'])(
    '%s is none of them',
    async (path) => expect((await get(path)).status).toBe(404),
  );

  it('are for reading', async () => {
    for (const path of ['/', '/page/overview.json', '/page/why.json?id=x'])
      expect((await get(path, {}, 'POST')).status).toBe(405);
    expect((await get('/', {}, 'HEAD')).body).toBe('');
  });
});

describe('what may not ask', () => {
  const paths = ['/', '/page/main.js', '/page/overview.json', '/page/refusals.json', '/page/why.json?id=x'];
  it.each([
    ['a name that was bound to this address elsewhere', { host: 'attacker.example' }, 421],
    ['a page of another origin', { origin: 'http://attacker.example' }, 403],
    ['a frame or a fetch of another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another port of this machine', { 'sec-fetch-site': 'same-site' }, 403],
  ])('%s', async (_title, headers, status) => {
    for (const path of paths) expect((await get(path, headers)).status).toBe(status);
    expect([liveAsked, searched]).toEqual([0, []]);
  });
});

describe('the facts of the page', () => {
  it('are health with remedies, the status and what moves, never to be kept', async () => {
    const { headers, body } = await get('/page/overview.json');
    expect([headers['content-type'], headers['cache-control']]).toEqual(['application/json', 'no-store']);
    expect(JSON.parse(body)).toMatchObject({
      health: {
        ready: true,
        components: [
          { name: 'audit', note: 'the disk fills', remedy: expect.stringContaining('room') as string },
          {},
        ],
      },
      status: { policies: ['telemetry'] },
      live: LIVE,
    });
  });

  it('cost far less than the many tabs that ask', async () => {
    await Promise.all(Array.from({ length: 50 }, () => get('/page/overview.json')));
    // Once; again only where the fifty take more than a second.
    expect(liveAsked).toBeLessThan(25);
  });

  it('are there again after a failure', async () => {
    live = () => Promise.reject(new Error('a secret of the inside'));
    expect(await get('/page/overview.json')).toMatchObject({ status: 500, body: 'internal error\n' });
    live = () => Promise.resolve(LIVE);
    expect((await get('/page/overview.json')).status).toBe(200);
  });
});

describe('the refusals', () => {
  const ids = (list: unknown): string[] =>
    (list as { refusals: RecentRefusal[] }).refusals.map(({ decisionId }) => decisionId);

  it('have their words', async () => {
    const list = (await json('/page/refusals.json?limit=1')) as { refusals: object[] };
    expect(list).toMatchObject({ kept: 3, matching: 3, codes: { signature_invalid: 2, no_policy: 1 } });
    expect(list.refusals).toEqual([
      expect.objectContaining({
        decisionId: 'd-3',
        status: 401,
        why: expect.stringContaining('signature') as string,
      }),
    ]);
  });

  it.each([
    ['code=no_policy', ['d-2']],
    ['find=401', ['d-3', 'd-1']],
    ['find=SOMEBODY', ['d-3', 'd-2', 'd-1']],
    ['find=d-1', ['d-1']],
    ['code=__proto__', []],
    ['limit=-1', ['d-3', 'd-2', 'd-1']],
    ['limit=1e9', ['d-3', 'd-2', 'd-1']],
    [`find=${'x'.repeat(900)}`, []],
  ])('are found by %s', async (query, found) =>
    expect(ids(await json(`/page/refusals.json?${query}`))).toEqual(found),
  );
});

describe('asking why', () => {
  it('gives what the process remembers beside what the records say', async () => {
    expect(await json('/page/why.json?id=d-2')).toMatchObject({
      id: 'd-2',
      kept: { code: 'no_policy', status: 404 },
      outcome: 'nothing',
    });
  });

  it.each(['', 'a b', 'x'.repeat(129), '%00', '%E2%80%AE'])('searches for no id like %j', async (id) => {
    expect((await get(`/page/why.json?id=${id.replace(' ', '%20')}`)).status).toBe(400);
    expect(searched).toEqual([]);
  });

  it('does not read an address of 64 kB', async () => {
    expect([404, 431]).toContain((await get(`/page/why.json?id=${'x'.repeat(65_536)}`)).status);
    expect(searched).toEqual([]);
  });
});

it('identities: answers 503 where too many look at once', async () => {
  expect((await get('/page/identities.json?find=busy')).status).toBe(503);
  expect(await json('/page/identities.json?from=75&state=nonsense')).toMatchObject({ from: 75 });
});
