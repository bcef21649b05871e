/** What a supervisor and its workers tell each other over the channel between them. */
import type { HandOverPart } from '../../config/hand-over.js';
import type { ComponentState } from '../../observability/health.js';

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

/** Asks for what is in the files; loads are numbered from 1, and 0 is what a worker is given to start with. */
export interface LoadRequest {
  readonly kind: 'load';
  readonly load: number;
}

/** What that load gave is in force. */
export interface LoadApplied {
  readonly kind: 'applied';
  readonly load: number;
}

/** A part of what a load gave. */
export interface LoadedPart extends HandOverPart {
  readonly kind: 'part';
  readonly load: number;
}

/** All parts were sent; see `judged-files.ts`. Without any, the load came to no end. */
export interface LoadedWhole {
  readonly kind: 'loaded';
  readonly load: number;
  readonly problems: readonly string[] | undefined;
  readonly generation: number | undefined;
}

export type FromWorker = WorkerState | WorkerAnswer | WorkerSuperseded | LoadRequest | LoadApplied;
export type ToWorker = WorkerQuestion | TakeOver | LoadedPart | LoadedWhole;
