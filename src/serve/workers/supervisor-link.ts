/**
 * A worker's end of the channel to its supervisor, which stands for an admin port and for the files: it tells its
 * health, answers what the admin port of the supervisor shows, and is given its configuration.
 */

import type { PackedPart } from '../../config/packed-configuration.js';
import { workerSocketPaths, type Configuration } from '../../config/settings.js';
import { askPage } from '../../observability/page/page-source.js';
import type { ProcessRole, ProcessView } from '../lifecycle.js';
import type { ConfigurationSource, LoadedFiles } from '../reload/load-files.js';
import type { FromWorker, LoadedWhole, ToWorker, WorkerQuestion } from './messages.js';

/** Also how soon a change of health is told. */
const STATE_MILLISECONDS = 250;
/** How soon it is told that Envoy has opened the first stream here, or closed the last: copies of allows wait by it, or do not. */
const LOOK_MILLISECONDS = 50;

/** Of the worker of this number, counted from 0. Throws when the configuration has no such worker. */
export function workerRole({ settings }: Configuration, worker: number): ProcessRole {
  const socketPath = workerSocketPaths(settings)[worker];
  if (socketPath === undefined) throw new Error(`there is no worker ${worker} of ${settings.workers}`);
  return {
    socketPath,
    number: worker,
    openAdmin: (view) => Promise.resolve(openSupervisorLink(view)),
    mayTakeOver: toldToTakeOver,
    onSuperseded: tellSuperseded,
    isOrphaned: () => !process.connected,
    isToldElsewhere: hearOfOthers(),
  };
}

/** Instead of an admin server. The process has to have been forked by a supervisor. */
export function openSupervisorLink(view: ProcessView): { close(): void } {
  let wasTold = false;
  const tellState = (): void => {
    const { health } = view;
    wasTold = view.isTold?.() ?? false;
    send({ kind: 'state', serving: health.isServing(), components: health.states(), isTold: wasTold });
  };
  const look = setInterval(() => {
    if ((view.isTold?.() ?? false) !== wasTold) tellState();
  }, LOOK_MILLISECONDS);
  const answer = (message: ToWorker): void => {
    if (message.kind !== 'question') return;
    void answerTo(message, view).then((answer) => send({ kind: 'answer', id: message.id, answer }));
  };
  const timer = setInterval(tellState, STATE_MILLISECONDS);
  const unsubscribe = view.health.onChange(tellState);
  process.on('message', answer);
  tellState();
  return {
    close() {
      clearInterval(timer);
      clearInterval(look);
      unsubscribe();
      process.off('message', answer);
    },
  };
}

async function answerTo({ topic, argument }: WorkerQuestion, view: ProcessView): Promise<unknown> {
  switch (topic) {
    case 'metrics':
      return view.registry.getMetricsAsJSON();
    case 'status':
      return view.describe();
    case 'keyring':
      return view.keyring?.(typeof argument === 'string' ? argument : undefined);
    case 'reload':
      return view.reload?.();
    case 'page':
      if (view.page === undefined || typeof argument !== 'object') return undefined;
      return askPage(view.page.source, argument);
  }
}

/** What the supervisor said last of all workers; nobody is told anything any longer once it is gone. */
function hearOfOthers(): () => boolean {
  let isTold = false;
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'told') isTold = message.isTold;
  });
  return () => isTold && process.connected;
}

/** Resolves when the supervisor says so. */
export function toldToTakeOver(): Promise<void> {
  return new Promise((resolve) => {
    const look = ({ kind }: ToWorker): void => {
      if (kind !== 'take_over') return;
      process.off('message', look);
      resolve();
    };
    process.on('message', look);
  });
}

/** So that the supervisor does not replace this worker. */
export function tellSuperseded(): void {
  send({ kind: 'superseded' });
}

/** The configuration as the supervisor loads it: what it found comes over the channel. */
export class SupervisorFiles implements ConfigurationSource {
  readonly #first: Promise<LoadedFiles>;
  #isStarted = false;
  #resolve: (files: LoadedFiles) => void = () => undefined;
  #parts: PackedPart[] = [];

  /** Listens from now on: the supervisor gives the last good configuration without being asked. */
  constructor() {
    this.#first = this.#given();
    process.on('message', (message: ToWorker) => {
      if (message.kind === 'part') this.#parts.push({ bytes: message.bytes, isSecret: message.isSecret });
      else if (message.kind === 'loaded') this.#takeWhole(message);
    });
    process.once('disconnect', () => this.#giveUp());
  }

  /** The first time, what the worker is to start with; then what is in the files. */
  load(): Promise<LoadedFiles> {
    if (!this.#isStarted) {
      this.#isStarted = true;
      return this.#first;
    }
    const answer = this.#given();
    if (process.connected) send({ kind: 'load' });
    else this.#giveUp();
    return answer;
  }

  applied(): void {
    send({ kind: 'applied' });
  }

  #given(): Promise<LoadedFiles> {
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  #takeWhole({ problems, generation }: LoadedWhole): void {
    const parts = this.#parts;
    this.#parts = [];
    this.#resolve({ problems, parts: parts.length === 0 ? undefined : parts, generation });
  }

  #giveUp(): void {
    const problems = ['the supervisor, which loads the configuration, is gone'];
    this.#resolve({ problems, parts: undefined });
  }
}

/** Without a supervisor there is nobody to tell, and the worker is about to stop. */
function send(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
