/** What a supervisor and its workers tell each other over the channel between them. */
import type { ComponentState } from '../observability/health.js';

/** A worker's health, told when it changes and several times a second besides: it is a sign of life. */
export interface WorkerState {
  readonly kind: 'state';
  readonly serving: boolean;
  readonly components: readonly ComponentState[];
}

/** What can be asked: metrics as prom-client's JSON, the facts of `/status`, a key set, to reload. */
export type WorkerTopic = 'metrics' | 'status' | 'keyring' | 'reload';

/** A question of the supervisor; `tenant` goes with `keyring`. */
export interface WorkerQuestion {
  readonly kind: 'question';
  readonly id: number;
  readonly topic: WorkerTopic;
  readonly tenant: string | undefined;
}

/** Its answer. */
export interface WorkerAnswer {
  readonly kind: 'answer';
  readonly id: number;
  readonly answer: unknown;
}

/** A successor has taken the worker's socket: it drains and ends, and nobody comes in its place. */
export interface WorkerSuperseded {
  readonly kind: 'superseded';
}

/** The order to take the socket from whoever has it. */
export interface TakeOver {
  readonly kind: 'take_over';
}

export type FromWorker = WorkerState | WorkerAnswer | WorkerSuperseded;
export type ToWorker = WorkerQuestion | TakeOver;
