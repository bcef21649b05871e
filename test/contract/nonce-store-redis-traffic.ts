/**
 * Producers with two verifiers between them and Redis: each nonce goes to both at once, and what gets doubt is sent
 * again with the same bytes, as producers do. Counts who was let in.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { ClaimOutcome, NonceClaim, NonceStore } from '../../src/nonces/nonce-store.js';
import { until } from '../support/until.js';
import { numberedClaim } from './nonce-claims.js';

/** New events of one turn, and how long one lasts. */
const AT_ONCE = 2;
const TURN_MS = 5;
/** After doubt: how long until the next try, and after how many of them a producer drops its event. */
const RETRY_MS = 50;
const TRIES = 20;

interface Event {
  readonly number: number;
  readonly claim: () => NonceClaim;
  wins: number;
  replays: number;
}

export class Traffic {
  static readonly #underWay = new Set<Traffic>();
  readonly #stores: readonly NonceStore[];
  readonly #events: Event[] = [];
  #open = 0;
  #running: Promise<void> | undefined;
  #stopped = false;
  #abandoned = false;
  #claims = 0;
  #lastWinAtMs = 0;
  #lastDecisionAtMs = 0;

  constructor(...stores: readonly NonceStore[]) {
    this.#stores = stores;
  }

  /** Ends what a test that has failed left behind. */
  static async stopAll(): Promise<void> {
    for (const traffic of Traffic.#underWay) {
      traffic.#abandoned = true;
      await traffic.stop();
    }
  }

  start(): void {
    Traffic.#underWay.add(this);
    this.#running = this.#run();
  }

  /** No new events; resolves when none waits any longer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    Traffic.#underWay.delete(this);
  }

  /** Resolves with how many milliseconds it took until an event was let in, from now on. */
  async untilServed(): Promise<number> {
    const sinceMs = performance.now();
    await until('an event is let in', () => this.#lastWinAtMs > sinceMs);
    return this.#lastWinAtMs - sinceMs;
  }

  /** Resolves with how many milliseconds it took until Redis decided a claim, be it for the floor, from now on. */
  async untilDecided(): Promise<number> {
    const sinceMs = performance.now();
    await until('a claim is decided', () => this.#lastDecisionAtMs > sinceMs);
    return this.#lastDecisionAtMs - sinceMs;
  }

  /** Resolves when some were let in. */
  async untilWins(count: number): Promise<void> {
    await until(`${count} events are let in`, () => this.wins() >= count);
  }

  /** How many claims were sent, each of which is judged by `twice`. */
  claims(): number {
    return this.#claims;
  }

  wins(): number {
    return this.#events.filter(({ wins }) => wins > 0).length;
  }

  /** Numbers of the events that were let in more than once. */
  twice(): number[] {
    return this.#events.filter(({ wins }) => wins > 1).map(({ number }) => number);
  }

  /** Numbers of the events that were called replays although nobody was let in with them: lost to their producer. */
  orphans(): number[] {
    return this.#orphans().map(({ number }) => number);
  }

  /**
   * Sends everything once more, to all stores; and what was called a replay of nothing again, as often as a producer
   * would: the claim that it is a replay of may be on its way to be taken back.
   */
  async replayAll(): Promise<void> {
    for (let at = 0; at < this.#events.length; at += 200)
      await Promise.all(this.#events.slice(at, at + 200).map((event) => this.#send(event)));
    for (let tries = 0; tries < TRIES && this.#orphans().length > 0; tries += 1) {
      await pause(RETRY_MS);
      await Promise.all(this.#orphans().map((event) => this.#send(event)));
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      for (let at = 0; at < AT_ONCE; at += 1) void this.#deliver(this.#newEvent());
      await pause(TURN_MS);
    }
    while (this.#open > 0) await pause(TURN_MS);
  }

  async #deliver(event: Event): Promise<void> {
    this.#open += 1;
    for (let tries = 0; tries < TRIES && !this.#abandoned; tries += 1) {
      const outcomes = await this.#send(event);
      if (!outcomes.every(({ kind }) => kind === 'doubt')) break;
      await pause(RETRY_MS);
    }
    this.#open -= 1;
  }

  async #send(event: Event): Promise<ClaimOutcome[]> {
    const outcomes = await Promise.all(this.#stores.map(async (store) => store.claim(event.claim())));
    this.#claims += outcomes.length;
    for (const outcome of outcomes) {
      if (outcome.kind === 'claimed') event.wins += 1;
      if (outcome.kind === 'replayed') event.replays += 1;
      if (outcome.kind === 'claimed') this.#lastWinAtMs = performance.now();
      if (outcome.kind !== 'doubt' || outcome.reason === 'below_floor')
        this.#lastDecisionAtMs = performance.now();
    }
    return outcomes;
  }

  #orphans(): Event[] {
    return this.#events.filter(({ wins, replays }) => wins === 0 && replays > 0);
  }

  #newEvent(): Event {
    const number = this.#events.length;
    const timestampSeconds = Math.floor(Date.now() / 1000);
    const claim = (): NonceClaim =>
      numberedClaim(number, {
        timestampSeconds,
        futureSkewSeconds: 0,
        requestId: `request-${number}-${Math.random().toString(36).slice(2)}`,
      });
    const event: Event = { number, claim, wins: 0, replays: 0 };
    this.#events.push(event);
    return event;
  }
}
