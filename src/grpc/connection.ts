/**
 * The life of one connection below its calls: pings, the resets after which it is renewed, the streams that nghttp2
 * refuses by itself, and going away without losing a call.
 */
import { constants, type ServerHttp2Session } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';

const KEEPALIVE_MILLISECONDS = 30_000;
const KEEPALIVE_TIMEOUT_MILLISECONDS = 10_000;
const REFUSED_CHECK_MILLISECONDS = 250;
/** Stream ids of a client are odd (RFC 9113, 5.1.1). */
const ID_STEP = 2;
/** RFC 9113, 6.8: the highest stream id, for a GOAWAY that refuses no stream. */
const HIGHEST_STREAM = 2 ** 31 - 1;
/** RFC 9113, 6.8: a whole GOAWAY frame without an error, up to the highest stream: "no new streams, please". */
const SHUTDOWN_NOTICE = Buffer.from('000008070000000000' + '7fffffff' + '00000000', 'hex');
/** For a peer that does not answer the ping behind a GOAWAY: far more than any busy machine takes. */
const LAST_CALLS_MILLISECONDS = 5_000;

/**
 * Half of what nghttp2 allows: the streams that are open by then may all be reset (`MAX_STREAMS`, 256), and what is in
 * the socket; a test holds the sum below the 1,000.
 */
const RESETS = 500;
/** Close to the 1,000 at which nghttp2 would break the connection. */
const LAST_RESETS = 900;
const RESETS_PER_SECOND = 33;

/**
 * A token bucket of the resets that one connection may take.
 *
 * HTTP/2 in Node ends a connection over which the peer has reset more than 1,000 streams, 33 more for every second
 * (nghttp2's `stream_reset_rate_limit`; Node 20 and 22 cannot be told otherwise). That is meant for strangers. Our peer
 * is Envoy, which passes on the resets of all its clients over one connection: any client could so end the connection
 * on which everybody's checks are under way. So a connection is given up in good order long before.
 */
export class ResetBucket {
  readonly #capacity: number;
  #tokens: number;
  #sinceMs: number;

  /** All times are monotonic milliseconds. */
  constructor(nowMs: number, capacity = RESETS) {
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#sinceMs = nowMs;
  }

  /** Counts one reset. True when the connection is now to be given up; once. */
  take(nowMs: number): boolean {
    if (this.#tokens < 0) return false;
    const regained = ((nowMs - this.#sinceMs) / 1000) * RESETS_PER_SECOND;
    this.#tokens = Math.min(this.#capacity, this.#tokens + regained) - 1;
    this.#sinceMs = nowMs;
    return this.#tokens < 0;
  }
}

/**
 * Watches a connection until it closes, and asks its peer to open another one when too many streams were reset.
 * `refused` is told of streams that have ended without having come to us: nghttp2 refuses some by itself, such as
 * those whose `:authority` is no host name, and tells nobody.
 */
export function watchConnection(
  session: ServerHttp2Session,
  socket: Duplex,
  refused: (streams: number) => void,
): void {
  keepAlive(session);
  countResets(session, socket);
  countRefused(session, refused);
}

/** `aborted` comes with the frame; `close` only after all that the socket held, which may be thousands of frames. */
function countResets(session: ServerHttp2Session, socket: Duplex): void {
  const bucket = new ResetBucket(performance.now());
  const last = new ResetBucket(performance.now(), LAST_RESETS);
  const count = (): void => {
    const nowMs = performance.now();
    if (bucket.take(nowMs)) goAway(session, socket);
    // Whoever did not listen to the first GOAWAY: after one of its own nghttp2 counts no resets any more.
    if (last.take(nowMs) && !session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, HIGHEST_STREAM);
  };
  session.on('stream', (stream) => {
    stream.once('aborted', count);
    stream.once('close', () => {
      if (!stream.aborted && stream.rstCode !== constants.NGHTTP2_NO_ERROR) count();
    });
  });
}

/** A gap between ids is known at the next stream; what no other follows, when it is still missing at the second look. */
function countRefused(session: ServerHttp2Session, refused: (streams: number) => void): void {
  let lastId = 1 - ID_STEP;
  let begunBefore = 0;
  const reach = (id: number): void => {
    // 0 is what nghttp2 says while there was none, as over the connection of a mere look whether somebody listens.
    if (id <= Math.max(lastId, 0)) return;
    refused((id - lastId) / ID_STEP);
    lastId = id;
  };
  session.on('stream', ({ id = 0 }) => {
    if (id > lastId + ID_STEP) reach(id - ID_STEP);
    lastId = Math.max(lastId, id);
  });
  const look = setInterval(() => {
    if (session.destroyed) return;
    reach(begunBefore);
    begunBefore = session.state.lastProcStreamID ?? 0;
  }, REFUSED_CHECK_MILLISECONDS);
  look.unref();
  session.once('close', () => {
    clearInterval(look);
    reach(begunBefore);
  });
}

/** Pings a silent peer and drops one that does not answer. */
function keepAlive(session: ServerHttp2Session): void {
  let waiting: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    if (waiting !== undefined || session.closed) return;
    waiting = setTimeout(() => session.destroy(), KEEPALIVE_TIMEOUT_MILLISECONDS);
    session.ping(() => {
      clearTimeout(waiting);
      waiting = undefined;
    });
  }, KEEPALIVE_MILLISECONDS);
  timer.unref();
  session.once('close', () => {
    clearInterval(timer);
    clearTimeout(waiting);
  });
}

/**
 * The two steps of RFC 9113, 6.8: a call that left the peer before it heard of the stop is still answered. When it
 * has answered a ping that was sent after the first step, it has heard, and all that it sent before is here.
 *
 * The first step is written beside nghttp2, which writes whole frames: once it has sent a GOAWAY of its own and no
 * stream is open it reads no more, neither the answer to the ping nor the calls before it.
 */
export function goAway(session: ServerHttp2Session, socket: Duplex): void {
  if (session.destroyed || session.closed) return;
  socket.write(SHUTDOWN_NOTICE);
  const close = (): void => {
    clearTimeout(limit);
    if (!session.destroyed) session.close();
  };
  const limit = setTimeout(close, LAST_CALLS_MILLISECONDS);
  session.once('close', () => clearTimeout(limit));
  session.ping(close);
}
