/** What the person at the terminal sees: one line a step, with its duration. */

/** Where lines go; `note` tells what a step is waiting for. */
export interface Progress {
  say(line: string): void;
  /** Runs a step and says how long it took, or that it failed. */
  step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
}

/** Green and red on a terminal, and plain everywhere else. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  faint(text: string): string;
}

const plain = (text: string): string => text;
const coloured =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;

/** Colours if `stream` is a terminal that wants them (`NO_COLOR` is heeded). */
export function paintFor(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): Paint {
  const wanted = stream.isTTY === true && (environment['NO_COLOR'] ?? '') === '';
  return wanted
    ? { good: coloured(32), bad: coloured(31), faint: coloured(2) }
    : { good: plain, bad: plain, faint: plain };
}

/** A step that takes longer than this says every so often what it is waiting for. */
const NOTE_EVERY_MILLISECONDS = 5_000;

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Progress as lines of text. */
export function lineProgress(write: (line: string) => void, paint: Paint): Progress {
  return {
    say: write,
    async step(title, work) {
      const started = performance.now();
      let latest = '';
      const still = (): void => write(paint.faint(`  … ${title}: ${latest === '' ? 'working' : latest}`));
      const timer = setInterval(still, NOTE_EVERY_MILLISECONDS);
      try {
        const result = await work((text) => (latest = text));
        write(`${paint.good('✓')} ${title} ${paint.faint(`(${seconds(started)})`)}`);
        return result;
      } catch (error) {
        write(`${paint.bad('✗')} ${title} ${paint.faint(`(${seconds(started)})`)}`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/** For tests and other programs: nothing is shown. */
export const silentProgress: Progress = {
  say: () => undefined,
  step: (_title, work) => work(() => undefined),
};
