/**
 * The durable store, shared by every process that names the same directory (docs/security-requirements.md#17, #19, #21).
 * Claims that arrive in one turn of the event loop are decided and written in one transaction.
 */
import type { ClockGuard } from '../clock-guard.js';
import { eventOf, fitsRecord, standingEvent, type JournalEvent } from './journal-record.js';
import type { Journal, JournalTransaction } from './journal.js';
import { journalBound, openStoreJournal, type LmdbNonceStoreOptions, type OpenedJournal } from './open.js';
import { NonceLedger } from '../nonce-ledger.js';
import type { ClaimOutcome, NonceClaim, NonceDoubt, NonceStore, NonceStoreStatus } from '../nonce-store.js';
import { SharedLedger } from './shared-ledger.js';
import type { Note } from '../unanswered-claims.js';
import { TurnBatcher } from '../../storage/turn-batcher.js';
import { guardOver, storeHealth } from '../store-health.js';

export { initialiseNonceDirectory, type LmdbNonceStoreOptions } from './open.js';

/**
 * Opens the store and reads every live nonce. A directory without a usable journal starts with the floor of
 * docs/security-requirements.md#16. Rejects with `StorageError`, naming path and remedy, when the directory cannot be used.
 */
export async function openLmdbNonceStore(options: LmdbNonceStoreOptions): Promise<NonceStore> {
  const store = new LmdbNonceStore(options, openStoreJournal(options));
  await store.load();
  return store;
}

/** Claims that are decided in one transaction at most: its length is what other processes may have to wait. */
const BATCH_CLAIMS = 512;
/**
 * While every turn brings more of them, claims are gathered up to so many before they are decided: a transaction costs
 * a quarter of a check, and two processes wait for each other's. A claim that comes alone waits for one turn.
 */
const GATHERED_CLAIMS = 16;
/** How long what became of a claim waits for other claims to be written with; copies elsewhere wait for it. */
const NOTE_MS = 10;
/** How often an idle process reads what others have written, so that its next claim need not. */
const FOLLOW_MS = 200;

interface Request {
  readonly kind: 'claim' | 'withdraw';
  readonly claim: NonceClaim;
  readonly answer: (outcome: ClaimOutcome) => void;
}

const REMOVED =
  'the database file was removed or replaced under this process; restart it, and leave the directory alone';

