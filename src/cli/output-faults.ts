/**
 * Output that cannot be written. A reader that has seen enough (`| head`) closes the pipe, which is no error of ours. A
 * command whose output was lost otherwise, as on a full disk, has not done what it was asked for. And what cannot be
 * said on standard error is not said: there is nobody left to tell.
 */
import { ExitCode } from './exit-code.js';

/** From now on no error of the standard streams ends the process; what was lost on standard output shows in the exit code. */
export function watchOutput(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return;
    process.stderr.write(
      `countersign: standard output cannot be written: ${message}\n  remedy: make room there\n`,
    );
    process.once('exit', () => (process.exitCode = ExitCode.cannot));
  });
}
