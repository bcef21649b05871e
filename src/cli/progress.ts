/** A bar for what takes long: on a terminal alone, on standard error, and gone when the command is done. */
import type { CliWorld } from './command.js';

const BAR_CHARACTERS = 30;
/** Nobody reads faster, and a terminal may be slow. */
const LOOK_MILLISECONDS = 100;

/** Draws how far something has come. */
export class ProgressBar {
  readonly #world: CliWorld;
  readonly #what: string;
  readonly #total: number;
  readonly #startMs: number;
  #drawnMs = 0;

  /** `what` in a few words of ours, such as `building the index`; `total` in the units of `update`. */
  constructor(world: CliWorld, what: string, total: number) {
    this.#world = world;
    this.#what = what;
    this.#total = total;
    this.#startMs = world.nowMs();
  }

  /** May be called for each little step: it draws ten times a second at most. */
  update(done: number): void {
    const nowMs = this.#world.nowMs();
    if (!this.#world.isTerminal || nowMs - this.#drawnMs < LOOK_MILLISECONDS) return;
    this.#drawnMs = nowMs;
    const part = this.#total === 0 ? 1 : Math.min(1, done / this.#total);
    const bar = '#'.repeat(Math.round(part * BAR_CHARACTERS)).padEnd(BAR_CHARACTERS, '.');
    const left = part > 0 ? `, ${seconds(((nowMs - this.#startMs) * (1 - part)) / part)} left` : '';
    this.#world.err(`\r${this.#what} [${bar}] ${Math.floor(part * 100)} %${left}\u001b[K`);
  }

  /** Takes the bar away. */
  finish(): void {
    if (this.#drawnMs > 0) this.#world.err('\r\u001b[K');
    this.#drawnMs = 0;
  }
}

function seconds(milliseconds: number): string {
  const whole = Math.ceil(milliseconds / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
