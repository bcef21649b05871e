/** The thread that loads and judges configurations: it answers every question with what is in the files. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { loadConfiguration } from '../../config/load.js';
import { PublicKeyCache } from '../../config/compile/public-key-cache.js';
import { selectSigner } from '../../crypto/signing.js';
import { fingerprintsOf } from '../../feedback/feedback-settings.js';
import { loadFiles } from './load-files.js';
import type { LoadAnswer, LoadQuestion, LoadThreadData } from './load-thread.js';

/** The loop that serves comes first, and so does Envoy. */
const NICENESS = 5;

const port = parentPort;
if (port === null) throw new Error('this is the thread of a verifier that loads its configuration');
const { file, judged } = workerData as LoadThreadData;
const publicKeys = new PublicKeyCache(judged);
const signer = selectSigner();

port.on('message', (question: LoadQuestion) => {
  void answer(question).then((found) => {
    const buffers = (found.files.parts ?? []).map(({ bytes }) => bytes.buffer as ArrayBuffer);
    port.postMessage(found, buffers);
  });
});

async function answer({ tested, whileServing }: LoadQuestion): Promise<LoadAnswer> {
  // On Linux a niceness is a thread's own.
  if (whileServing && process.platform === 'linux') setPriority(NICENESS);
  let fingerprints: readonly string[] = [];
  const files = await loadFiles({
    load: () => {
      const result = loadConfiguration(file, {
        generation: 0,
        nowMs: Date.now(),
        publicKeys,
        isForServing: true,
      });
      const feedback = result.ok ? result.configuration.snapshot.feedback : undefined;
      if (feedback !== undefined) fingerprints = fingerprintsOf(feedback);
      return result;
    },
    signer,
    tested: tested && new Set(tested),
  });
  return { files, tested: fingerprints, judged: publicKeys.judgedKeys() };
}
