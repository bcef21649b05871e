/**
 * What becomes of the streams of one connection where our code does not see it. nghttp2 refuses some by itself, such as
 * those whose `:authority` is no host name, and tells nobody; it breaks the connection over which too many are reset.
 */
import { constants, type ServerHttp2Session } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { ResetBudget } from './reset-budget.js';

const LOOK_MILLISECONDS = 250;
/** Stream ids of a client are odd (RFC 9113, 5.1.1). */
const ID_STEP = 2;
/** Close to the 1,000 at which nghttp2 would break the connection. */
const LAST_RESETS = 900;
/** RFC 9113, 6.8: the highest stream id, for a GOAWAY that refuses no stream. */
const HIGHEST_STREAM = 2 ** 31 - 1;

/** Told of what happens. */
export interface StreamObserver {
  /** The connection is to be given up in good order. Once. */
  readonly spent: () => void;
  /** So many streams have ended without having come to us. */
  readonly unseen: (streams: number) => void;
}

/** Watches a connection until it closes. */
export function watchStreams(session: ServerHttp2Session, observer: StreamObserver): void {
  countResets(session, observer);
  countUnseen(session, observer);
}

/** `aborted` comes with the frame; `close` only after all that the socket held, which may be thousands of frames. */
function countResets(session: ServerHttp2Session, { spent }: StreamObserver): void {
  const budget = new ResetBudget(performance.now());
  const last = new ResetBudget(performance.now(), LAST_RESETS);
  const count = (): void => {
    const nowMs = performance.now();
    if (budget.spend(nowMs)) spent();
    // Whoever did not listen to the first GOAWAY: after one of its own nghttp2 counts no resets any more.
    if (last.spend(nowMs) && !session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, HIGHEST_STREAM);
  };
  session.on('stream', (stream) => {
    stream.once('aborted', count);
    stream.once('close', () => {
      if (!stream.aborted && stream.rstCode !== constants.NGHTTP2_NO_ERROR) count();
    });
  });
}

/** A gap between ids is known at the next stream; what no other follows, when it is still missing at the second look. */
function countUnseen(session: ServerHttp2Session, { unseen }: StreamObserver): void {
  let lastId = 1 - ID_STEP;
  let begunBefore = 0;
  const reach = (id: number): void => {
    if (id > lastId) unseen((id - lastId) / ID_STEP);
    lastId = Math.max(lastId, id);
  };
  session.on('stream', ({ id = 0 }) => {
    if (id > lastId + ID_STEP) reach(id - ID_STEP);
    lastId = Math.max(lastId, id);
  });
  const look = setInterval(() => {
    if (session.destroyed) return;
    reach(begunBefore);
    begunBefore = session.state.lastProcStreamID ?? 0;
  }, LOOK_MILLISECONDS);
  look.unref();
  session.once('close', () => {
    clearInterval(look);
    reach(begunBefore);
  });
}
