/**
 * The durable store, shared by every process that names the same directory (docs/security-requirements.md#17, #19, #21).
 * Claims that arrive in one turn of the event loop are decided and written in one transaction.
 */
import type { ClockStepDetector } from '../clock-step-detector.js';
import { eventOf, fitsRecord, standingEvent, statusEvent, type JournalEvent } from './journal-record.js';
import type { Journal, JournalTransaction } from './journal.js';
import { journalBound, openStoreJournal, type LmdbNonceStoreOptions } from './open-journal.js';
import { noteDelivery, NonceIndex } from '../nonce-index.js';
import { PendingDeliveries } from '../pending-deliveries.js';
import type {
  ClaimDelivery,
  ClaimOutcome,
  NonceClaim,
  NonceDoubt,
  NonceStore,
  NonceStoreStatus,
} from '../nonce-store.js';
import { JournalFollower } from './journal-follower.js';
import { TurnBatcher } from '../../storage/turn-batcher.js';
import { stepDetectorOf, storeStatus } from '../store-status.js';

export { initialiseNonceDirectory, type LmdbNonceStoreOptions } from './open-journal.js';

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
const UNWRITTEN_MS = 10;
/** How often an idle process reads what others have written, so that its next claim need not. */
const FOLLOW_MS = 200;

interface Request {
  readonly kind: 'claim' | 'withdraw';
  readonly claim: NonceClaim;
  readonly answer: (outcome: ClaimOutcome) => void;
}

/** What became of a claim of this process, and is still to be written. */
interface Unwritten {
  readonly kind: 'stands' | 'withdrawn';
  readonly claim: NonceClaim;
}

/** What goes into a transaction besides claims, and which of it has given a claim back. */
interface Told {
  readonly unwritten: readonly Unwritten[];
  readonly deliveries: readonly ClaimDelivery[];
  readonly withdrawn: ClaimDelivery[];
}

const REMOVED =
  'the database file was removed or replaced under this process; restart it, and leave the directory alone';

