/**
 * What became of a request that the verifier let through: judged from the one entry that Envoy writes when it is over. Pure.
 *
 * `undelivered` gives a nonce back, so that the same bytes may be let in once more. It must be impossible for a request
 * of which the application could have seen a byte. Nothing else rests on chance here: whatever is not clear is `unknown`,
 * and then the claim stands.
 */
import { DOWNSTREAM_END, FLAG, type HttpEntry } from './entry.js';

/**
 * `delivered`: the upstream answered it. `undelivered`: no byte of it went to an upstream, and none will.
 * `unknown`: it may have arrived, or it may not.
 */
export type DeliveryOutcome = 'delivered' | 'undelivered' | 'unknown';

/** What became of one allow. */
export interface Delivery {
  readonly decisionId: string;
  /** What the verifier wrote beside the decision id to be told again, as it wrote it; undefined where it wrote nothing. */
  readonly claim: string | undefined;
  readonly outcome: DeliveryOutcome;
  /** The HTTP status of the answer to the client; undefined when it got none. */
  readonly status: number | undefined;
}

/**
 * The `log_name` that `countersign envoy-config` renders. It says how this Envoy treats a request, which no entry
 * does: it retries only what was not sent, and copies no request to another cluster (`envoy-config/routes.ts`). Who
 * gives this name to another configuration vouches for both. Entries of every other log are never `undelivered`.
 */
export const REQUEST_LOG = 'countersign-requests-v1';
/**
 * The same for requests that hold no claim: passed without a signature, or ended at Envoy. Anybody can bring these about, in any
 * number and with long paths, and Envoy drops entries that it cannot send at once; so they have a log and connections of their own.
 */
export const OTHER_REQUEST_LOG = 'countersign-other-requests-v1';
/** The `log_name` of the TLS listener's own log, whose entries are connections. */
export const CONNECTION_LOG = 'countersign-connections-v1';

const VOUCHED_FOR: ReadonlySet<string> = new Set([REQUEST_LOG, OTHER_REQUEST_LOG]);

/**
 * There was nobody to send it to. UF: the connection could not be made (refused, timed out); UH: no host.
 * Either may come with URX (all retries were used up) and UO (too many retries already wait).
 */
const NOBODY_THERE = FLAG.UF | FLAG.UH;
const BESIDES = FLAG.URX | FLAG.UO;

/** The verifier's metadata of an allow as it left us: the code, the decision id, and what belongs to the claim. */
export function judgeDelivery(entry: HttpEntry, logName: string): Delivery | undefined {
  const decisionId = entry.decision?.get('decision_id');
  if (entry.decision?.get('code') !== 'allow' || decisionId === undefined) return undefined;
  return {
    decisionId,
    claim: entry.decision.get('claim'),
    outcome: outcomeOf(entry, logName),
    status: entry.status,
  };
}

/** For requests that were let through, verified or passed. Only an entry of a request that is over says anything. */
export function outcomeOf(entry: HttpEntry, logName: string): DeliveryOutcome {
  if (entry.type !== DOWNSTREAM_END) return 'unknown';
  if (wasAnswered(entry)) return 'delivered';
  return wasNeverSent(entry, logName) ? 'undelivered' : 'unknown';
}

/** Bytes went to the upstream and bytes came back: whatever the client got in the end, the application had its say. */
function wasAnswered(entry: HttpEntry): boolean {
  return (
    entry.upstreamBytesSent > 0 &&
    entry.upstreamBytesReceived > 0 &&
    entry.upstreamFirstReceivedUs !== undefined &&
    entry.status !== undefined
  );
}

/**
 * All of it has to hold, and each alone would nearly do:
 * - the flags name a reason why nothing could be sent, and nothing besides;
 * - no byte was sent over all attempts, by two counters of which each adds up retries; that this Envoy counts at all is
 *   shown by the bytes that it sent to the client;
 * - the last attempt has no time of a first byte sent;
 * - nothing came back, and the client got Envoy's own 503, so nothing is under way any more;
 * - the log's name says that an earlier attempt cannot have been sent, should a counter have forgotten it: Envoy retries
 *   after a connect failure, and resets before the headers went out, and its upstream is HTTP/1.1, which knows no refused stream.
 */
function wasNeverSent(entry: HttpEntry, logName: string): boolean {
  const { flags } = entry;
  return (
    VOUCHED_FOR.has(logName) &&
    (flags & NOBODY_THERE) !== 0 &&
    (flags & ~(NOBODY_THERE | BESIDES)) === 0 &&
    entry.upstreamBytesSent === 0 &&
    entry.upstreamHeaderBytesSent === 0 &&
    entry.bytesSent > 0 &&
    entry.upstreamFirstSentUs === undefined &&
    entry.upstreamBytesReceived === 0 &&
    entry.upstreamFirstReceivedUs === undefined &&
    entry.status === 503
  );
}

/** Who is told of the allows that are over, in batches. Must not throw, and nobody waits for what it does. */
export type OnDeliveries = (batch: readonly Delivery[]) => void;
