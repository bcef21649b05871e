/**
 * The same bytes on two connections, while the first stream is reset at some moment of its check: what a producer does
 * whose connection breaks. Whoever is told 409 has to be told the truth, for after that the producer drops its event.
 */
import { constants, type ClientHttp2Session } from 'node:http2';
import { setTimeout as pause } from 'node:timers/promises';
import { recordsIn } from './afterwards.js';
import { openHttp2, sendOn } from './http2-client.js';
import type { Door, Outgoing } from './outgoing.js';

/** Where the two go, and what is sent. */
export interface ResetCopies {
  /** Of the first stream and of its copy. */
  readonly doors: readonly [Door, Door];
  /** A fresh request each time. */
  readonly make: () => Outgoing;
  readonly count: number;
}

/** A copy that was told 409. */
export interface ToldReplay {
  readonly outgoing: Outgoing;
  /** The decision that the answer names. */
  readonly named: string | undefined;
}

/** How many requests share one pair of connections: Envoy ends a connection with too many resets. */
const BY_ONE = 40;
const AT_ONCE = 8;
/** A check takes about so long; the reset and the copy come anywhere within. */
const CHECK_MILLISECONDS = 6;
const RETRY_MILLISECONDS = 20;

/** Sends them all; gives those copies that were told 409. Every other copy was let through. */
export async function sendAndReset({ doors, make, count }: ResetCopies): Promise<ToldReplay[]> {
  const told: ToldReplay[] = [];
  for (let from = 0; from < count; from += BY_ONE) {
    const sessions = doors.map((door) => openHttp2(door, make().over));
    let left = Math.min(BY_ONE, count - from);
    const lane = async (): Promise<void> => {
      while (left-- > 0) {
        const outgoing = make();
        const named = await deliver(outgoing, sessions as [ClientHttp2Session, ClientHttp2Session]);
        if (named !== 'passed') told.push({ outgoing, named });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    for (const session of sessions) session.destroy();
  }
  return told;
}

/** The copy is sent again for as long as its answer invites to that. */
async function deliver(
  outgoing: Outgoing,
  [first, second]: readonly [ClientHttp2Session, ClientHttp2Session],
): Promise<string | undefined> {
  const stream = first.request({
    ':method': outgoing.method,
    ':path': outgoing.path,
    ':scheme': 'https',
    ':authority': 'localhost',
    ...Object.fromEntries(outgoing.headers),
    'content-length': String(outgoing.body.length),
  });
  stream.on('error', () => undefined);
  stream.end(outgoing.body);
  setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), Math.random() * CHECK_MILLISECONDS);
  await pause(Math.random() * CHECK_MILLISECONDS);
  for (;;) {
    const { status, body } = await sendOn(second, outgoing);
    if (status === 202) return 'passed';
    if (status === 409)
      return (JSON.parse(body) as { errors: [{ first_request_id?: string }] }).errors[0].first_request_id;
    if (status !== 503) throw new Error(`a copy was answered ${status}: ${body}`);
    await pause(RETRY_MILLISECONDS);
  }
}

/** Fails where a 409 names a decision whose last record is no allow, and where a nonce was let through twice. */
export function expectTrueReplays(told: readonly ToldReplay[], ...logs: readonly string[]): void {
  const last = new Map(logs.flatMap(recordsIn).map((record) => [record.decision_id, record]));
  const untrue = told.filter(({ named }) => last.get(named ?? '')?.code !== 'allow');
  expect(untrue.map(({ named }) => last.get(named ?? '')?.code ?? named)).toEqual([]);
  const allowed = [...last.values()].filter(
    ({ code, event }) => code === 'allow' && event.startsWith('telemetry.'),
  );
  const seen = new Set<string | undefined>();
  expect(allowed.filter(({ nonce_hash }) => seen.size === seen.add(nonce_hash).size)).toEqual([]);
}