class LmdbNonceStore implements NonceStore {
  readonly name = 'lmdb';
  readonly #options: LmdbNonceStoreOptions;
  readonly #journal: Journal;
  readonly #stepDetector: ClockStepDetector;
  readonly #index: NonceIndex;
  readonly #follower: JournalFollower;
  readonly #followTimer: NodeJS.Timeout;
  /** By the request ids of their claims. */
  readonly #unwritten = new Map<string, Unwritten>();
  #unwrittenTimer: NodeJS.Timeout | undefined;
  readonly #deliveries = new PendingDeliveries();
  readonly #requests = new TurnBatcher<Request>({
    handle: (batch) => this.#handle(batch),
    maxItems: BATCH_CLAIMS,
    gatherItems: GATHERED_CLAIMS,
  });
  #fault: string | undefined;
  #closed = false;

  constructor(options: LmdbNonceStoreOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
    this.#index = new NonceIndex(options);
    this.#stepDetector = stepDetectorOf(this.#index, options);
    this.#follower = new JournalFollower(this.#index);
    this.#followTimer = setInterval(() => this.#requests.schedule(), FOLLOW_MS).unref();
  }

  /** Reads the journal, a slice a turn. Throws what reading it throws. */
  async load(): Promise<void> {
    while (!this.#journal.transact((transaction) => this.#follower.catchUp(transaction))) {
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
    this.#unwritten.set(claim.requestId, { kind: 'stands', claim });
    this.#unwrittenTimer ??= setTimeout(() => {
      this.#unwrittenTimer = undefined;
      if (this.#unwritten.size > 0) this.#requests.schedule();
    }, UNWRITTEN_MS).unref();
  }

  /** Written with the claims of this turn; what cannot be written is kept, and tried again. */
  noteDeliveries(deliveries: readonly ClaimDelivery[]): void {
    if (this.#closed) return;
    this.#deliveries.add(deliveries);
    this.#requests.schedule();
  }

  /** As far as it was read; whoever asks again soon has the rest read. */
  areAwaited(keys: readonly Buffer[]): readonly boolean[] {
    if (!this.#closed) this.#requests.schedule();
    return keys.map((key) => this.#index.isAwaited(key));
  }

  status(): NonceStoreStatus {
    const nowMs = this.#stepDetector.observe();
    if (nowMs !== undefined) this.#index.advance(nowMs);
    const fault = this.#closed ? 'the store is closed' : this.#fault;
    return storeStatus({
      index: this.#index,
      stepDetector: this.#stepDetector,
      options: this.#options,
      fault,
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#followTimer);
    clearTimeout(this.#unwrittenTimer);
    this.#requests.flush();
    while (this.#unwritten.size + this.#deliveries.size > 0 && this.#fault === undefined)
      this.#requests.run();
    await this.#journal.close();
    this.#index.clear();
  }

  /** False while there is more to read than one turn should, and nothing can be decided. */
  #handle(batch: readonly Request[]): boolean {
    const outcomes = this.#decide(batch);
    const goesOn = this.#follower.hasDead() || (this.#deliveries.size > 0 && this.#fault === undefined);
    if (goesOn && !this.#closed) this.#requests.schedule();
    if (outcomes === undefined) return false;
    batch.forEach(({ kind, claim }, index) => {
      if (kind === 'withdraw' && outcomes[index]?.kind !== 'claimed')
        this.#unwritten.set(claim.requestId, { kind: 'withdrawn', claim });
    });
    batch.forEach(({ answer }, index) => answer(outcomes[index] ?? doubt('store_unavailable')));
    return true;
  }

  /** One transaction; undefined when there is still more to read before anything can be decided. */
  #decide(batch: readonly Request[]): ClaimOutcome[] | undefined {
    const told: Told = {
      unwritten: [...this.#unwritten.values()],
      deliveries: this.#deliveries.first(BATCH_CLAIMS),
      withdrawn: [],
    };
    try {
      const outcomes = this.#journal.transact((transaction) =>
        this.#follower.catchUp(transaction) ? this.#answerAll(transaction, batch, told) : undefined,
      );
      if (outcomes !== undefined && this.#fault !== REMOVED) this.#isWritten(told);
      return outcomes;
    } catch (error) {
      this.#follower.restart();
      this.#fault = error instanceof Error ? error.message : String(error);
      return batch.map(() => doubt('store_unavailable'));
    }
  }

  #answerAll(transaction: JournalTransaction, batch: readonly Request[], told: Told): ClaimOutcome[] {
    const nowMs = this.#stepDetector.observe();
    // After the clock: whoever opens a new journal in the place of a removed one starts with a later floor.
    this.#fault = this.#journal.filesIntact() ? undefined : REMOVED;
    const reason = this.#reasonAgainstAll(transaction, nowMs);
    if (nowMs !== undefined) this.#index.advance(nowMs);
    const events: JournalEvent[] = [];
    if (this.#fault !== REMOVED) this.#writeTold(told, transaction.roomToAppend, events);
    const outcomes = batch.map((request) => this.#answer(request, nowMs ?? 0, reason, events));
    if (events.length > 0 || this.#follower.hasDead()) this.#follower.write(transaction, events);
    return outcomes;
  }

  #reasonAgainstAll(transaction: JournalTransaction, nowMs: number | undefined): NonceDoubt | undefined {
    if (this.#fault !== undefined) return 'store_unavailable';
    if (nowMs === undefined) return 'clock_diverged';
    if (!transaction.roomToAppend) this.#fault = 'the disk under the database is full';
    return this.#fault !== undefined || this.#follower.bytes() >= journalBound(this.#options)
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
    const outcome = this.#index.claim(claim, nowMs);
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
    const unwritten = this.#unwritten.get(outcome.firstRequestId);
    if (unwritten !== undefined) return unwritten.kind === 'stands' ? outcome : doubt('store_unavailable');
    const mayStand = nowMs - outcome.firstSeenAtMs >= standsAfterMs || !this.#follower.isUnanswered(key);
    return mayStand ? outcome : { kind: 'unanswered' };
  }

  /** Without room a status is known here alone; a withdrawal is little, and has its own room. */
  #writeTold(told: Told, roomToAppend: boolean, events: JournalEvent[]): void {
    for (const outcome of told.unwritten) this.#write(outcome, events);
    for (const delivery of told.deliveries) {
      const change = noteDelivery(this.#index, delivery);
      if (change === 'withdrawn') {
        told.withdrawn.push(delivery);
        this.#append(events, eventOf('withdrawn', delivery, 0));
      } else if (change === 'noted' && roomToAppend) {
        this.#append(events, statusEvent(delivery, delivery.status));
      }
    }
  }

  #isWritten({ unwritten, deliveries, withdrawn }: Told): void {
    for (const { claim } of unwritten) this.#unwritten.delete(claim.requestId);
    this.#deliveries.delete(deliveries);
    for (const { onWithdrawn } of withdrawn) onWithdrawn();
  }

  #write({ kind, claim }: Unwritten, events: JournalEvent[]): void {
    const { key, requestId } = claim;
    if (kind === 'stands') {
      if (this.#follower.isUnansweredOf(key, requestId)) this.#append(events, standingEvent(claim));
    } else if (this.#index.withdraw(key, requestId)) this.#append(events, eventOf('withdrawn', claim, 0));
  }

  #append(events: JournalEvent[], event: JournalEvent): void {
    events.push(event);
    this.#follower.note(event);
  }
}

function doubt(reason: NonceDoubt): ClaimOutcome {
  return { kind: 'doubt', reason };
}
