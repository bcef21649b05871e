/** Witnesses that do wrong: what is told of each, that none of it counts, and that none of it holds up the others. */
import { sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { HolderStatus } from '../../../../src/audit/holders/holder-status.js';
import type { CosignedCheckpoint } from '../../../../src/audit/witness/cosigned-checkpoint.js';
import { Witnesses, type WitnessesOptions } from '../../../../src/audit/witness/witnesses.js';
import { keyIdOf, NOTE_COSIGNATURE, verifierKeyText } from '../../../../src/tlog/note.js';
import { parsePolicy } from '../../../../src/tlog/policy.js';
import { GrowingLog, keyNamed } from '../../../support/audit/growing-log.js';

type Answer = (request: AddCheckpoint, answer: ServerResponse) => void;

/** A request, taken apart. */
interface AddCheckpoint {
  readonly oldSize: number;
  readonly proof: readonly string[];
  /** The signed text of the checkpoint. */
  readonly text: string;
  readonly size: number;
}

let server: Server;
let answerWith: Answer;
let asked: AddCheckpoint[];
let log: GrowingLog;
let open: Witnesses[];
let published: CosignedCheckpoint[];
let told: HolderStatus[];
let wallMs: number;
let nowMs: number;

beforeAll(async () => {
  server = createServer((request, answer) => {
    void read(request).then((one) => {
      asked.push(one);
      answerWith(one, answer);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  [asked, open, published, told] = [[], [], [], []];
  [wallMs, nowMs] = [1_700_000_000_000, 0];
  log = new GrowingLog();
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  log.remove();
});

async function read(request: IncomingMessage): Promise<AddCheckpoint> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const [head = '', text = ''] = Buffer.concat(chunks).toString().split('\n\n');
  const [old = '', ...proof] = head.split('\n');
  return {
    oldSize: Number(old.replace('old ', '')),
    proof,
    text: `${text}\n`,
    size: Number(text.split('\n')[1]),
  };
}

const NAME = 'witness.example';

function witnesses(over: Partial<WitnessesOptions> = {}, count = 1): Witnesses {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const lines = Array.from({ length: count }, (_, at) => {
    const name = at === 0 ? NAME : `${NAME}/${at}`;
    return `witness w${at} ${verifierKeyText(name, keyNamed(name).raw, NOTE_COSIGNATURE)} ${url}/${at}`;
  });
  const made = new Witnesses({
    log: log.sealed,
    policy: parsePolicy(`${lines.join('\n')}\nquorum w0\n`),
    intervalSeconds: 10,
    timeoutMilliseconds: 20_000,
    progressPath: join(log.directory, 'witness.json'),
    publish: (cosigned) => {
      published.push(cosigned);
      return Promise.resolve();
    },
    onChange: (status) => told.push(status),
    nowMs: () => wallMs,
    monotonicMs: () => nowMs,
    ...over,
  });
  open.push(made);
  return made;
}

function cosignature(
  text: string,
  {
    name = NAME,
    key = name,
    seconds = wallMs / 1_000,
  }: { name?: string; key?: string; seconds?: number } = {},
): string {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(keyIdOf(name, NOTE_COSIGNATURE, keyNamed(name).raw));
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  const signed = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), keyNamed(key).key);
  return `— ${name} ${Buffer.concat([id, time, signed]).toString('base64')}\n`;
}

const cosigning: Answer = ({ text }, answer) => answer.end(cosignature(text));
const sizes =
  (...list: number[]): Answer =>
  (_request, answer) => {
    answer.writeHead(409, { 'content-type': 'text/x.tlog.size' });
    answer.end(`${list.length > 1 ? list.shift() : list[0]}\n`);
  };
const status =
  (code: number, type = 'text/plain', body = ''): Answer =>
  (_request, answer) =>
    answer.writeHead(code, { 'content-type': type }).end(body);

async function faultOf(answer: Answer, over: Partial<WitnessesOptions> = {}): Promise<HolderStatus> {
  answerWith = answer;
  log.grow(10);
  const made = witnesses(over);
  await made.look();
  return made.status()[0]!;
}

test.each<[string, Answer, string]>([
  ['no body', status(200), 'answers with something else than signature lines'],
  ['rubbish', status(200, 'text/plain', 'well done\n'), 'answers with something else than signature lines'],
  [
    'a note of its own',
    ({ text }, answer) => answer.end(`more text\n\n${cosignature(text)}`),
    'answers with something else than signature lines',
  ],
  [
    'the cosignature of somebody else',
    ({ text }, answer) => answer.end(cosignature(text, { name: 'other.example' })),
    'answers without a cosignature of the key in the policy',
  ],
  [
    'a cosignature that is forged',
    ({ text }, answer) => answer.end(cosignature(text, { key: 'other.example' })),
    'answers with a cosignature that is wrong',
  ],
  [
    'a cosignature of another checkpoint',
    ({ text }, answer) => answer.end(cosignature(text.replace('\n10\n', '\n11\n'))),
    'answers with a cosignature that is wrong',
  ],
  [
    'a right one and a forged one',
    ({ text }, answer) => answer.end(cosignature(text) + cosignature(text, { key: 'other.example' })),
    'answers with a cosignature that is wrong',
  ],
  [
    'a cosignature of tomorrow',
    ({ text }, answer) => answer.end(cosignature(text, { seconds: wallMs / 1_000 + 86_400 })),
    'cosigns with a time 86400 s ahead of our clock',
  ],
  [
    'a cosignature of yesterday',
    ({ text }, answer) => answer.end(cosignature(text, { seconds: wallMs / 1_000 - 86_400 })),
    'cosigns with a time 86400 s behind our clock',
  ],
  ['a huge body', status(200, 'text/plain', 'x'.repeat(70_000)), 'answers with more than 65536 bytes'],
  ['403', status(403), "does not have this log's key (403)"],
  ['404', status(404), 'does not know this log (404)'],
  ['400', status(400), 'answers 400'],
  ['500', status(500), 'answers 500'],
  ['429', status(429), 'answers 429'],
  ['409 without a size', status(409, 'text/plain', '5\n'), 'answers 409 without the size that it has'],
  ['409 with no number', status(409, 'text/x.tlog.size', '05\n'), 'answers 409 without the size that it has'],
  ['409 with the size that we gave', sizes(0), 'answers 409 to the very size that it has, 0'],
  ['409 again and again', sizes(1, 2, 3, 4, 5), 'gave another size 4 times'],
])('a witness that answers %s', async (_title, answer, fault) => {
  const { size, isConflict, ...holder } = await faultOf(answer);
  expect(holder.fault).toContain(fault);
  expect([size, isConflict, published]).toEqual([0, false, []]);
  expect(asked.length).toBeLessThanOrEqual(4);
});

test.each<[string, Answer, string]>([
  ['a larger tree', sizes(11), 'has cosigned 11 records, and this log has 10'],
  [
    'another tree of an earlier size',
    ({ oldSize }, answer) => (oldSize === 0 ? sizes(4) : status(422))({} as AddCheckpoint, answer),
    'has cosigned another tree of 4 records: ours does not extend it',
  ],
  ['another tree of this size', sizes(10), 'has cosigned another tree of 10 records'],
])('a witness that has %s is a conflict, and is told once', async (_title, answer, fault) => {
  answerWith = answer;
  log.grow(10);
  const made = witnesses();
  for (let time = 0; time < 3; time += 1, nowMs += 600_000) await made.look();
  expect(made.status()).toMatchObject([{ fault, isConflict: true }]);
  expect(told).toMatchObject([{ fault, isConflict: true }]);
  expect(published).toEqual([]);
});

test('a witness that hangs after its headers is left after the time-out, and holds up nobody else', async () => {
  log.grow(10);
  const made = witnesses({ timeoutMilliseconds: 200 }, 2);
  answerWith = ({ text }, answer) => {
    if (answer.req.url === '/0/add-checkpoint') answer.writeHead(200).flushHeaders();
    else answer.end(cosignature(text, { name: `${NAME}/1` }));
  };
  await made.look();
  expect(made.status()).toMatchObject([
    { size: 0, fault: 'has not answered within 200 ms' },
    { size: 10, fault: undefined },
  ]);
  expect(published).toHaveLength(1);
  expect(published[0]!.isWitnessed).toBe(false);
});

test('a failing witness is asked less and less often, and at once no more', async () => {
  answerWith = status(500);
  log.grow(10);
  const made = witnesses();
  const times: number[] = [];
  for (; nowMs < 3_600_000; nowMs += 1_000) {
    const before = asked.length;
    await made.look();
    if (asked.length > before) times.push(nowMs / 1_000);
  }
  const pauses = times.slice(1).map((time, at) => time - times[at]!);
  expect(pauses.length).toBeLessThan(30);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(376);
  expect(Math.min(...pauses.slice(9))).toBeGreaterThanOrEqual(225);
  answerWith = cosigning;
  nowMs += 600_000;
  await made.look();
  expect(made.status()).toMatchObject([{ size: 10, fault: undefined, lagSeconds: 0 }]);
});

test('what is sealed every second is cosigned every ten, and the lag is counted', async () => {
  answerWith = cosigning;
  const made = witnesses();
  const lags: number[] = [];
  for (let second = 0; second < 31; second += 1, nowMs += 1_000) {
    log.grow(3);
    made.committed(log.size);
    await made.look();
    lags.push(made.status()[0]!.lagSeconds);
  }
  expect(asked.map(({ oldSize, size }) => [oldSize, size])).toEqual([
    [0, 3],
    [3, 33],
    [33, 63],
    [63, 93],
  ]);
  expect(lags.slice(0, 12)).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
});

test('a cosignature that cannot be kept is kept later, and not asked for again', async () => {
  answerWith = cosigning;
  log.grow(10);
  let isFull = true;
  const made = witnesses({
    publish: (cosigned) => {
      if (isFull) return Promise.reject(new Error('ENOSPC'));
      published.push(cosigned);
      return Promise.resolve();
    },
  });
  await made.look();
  expect(made.status()).toMatchObject([{ fault: 'is not asked, or not heard: ENOSPC' }]);
  isFull = false;
  nowMs += 60_000;
  await made.look();
  expect([published.length, asked.length]).toEqual([1, 1]);
});

test('an empty log has nothing to be cosigned', async () => {
  answerWith = cosigning;
  const made = witnesses();
  await made.look();
  log.grow(0);
  await made.look();
  expect(asked).toEqual([]);
  expect(made.status()).toMatchObject([{ size: 0, lagSeconds: 0, fault: undefined }]);
});

test('progress that is rubbish, or larger than the log, costs a request and no more', async () => {
  for (const text of [
    'rubbish',
    '[]',
    'null',
    '{"x":-1}',
    `{"${verifierKeyText(NAME, keyNamed(NAME).raw, NOTE_COSIGNATURE)}":99}`,
  ]) {
    answerWith = (one, answer) => (one.oldSize === 0 ? cosigning : sizes(0))(one, answer);
    log.grow(1);
    log.publish('witness.json', text);
    const made = witnesses();
    await made.look();
    expect(made.status()).toMatchObject([{ size: log.size, fault: undefined }]);
  }
});

test('a checkpoint of another log in the directory is never cosigned', async () => {
  answerWith = cosigning;
  const other = new GrowingLog('countersign.example/log', 'another key');
  log.publish('checkpoint', other.grow(10));
  other.remove();
  const made = witnesses();
  await made.look();
  expect(asked).toEqual([]);
  expect(made.status()[0]?.fault).toContain('not signed by the log');
});
