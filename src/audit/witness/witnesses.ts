/**
 * The witnesses of a log. In rounds, all of them are asked for one checkpoint: a quorum is of cosignatures of the same
 * one. A log seals far more often than that, and never waits for them. What they have cosigned is put into the files of
 * the log as it comes.
 */
import type { Policy } from '../../tlog/policy.js';
import { HolderAccount, type HolderStatus } from '../holders/holder-status.js';
import { Looks } from '../holders/looks.js';
import { readProgress, sizeIn, writeProgress } from '../holders/progress-file.js';
import {
  CHECKPOINT_FILE,
  WITNESSED_CHECKPOINT_FILE,
  type SealedCheckpoint,
  type SealedLog,
} from '../holders/sealed-log.js';
import { HttpPeer } from '../../storage/http/http-peer.js';
import { CosignedCheckpoint } from './cosigned-checkpoint.js';
import { WitnessClient, type Cosigning } from './witness-client.js';

/** What the witnesses of a log need. */
export interface WitnessesOptions {
  readonly log: SealedLog;
  readonly policy: Policy;
  /** PEM of the authorities of the witnesses. Default: those that Node was built with. */
  readonly authority?: string | undefined;
  readonly intervalSeconds: number;
  /** Of one request. */
  readonly timeoutMilliseconds: number;
  /** Where it is kept how far each witness has come. */
  readonly progressPath: string;
  /** Puts a checkpoint that was cosigned once more into the log's files. */
  readonly publish: (checkpoint: CosignedCheckpoint) => Promise<void>;
  /** Told when something is wrong with a witness, or no longer is. */
  readonly onChange: (status: HolderStatus) => void;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
}

interface Witness {
  readonly client: WitnessClient;
  readonly peer: HttpPeer;
  readonly account: HolderAccount;
}

/** A body of cosignatures: a witness may have several keys, and longer ones than ours. */
const MAX_ANSWER_BYTES = 65_536;

export class Witnesses {
  readonly #options: WitnessesOptions;
  readonly #witnesses: ReadonlyMap<string, Witness>;
  #round: CosignedCheckpoint | undefined;
  /** Every cosignature of the round is in the log's files. */
  #isPublished = true;
  #nextRoundMs = 0;
  #isRestored = false;
  #looks: Looks | undefined;

