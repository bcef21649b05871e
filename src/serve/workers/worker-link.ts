/** A worker's end of the channel: it tells its health and answers what the admin port of the supervisor shows. */
import type { Registry } from 'prom-client';
import type { AdminView } from '../../observability/admin-server.js';
import type { FromWorker, ToWorker, WorkerQuestion } from './worker-messages.js';

/** Also how soon a change of health is told. */
const STATE_MILLISECONDS = 250;

/** What a worker shows: its own registry, which is merged with the others. */
export type WorkerView = AdminView & { readonly registry: Registry };

/** In the place of an admin server. The process has to have been forked by a supervisor. */
export function openWorkerLink(view: WorkerView): { close(): void } {
  const tellState = (): void => {
    const { health } = view;
    send({ kind: 'state', serving: health.isServing(), components: health.states() });
  };
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
      unsubscribe();
      process.off('message', answer);
    },
  };
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

/** So that the supervisor puts nobody in this worker's place. */
export function tellSuperseded(): void {
  send({ kind: 'superseded' });
}

async function answerTo({ topic, tenant }: WorkerQuestion, view: WorkerView): Promise<unknown> {
  switch (topic) {
    case 'metrics':
      return view.registry.getMetricsAsJSON();
    case 'status':
      return view.describe();
    case 'keyring':
      return view.keyring?.(tenant);
    case 'reload':
      return view.reload?.();
  }
}

/** Without a supervisor there is nobody to tell, and the worker is about to stop. */
function send(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
