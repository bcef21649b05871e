/** A configuration that changes under load: nothing fails, nothing is judged on a mixture, what is bad is not taken over. */
// Faults: every test
import { readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { until } from '../support/until.js';
import { AuditReader, type AuditRecord } from './support/audit-reader.js';
import { feedback, signedBytes, telemetry } from './support/requests.js';
import { signal } from './support/signals.js';
import { Stage } from './support/stage.js';
import { EvenLoad, slowest, unlike } from './support/even-load.js';
import { manyIdentities, manyOperators } from './support/many.js';
import { worldOf, type World } from './support/world.js';

const PER_SECOND = 500;
const RELOADS = 200;
/** Under the eyes of nobody but the verifier: Envoy names no policy for it. */
const PATH = '/mix/note';

let stage: Stage;
let world: World;
let file: string;

/** The same federation with a mark in two places, which a request's record shows both. */
function marked(document: ConfigurationDocument, mark: number): ConfigurationDocument {
  return {
    ...document,
    limits: { checkTimeoutMilliseconds: 10_000 },
    identities: document.identities.map((identity) => ({
      ...identity,
      keys: (identity.keys ?? []).map((key) => ({ ...key, kid: `k-${mark}` })),
    })),
    policies: [
      ...document.policies,
      { name: `mix-${mark}`, match: { methods: ['POST'], pathPrefix: '/mix/' } },
    ],
  };
}

let original: ConfigurationDocument;
beforeAll(async () => {
  stage = await Stage.open({
    patchConfiguration: (document) => {
      original = document;
      const { identities, limits } = marked(document, 0);
      return { ...document, identities, ...(limits && { limits }) };
    },
  });
  world = worldOf(stage.federation.credentials);
  file = stage.federation.layout.configurationFile;
}, 120_000);
afterAll(() => stage.close(), 90_000);

const textOf = (mark: number): string => stringify(marked(original, mark));

function writeByRename(text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const admin = (path: string): string => `${stage.federation.environment.COUNTERSIGN_ADMIN_URL}${path}`;

interface Status {
  readonly configuration: {
    readonly generation: number;
    readonly last_reload?: {
      readonly outcome: string;
      readonly causes: string[];
      readonly problems: string[];
    };
  };
}

async function configuration(): Promise<Status['configuration']> {
  return (JSON.parse((await fetchPage(admin('/status'))).body) as Status).configuration;
}

async function reload(): Promise<{
  status: number;
  generation?: number;
  problems?: string[];
  changes?: string[];
}> {
  const response = await fetch(admin('/reload'), { method: 'POST' });
  return { status: response.status, ...((await response.json()) as object) };
}

const metric = async (line: string): Promise<boolean> =>
  (await fetchPage(admin('/metrics'))).body.split('\n').includes(line);

/** The kid under which producer A's next request is recorded. */
async function kidInForce(): Promise<string | undefined> {
  return (await stage.exchange('HTTP/2', telemetry({ by: world.a }))).records[0]?.kid;
}

/** Every seventh of twenty is first written badly. */
async function reloadOften(): Promise<number> {
  let generation = 1;
  for (let mark = 1; mark <= RELOADS; mark++) {
    if (mark % 20 === 7) {
      writeByRename('version: [');
      expect((await reload()).status).toBe(422);
    }
    writeByRename(textOf(mark));
    const answer = await reload();
    expect(answer.status).toBe(200);
    expect(answer.generation).toBeGreaterThan(generation);
    generation = answer.generation ?? NaN;
  }
  return generation;
}

/** By generation, the marks by which requests were judged, each as one text of both its places. */
function marksByGeneration(records: readonly AuditRecord[]): Map<number, Set<string>> {
  const marks = new Map<number, Set<string>>();
  for (const { generation = NaN, kid, policy } of records) {
    const seen = marks.get(generation) ?? new Set();
    marks.set(generation, seen.add(`${kid?.slice('k-'.length)} ${policy?.slice('mix-'.length)}`));
  }
  return marks;
}

// Fault: reload-load
test(`${RELOADS} reloads under ${PER_SECOND} requests/s: none fails, none is judged on a mixture`, async () => {
  writeByRename(textOf(0));
  expect((await reload()).status).toBe(200);
  const records = new AuditReader(join(stage.federation.layout.audit, 'decisions.ndjson'));
  records.skip();
  const load = new EvenLoad({
    door: stage.door,
    perSecond: PER_SECOND,
    make: () => signedBytes({ by: world.a }, PATH, Buffer.from('note')),
  });
  const startedMs = performance.now();
  const generation = await reloadOften().finally(() => load.pause());
  const seconds = (performance.now() - startedMs) / 1000;
  const exchanged = await load.stop();
  expect(unlike(exchanged, 200)).toEqual([]);
  const marks = marksByGeneration(records.next());
  expect([...marks.values()].filter((seen) => seen.size !== 1)).toEqual([]);
  const pairs = [...marks.values()].flatMap((seen) => [...seen].map((pair) => pair.split(' ')));
  expect(pairs.filter(([kid, policy]) => kid !== policy)).toEqual([]);
  expect(marks.size).toBeGreaterThan(RELOADS / 4);
  process.stdout.write(
    `${exchanged.length} requests in ${seconds.toFixed(1)} s; ${marks.size} of ${generation} generations judged one\n`,
  );
}, 240_000);

// Fault: reload-load
describe('a change is noticed without a word', () => {
  let mark = 1_000;
  const isInForce = async (): Promise<void> => {
    await until('the change is in force', async () => (await kidInForce()) === `k-${mark}`);
    expect((await configuration()).last_reload).toMatchObject({ outcome: 'applied', causes: ['file'] });
  };
  beforeEach(() => mark++);

  test('when a file is written in place', async () => {
    writeFileSync(file, textOf(mark));
    await isInForce();
  });

  test("after an editor's rename", async () => {
    renameSync(file, `${file}~`);
    writeByRename(textOf(mark));
    await isInForce();
  });

  test('when a projected volume swaps ..data, again and again', async () => {
    const folder = dirname(file);
    const project = (): void => {
      const data = join(folder, `data-${mark}.yaml`);
      writeFileSync(data, textOf(mark), { mode: 0o600 });
      symlinkSync(basename(data), join(folder, 'data.new'));
      renameSync(join(folder, 'data.new'), join(folder, '..data'));
    };
    project();
    unlinkSync(file);
    symlinkSync('..data', file);
    await isInForce();
    mark++;
    project();
    await isInForce();
    unlinkSync(file);
    writeByRename(textOf(mark));
  });
});

// Fault: reload-large
describe('a file as large as they come, renamed in under load,', () => {
  const COUNT = 20_000;
  /** Loading on the loop that serves takes twice as long at least, on a machine with nothing else to do. */
  const LATE_MILLISECONDS = 2_000;
  const large = (dashes: '-' | '', identities: number): string => {
    const document = marked(original, 4_000);
    return stringify({
      ...document,
      operators: { ...document.operators, ...manyOperators(COUNT, dashes) },
      identities: [...document.identities, ...manyIdentities(identities)],
    });
  };

  const outcome = async (): Promise<unknown> => (await configuration()).last_reload;

  test.each<[string, () => string, object]>([
    [
      `of ${COUNT} bad operators, is refused by a few of its problems`,
      () => large('', 0),
      {
        outcome: 'refused',
        problems: expect.arrayContaining([expect.stringContaining('must be a UUID')]) as unknown,
      },
    ],
    [
      `of ${COUNT} operators and 2,000 identities, is applied`,
      () => large('-', 2_000),
      { outcome: 'applied' },
    ],
  ])(
    '%s, and costs no request',
    async (_what, text, expected) => {
      const good = readFileSync(file, 'utf8');
      writeFileSync(`${file}.new`, text(), { mode: 0o600 });
      const before = await outcome();
      const load = new EvenLoad({ door: stage.door, perSecond: 100, make: () => telemetry({ by: world.a }) });
      renameSync(`${file}.new`, file);
      await until('the file was judged', async () => !isDeepStrictEqual(await outcome(), before), {
        everyMs: 100,
        atMostMs: 120_000,
      }).finally(() => load.pause());
      const exchanged = await load.stop();
      expect(await outcome()).toMatchObject({ causes: ['file'], ...expected });
      expect(unlike(exchanged, 202)).toEqual([]);
      expect(slowest(exchanged)).toBeLessThan(LATE_MILLISECONDS);
      writeByRename(good);
      expect((await reload()).status).toBe(200);
    },
    240_000,
  );
});

// Fault: reload-load
test('SIGHUP is a reload', async () => {
  const { generation } = await configuration();
  writeByRename(textOf(2_000));
  signal(stage, 'verifier', 'SIGHUP');
  await until('a new configuration is in force', async () => (await configuration()).generation > generation);
  expect(await kidInForce()).toBe('k-2000');
  expect((await configuration()).last_reload?.causes).toContain('signal');
});

// Fault: reload-bad, reload-torn
describe('a configuration that cannot be taken over', () => {
  test.each<[string, () => string, RegExp]>([
    ['is broken', () => 'version: [', /countersign\.yaml/],
    ['is half written', () => textOf(3_000).slice(0, -300), /countersign\.yaml/],
    [
      'moves the socket',
      () => stringify({ ...marked(original, 3_000), listen: { socket: 'run/elsewhere.sock' } }),
      /listen\.socket: needs a restart/,
    ],
    [
      'widens the window beyond what the nonce store has kept',
      () => stringify({ ...marked(original, 3_000), freshness: { pastSkewSeconds: 31 } }),
      /freshness\.pastSkewSeconds: needs a restart/,
    ],
  ])('since it %s leaves the last good one in force, and says why', async (_how, text, why) => {
    const before = await configuration();
    const good = readFileSync(file, 'utf8');
    const kid = await kidInForce();
    writeByRename(text());
    const { status, problems } = await reload();
    expect([status, problems?.join('\n')]).toEqual([422, expect.stringMatching(why)]);
    expect(await configuration()).toMatchObject({
      generation: before.generation,
      last_reload: { outcome: 'refused', problems: [expect.stringMatching(why)] },
    });
    expect(await kidInForce()).toBe(kid);
    expect(await metric('countersign_configuration_last_reload_successful 0')).toBe(true);
    const ready = await fetchPage(admin('/readyz'));
    expect([ready.status, ready.body]).toEqual([200, expect.stringContaining('the last reload was refused')]);
    writeByRename(good);
    expect((await reload()).status).toBe(200);
    expect(await metric('countersign_configuration_last_reload_successful 1')).toBe(true);
  });
});

// Fault: reload-load
test('another feedback key signs from the reload on, with the old one still published', async () => {
  const next = join(stage.federation.layout.keys, 'next-feedback.key');
  const [key] = (original.feedback as { keys: { privateKeyFile: string }[] }).keys;
  writeFileSync(next, Buffer.alloc(32, 9), { mode: 0o600 });
  const document = parse(readFileSync(file, 'utf8')) as ConfigurationDocument;
  const keys = [
    { ...key, kid: 'fb-old' },
    { kid: 'fb-next', privateKeyFile: next },
  ];
  writeByRename(stringify({ ...document, feedback: { keys, activeKid: 'fb-next' } }));
  const answer200 = await reload();
  expect(answer200.status).toBe(200);
  expect(answer200.changes).toEqual([
    expect.stringMatching(/^feedback keys added: by default\/fb-old, by default\/fb-next$/),
    expect.stringMatching(/^feedback keys removed: by default\//),
    'active feedback key changed: by default/fb-next',
  ]);
  const published = JSON.parse((await fetchPage(admin('/keyring'))).body) as { keys: { kid: string }[] };
  expect(published.keys.map(({ kid }) => kid)).toEqual(['fb-old', 'fb-next']);
  const { answer } = await stage.exchange('HTTP/2', feedback({ by: world.a }));
  expect([answer.status, (JSON.parse(answer.body) as { kid?: string }).kid]).toEqual([200, 'fb-next']);
});
