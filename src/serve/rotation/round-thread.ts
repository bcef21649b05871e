/** A round of a rotation in a thread of its own. If the thread dies or takes too long, that is a round that failed. */
import { Worker } from 'node:worker_threads';
import type { DomainOutcome } from '../../keys/rotation/round.js';
import type { RotatedDomains } from '../reload/load-files.js';

/** The domains that are looked at; a subset of those that there are. */
export type RoundQuestion = RotatedDomains;

/** Makes a round. Never rejects; gives an outcome for each domain that was asked about. */
export type MakeRound = (question: RoundQuestion) => Promise<readonly DomainOutcome[]>;

const THREAD_MAIN = new URL('round-thread-main.js', import.meta.url);
/** Ten thousand domains that all get their first key take minutes. */
const DEADLINE_MILLISECONDS = 600_000;

/** Makes a round in a thread. */
export const roundInThread: MakeRound = async (question) => {
  // On a machine without room for a thread Node throws.
  const outcome = await askThread(question).catch(
    (error: unknown) => `a round of the rotation cannot begin: ${String(error)}`,
  );
  if (typeof outcome !== 'string') return outcome;
  return question.domains.map(({ tenant }) => ({ tenant, kind: 'failed', reason: outcome }));
};

function askThread(workerData: RoundQuestion): Promise<readonly DomainOutcome[] | string> {
  return new Promise((resolve) => {
    const thread = new Worker(THREAD_MAIN, { workerData, name: 'key rotation' });
    const deadline = setTimeout(() => {
      resolve(`a round of the rotation takes longer than ${DEADLINE_MILLISECONDS / 1000} s`);
      void thread.terminate();
    }, DEADLINE_MILLISECONDS).unref();
    thread.once('message', (outcomes: readonly DomainOutcome[]) => resolve(outcomes));
    thread.once('error', (error) => resolve(`a round of the rotation failed by a defect: ${error.message}`));
    thread.once('exit', () => {
      clearTimeout(deadline);
      resolve('the thread of the rotation ended without an answer');
    });
  });
}
