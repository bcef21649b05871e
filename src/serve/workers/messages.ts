/** What a supervisor and its workers tell each other over the channel between them. */
import type { PackedPart } from '../../config/packed-configuration.js';
import type { ComponentState } from '../../observability/health.js';
import type { PageQuestion } from '../../observability/page/page-source.js';

/** A worker's health, told when it changes and several times a second besides: it is a sign of life. */
export interface WorkerState {
  readonly kind: 'state';
  readonly serving: boolean;
  readonly components: readonly ComponentState[];
  /** Whether Envoy tells it what becomes of allows. Default: it does not. */
  readonly isTold?: boolean;
}

/** What can be asked: metrics as prom-client's JSON, the facts of `/status`, a key set, to reload, what the page shows. */
export type WorkerTopic = 'metrics' | 'status' | 'keyring' | 'reload' | 'page';

/** What goes with a topic: a tenant with `keyring`, a question with `page`. */
export type TopicArgument = string | PageQuestion;

/** A question of the supervisor. */
export interface WorkerQuestion {
  readonly kind: 'question';
  readonly id: number;
  readonly topic: WorkerTopic;
  readonly argument: TopicArgument | undefined;
}

export type FromWorker =
  | WorkerState
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  /** A successor has taken the worker's socket: it drains and ends, and is not replaced. */
  | { readonly kind: 'superseded' }
  /** Asks for what is in the files. One load at a time. */
  | { readonly kind: 'load' }
  /** What was given last is in force. */
  | { readonly kind: 'applied' };

/** A part of what a load gave. All of them are sent before the next load's. */
interface LoadedPart extends PackedPart {
  readonly kind: 'part';
}

/** All parts were sent; see `load-files.ts`. Without any, the load came to no end. */
export interface LoadedWhole {
  readonly kind: 'loaded';
  readonly problems: readonly string[] | undefined;
  readonly generation: number | undefined;
}

/** The first `loaded` is what the worker is to start with, unasked; the others answer its `load`. */
export type ToWorker =
  | WorkerQuestion
  | LoadedPart
  | LoadedWhole
  /** Whether Envoy tells any worker what becomes of allows, those of the others too. */
  | { readonly kind: 'told'; readonly isTold: boolean }
  /** The order to take the socket from whoever has it. */
  | { readonly kind: 'take_over' };
