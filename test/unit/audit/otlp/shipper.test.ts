import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HolderAccount } from '../../../../src/audit/holders/holder-status.js';
import type { PeerAnswer, PeerRequest } from '../../../../src/storage/http/http-peer.js';
import { Shipper } from '../../../../src/audit/otlp/shipper.js';
import { encodeEntry } from '../../../../src/tlog/entries.js';

const ORIGIN = 'countersign.example/log';

let folder: string;
let progressPath: string;
let nowMs: number;
let told: unknown[];
/** Indexes of each request. */
let sent: number[][];
let answerTo: (indexes: readonly number[]) => PeerAnswer;

const answer = (status: number, body = '{}'): PeerAnswer => ({
  ok: true,
  status,
  headers: {},
  body: Buffer.from(body),
});

function shipper(headers: () => Record<string, string> = () => ({})): Shipper {
  return new Shipper({
    log: {
      bundle: (index, width) =>
        Promise.resolve(
          Buffer.concat(
            Array.from({ length: width }, (_, at) => encodeEntry(Buffer.from(`{"n":${index * 256 + at}}`))),
          ),
        ),
    },
    origin: ORIGIN,
    version: '1',
    instance: 'i',
    path: '/v1/logs',
    headers,
    peer: {
      exchange: ({ body }: PeerRequest) => {
        const indexes = [...String(body).matchAll(/\{\\"n\\":([0-9]+)\}/g)].map(([, n]) => Number(n));
        sent.push(indexes);
        return Promise.resolve(answerTo(indexes));
      },
      close: () => undefined,
    },
    account: new HolderAccount(
      'collector',
      () => nowMs,
      ({ fault }) => told.push(fault),
    ),
    progressPath,
    report: (message, members) => void told.push({ message, ...members }),
    nowMs: () => nowMs,
  });
}

async function shipped(size: number, of = shipper()): Promise<Shipper> {
  of.committed(size);
  await of.ship();
  return of;
}

const upTo = (size: number): number[] => Array.from({ length: size }, (_, index) => index);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-shipper-'));
  progressPath = join(folder, 'otlp.json');
  [nowMs, told, sent] = [1_000_000, [], []];
  answerTo = () => answer(200);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('shipping', () => {
  it('sends a bundle at most at once, in order, and goes on where it was', async () => {
    await shipped(600);
    expect(sent.map((each) => each.length)).toEqual([256, 256, 88]);
    expect(sent.flat()).toEqual(upTo(600));
    sent = [];
    await shipped(610);
    expect(sent).toEqual([[600, 601, 602, 603, 604, 605, 606, 607, 608, 609]]);
  });

  it.each(['{', '{"origin":"another","size":3}', '{"origin":"countersign.example/log","size":99}', '[]'])(
    'begins at the beginning where its position is %s',
    async (position) => {
      writeFileSync(progressPath, position);
      await shipped(5);
      expect(sent.flat()).toEqual(upTo(5));
    },
  );

  it.each([401, 404, 429, 500, 503])(
    'holds what is answered with %i, and asks ever less often',
    async (status) => {
      answerTo = () => answer(status);
      const held = await shipped(300);
      await held.ship();
      expect(sent).toHaveLength(1);
      expect(held.shipped).toBe(0);
      expect(told).toEqual([`answers with status ${status}`]);
      nowMs += 10_000;
      answerTo = () => answer(200);
      await held.ship();
      expect(sent.slice(1).flat()).toEqual(upTo(300));
      expect(told.at(-1)).toBeUndefined();
    },
  );

  it('passes over the one record that the collector refuses, and tells of it', async () => {
    const of = await shipped(256);
    sent = [];
    answerTo = (indexes) => answer(indexes.includes(300) ? 400 : 200);
    await shipped(512, of);
    const accepted = sent.filter((indexes) => !indexes.includes(300)).flat();
    expect(accepted).toEqual(upTo(512).filter((index) => index >= 256 && index !== 300));
    expect(told).toEqual([{ message: 'the collector has refused records', count: 1, first: 300, last: 300 }]);
    expect(of.status()).toMatchObject({ size: 512, rejected: 1, fault: undefined });
  });

  it('passes nothing over before the collector has taken anything: it may be none', async () => {
    answerTo = () => answer(400);
    const of = await shipped(100);
    expect(of.shipped).toBe(0);
    expect(of.status()).toMatchObject({ rejected: 0, fault: 'answers with status 400' });
  });

  it('counts what a collector refuses of what it takes, and does not send it again', async () => {
    answerTo = () => answer(200, '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"x"}}');
    expect((await shipped(10)).status()).toMatchObject({ size: 10, rejected: 2 });
    expect(sent).toHaveLength(1);
  });

  it('tells of headers that cannot be had, and shows nothing of them', async () => {
    const of = shipper(() => {
      throw new Error('cannot be asked: the file t is gone');
    });
    expect((await shipped(1, of)).status().fault).toBe('cannot be asked: the file t is gone');
    expect(sent).toEqual([]);
  });

  it('keeps its position whole', async () => {
    await shipped(3);
    expect(JSON.parse(readFileSync(progressPath, 'utf8'))).toEqual({ origin: ORIGIN, size: 3 });
  });
});