  constructor(options: WitnessesOptions) {
    this.#options = options;
    this.#witnesses = new Map(
      [...options.policy.witnesses].map(([name, { verifier, url }]) => {
        const prefix = new URL(url ?? '');
        const peer = new HttpPeer({ ...options, url: prefix, maxAnswerBytes: MAX_ANSWER_BYTES });
        const pathPrefix = prefix.pathname.replace(/\/+$/, '');
        const client = new WitnessClient({ verifier, peer, pathPrefix, nowMs: options.nowMs });
        return [
          name,
          { client, peer, account: new HolderAccount(name, options.monotonicMs, options.onChange) },
        ];
      }),
    );
  }

  /** Begins; a second after something was sealed it is noticed. */
  start(): void {
    this.#looks = new Looks(() => this.look());
  }

  /** The log has grown. */
  committed(size: number): void {
    for (const { account } of this.#witnesses.values()) account.sees(size);
  }

  status(): readonly HolderStatus[] {
    return [...this.#witnesses.values()].map(({ account }) => account.status());
  }

  /** Up to here every witness has the tree: what leads on from there must stay. */
  get heldSize(): number {
    return Math.min(...[...this.#witnesses.values()].map(({ account }) => account.size));
  }

  /** The last look, without waiting for its time. */
  async finish(): Promise<void> {
    await this.#looks?.close();
    this.#nextRoundMs = 0;
    for (const { account } of this.#witnesses.values()) account.tryNow();
    await this.look();
  }

  /** Cuts off what is under way. */
  async close(): Promise<void> {
    for (const { peer } of this.#witnesses.values()) peer.close();
    await this.#looks?.close();
  }

  /** Asks whom it is time to ask. Never rejects. */
  async look(): Promise<void> {
    try {
      await this.#restore();
      const newest = await this.#options.log.checkpoint();
      if (newest === undefined) return;
      this.committed(newest.size);
      const round = this.#roundFor(newest);
      if (round === undefined) return;
      await this.#publish(round);
      await this.#ask(round);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const { account } of this.#witnesses.values())
        if (account.mayTry) account.failed(`is not asked, or not heard: ${reason}`);
    }
  }

  /** The checkpoint that is to be cosigned now: another one than before when its time has come. */
  #roundFor(newest: SealedCheckpoint): CosignedCheckpoint | undefined {
    const nowMs = this.#options.monotonicMs();
    const isNew = newest.size > (this.#round?.checkpoint.size ?? 0);
    if (isNew && nowMs >= this.#nextRoundMs) {
      this.#round = new CosignedCheckpoint(newest, this.#options.policy);
      this.#isPublished = true;
      this.#nextRoundMs = nowMs + this.#options.intervalSeconds * 1_000;
      for (const { account } of this.#witnesses.values()) account.aims(newest.size);
    }
    return this.#round;
  }

  async #ask(round: CosignedCheckpoint): Promise<void> {
    const due = [...this.#witnesses].filter(([name, { account }]) => !round.has(name) && account.mayTry);
    await Promise.all(
      due.map(async ([name, { client, account }]) => {
        const { log } = this.#options;
        await this.#settle(round, name, await client.cosign(log, round.checkpoint, account.size));
      }),
    );
    if (due.length > 0) await this.#keep();
  }

  async #publish(round: CosignedCheckpoint): Promise<void> {
    if (this.#isPublished) return;
    await this.#options.publish(round);
    this.#isPublished = true;
  }

  async #settle(round: CosignedCheckpoint, name: string, cosigning: Cosigning): Promise<void> {
    const account = this.#witnesses.get(name)?.account;
    if (account === undefined) return;
    switch (cosigning.kind) {
      case 'cosigned':
        round.add(name, cosigning.line);
        account.has(round.checkpoint.size);
        account.succeeded();
        this.#isPublished = false;
        return this.#publish(round);
      case 'ahead':
        return this.#judgeAhead(account, cosigning.size);
      case 'failed':
      case 'conflict':
        account.failed(cosigning.reason, { isConflict: cosigning.kind === 'conflict' });
    }
  }

  /** Another process of ours may have asked for a checkpoint that is newer than that of this round. */
  async #judgeAhead(account: HolderAccount, size: number): Promise<void> {
    const newest = await this.#options.log.checkpoint();
    if (newest !== undefined && size <= newest.size) {
      this.#nextRoundMs = 0;
      return;
    }
    account.failed(`has cosigned ${size} records, and this log has ${newest?.size ?? 0}`, {
      isConflict: true,
    });
  }

  async #keep(): Promise<void> {
    const sizes = [...this.#witnesses].map(([name, { account }]) => [this.#keyOf(name), account.size]);
    // Lost progress costs one more request.
    await writeProgress(this.#options.progressPath, Object.fromEntries(sizes)).catch(() => undefined);
  }

  /** Of which key, as the same name may be another witness by now. */
  #keyOf(name: string): string {
    return this.#options.policy.witnesses.get(name)?.verifier.text ?? '';
  }

  /** What is known since before the start. */
  async #restore(): Promise<void> {
    if (this.#isRestored) return;
    const { log, policy, progressPath } = this.#options;
    const progress = await readProgress(progressPath);
    for (const [name, { account }] of this.#witnesses) account.has(sizeIn(progress, this.#keyOf(name)));
    const published = await log.checkpoint(CHECKPOINT_FILE);
    const witnessed = await log.checkpoint(WITNESSED_CHECKPOINT_FILE).catch(() => undefined);
    const known = witnessed ?? published;
    this.#isRestored = true;
    if (known === undefined) return;
    const round = new CosignedCheckpoint(known, policy);
    if (published !== undefined) round.takeFrom(published);
    for (const [name, { account }] of this.#witnesses)
      if (round.has(name) && account.size < known.size) account.has(known.size);
    if (round.cosignatures.length > 0) this.#round = round;
  }
}