class LmdbNonceStore implements NonceStore {
  readonly name = 'lmdb';
  readonly #options: LmdbNonceStoreOptions;
  readonly #journal: Journal;
  readonly #filesIntact: () => boolean;
  readonly #guard: ClockGuard;
  readonly #ledger: NonceLedger;
  readonly #shared: SharedLedger;
  readonly #follower: NodeJS.Timeout;
  /** By the request ids of their claims. */
  readonly #notes = new Map<string, Note>();
  #noteTimer: NodeJS.Timeout | undefined;
  readonly #requests = new TurnBatcher<Request>({
    handle: (batch) => this.#handle(batch),
    maxItems: BATCH_CLAIMS,
    gatherItems: GATHERED_CLAIMS,
  });
  #fault: string | undefined;
  #closed = false;

  constructor(options: LmdbNonceStoreOptions, { journal, filesIntact }: OpenedJournal) {
    this.#options = options;
    this.#journal = journal;
    this.#filesIntact = filesIntact;
    this.#ledger = new NonceLedger(options);
    this.#guard = guardOver(this.#ledger, options);
    this.#shared = new SharedLedger(this.#ledger);
    this.#follower = setInterval(() => this.#requests.schedule(), FOLLOW_MS).unref();
  }

  /** Reads the journal, a slice a turn. Throws what reading it throws. */
  async load(): Promise<void> {
    while (!this.#journal.transact((transaction) => this.#shared.catchUp(transaction))) {
      await new Promise(setImmediate);
    }
  }

  claim(claim: NonceClaim): ClaimOutcome | Promise<ClaimOutcome> {
    if (this.#closed || !fitsRecord(claim.requestId, claim.identity)) return doubt('store_unavailable');
    return new Promise((answer) => this.#requests.add({ kind: 'claim', claim, answer }));
  }

  /** What cannot be written now is written as soon as that can be done; until then a copy is told doubt. */
  async withdraw(claim: NonceClaim): Promise<void> {
    if (this.#closed) return;
    await new Promise<ClaimOutcome>((answer) => this.#requests.add({ kind: 'withdraw', claim, answer }));
  }

  settle(claim: NonceClaim): void {
    if (this.#closed) return;
    this.#notes.set(claim.requestId, { kind: 'stands', claim });
    this.#noteTimer ??= setTimeout(() => {
      this.#noteTimer = undefined;
      if (this.#notes.size > 0) this.#requests.schedule();
    }, NOTE_MS).unref();
  }

  status(): NonceStoreStatus {
    const nowMs = this.#guard.observe();
    if (nowMs !== undefined) this.#ledger.advance(nowMs);
    const fault = this.#closed ? 'the store is closed' : this.#fault;
    return storeHealth({ ledger: this.#ledger, guard: this.#guard, options: this.#options, fault });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#follower);
    clearTimeout(this.#noteTimer);
    this.#requests.flush();
    while (this.#notes.size > 0 && this.#fault === undefined) this.#requests.run();
    await this.#journal.close();
    this.#ledger.clear();
  }

  /** False while there is more to read than one turn should, and nothing can be decided. */
  #handle(batch: readonly Request[]): boolean {
    const outcomes = this.#decide(batch);
    if (this.#shared.hasDead() && !this.#closed) this.#requests.schedule();
    if (outcomes === undefined) return false;
    batch.forEach(({ kind, claim }, index) => {
      if (kind === 'withdraw' && outcomes[index]?.kind !== 'claimed')
        this.#notes.set(claim.requestId, { kind: 'withdrawn', claim });
    });
    batch.forEach(({ answer }, index) => answer(outcomes[index] ?? doubt('store_unavailable')));
    return true;
  }

  /** One transaction; undefined when there is still more to read before anything can be decided. */
  #decide(batch: readonly Request[]): ClaimOutcome[] | undefined {
    const notes = [...this.#notes.values()];
    try {
      const outcomes = this.#journal.transact((transaction) =>
        this.#shared.catchUp(transaction) ? this.#answerAll(transaction, batch, notes) : undefined,
      );
      if (outcomes !== undefined && this.#fault !== REMOVED)
        for (const { claim } of notes) this.#notes.delete(claim.requestId);
      return outcomes;
    } catch (error) {
      this.#shared.restart();
      this.#fault = error instanceof Error ? error.message : String(error);
      return batch.map(() => doubt('store_unavailable'));
    }
  }

  #answerAll(
    transaction: JournalTransaction,
    batch: readonly Request[],
    notes: readonly Note[],
  ): ClaimOutcome[] {
    const nowMs = this.#guard.observe();
    // After the clock: whoever opens a new journal in the place of a removed one starts with a later floor.
    this.#fault = this.#filesIntact() ? undefined : REMOVED;
    const reason = this.#reasonAgainstAll(transaction, nowMs);
    if (nowMs !== undefined) this.#ledger.advance(nowMs);
    const events: JournalEvent[] = [];
    if (this.#fault !== REMOVED) for (const note of notes) this.#write(note, events);
    const outcomes = batch.map((request) => this.#answer(request, nowMs ?? 0, reason, events));
    if (events.length > 0 || this.#shared.hasDead()) this.#shared.write(transaction, events);
    return outcomes;
  }

  #reasonAgainstAll(transaction: JournalTransaction, nowMs: number | undefined): NonceDoubt | undefined {
    if (this.#fault !== undefined) return 'store_unavailable';
    if (nowMs === undefined) return 'clock_diverged';
    if (!transaction.roomToAppend) this.#fault = 'the disk under the database is full';
    return this.#fault !== undefined || this.#shared.bytes() >= journalBound(this.#options)
      ? 'store_full'
      : undefined;
  }

  #answer(
    { kind, claim }: Request,
    nowMs: number,
    reason: NonceDoubt | undefined,
    events: JournalEvent[],
  ): ClaimOutcome {
    // Also on a full disk, by a clock that is doubted: it is little, and deletions have their own room.
    if (kind === 'withdraw' && this.#fault !== REMOVED) {
      this.#write({ kind: 'withdrawn', claim }, events);
      return { kind: 'claimed' };
    }
    if (reason !== undefined) return doubt(reason);
    if (claim.stillWanted?.() === false) return doubt('abandoned');
    const outcome = this.#ledger.claim(claim, nowMs);
    if (outcome.kind === 'replayed') return this.#toCopy(outcome, claim, nowMs);
    if (outcome.kind !== 'claimed') return outcome;
    this.#append(events, eventOf('claimed', claim, nowMs));
    if (claim.standsAfterMs === undefined) this.#append(events, standingEvent(claim));
    return outcome;
  }

  /** A replay of what stands; what may be withdrawn yet is waited for, and in doubt while it is on its way back. */
  #toCopy(
    outcome: Extract<ClaimOutcome, { readonly kind: 'replayed' }>,
    { key, standsAfterMs = 0 }: NonceClaim,
    nowMs: number,
  ): ClaimOutcome {
    const note = this.#notes.get(outcome.firstRequestId);
    if (note !== undefined) return note.kind === 'stands' ? outcome : doubt('store_unavailable');
    const mayStand = nowMs - outcome.firstSeenAtMs >= standsAfterMs || !this.#shared.isUnanswered(key);
    return mayStand ? outcome : { kind: 'unanswered' };
  }

  #write({ kind, claim }: Note, events: JournalEvent[]): void {
    const { key, requestId } = claim;
    if (kind === 'stands') {
      if (this.#shared.isUnansweredOf(key, requestId)) this.#append(events, standingEvent(claim));
    } else if (this.#ledger.withdraw(key, requestId)) this.#append(events, eventOf('withdrawn', claim, 0));
  }

  #append(events: JournalEvent[], event: JournalEvent): void {
    events.push(event);
    this.#shared.note(event);
  }
}

function doubt(reason: NonceDoubt): ClaimOutcome {
  return { kind: 'doubt', reason };
}
