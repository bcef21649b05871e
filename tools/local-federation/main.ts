/** `node main.js up | down | smoke`, as the Makefile calls it. Exit: 0 all well, 1 not, 2 wrong usage. */
import { down } from './down.js';
import { FederationFault } from './fault.js';
import { stateDirectoryFrom, switchesFrom } from './options.js';
import { lineProgress, paintFor } from './progress.js';
import { smoke } from './smoke.js';
import { up } from './up.js';

const paint = paintFor(process.stdout, process.env);
const write = (line: string): void => void process.stdout.write(`${line}\n`);

async function run(command: string | undefined): Promise<number> {
  switch (command) {
    case 'up':
      await up(switchesFrom(process.env), lineProgress(write, paint), paint);
      return 0;
    case 'down':
      await down(stateDirectoryFrom(process.env), lineProgress(write, paint));
      return 0;
    case 'smoke':
      await smoke(switchesFrom(process.env), write, new Date());
      return 0;
    default:
      process.stderr.write('usage: main.js up | down | smoke\n');
      return 2;
  }
}

// What is started goes on, also when nobody reads about it any more (`| head`).
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.exitCode = await run(process.argv[2]).catch((error: unknown) => {
  if (!(error instanceof FederationFault)) throw error;
  process.stderr.write(`${paint.bad('error:')} ${error.message}\nremedy: ${error.remedy}\n`);
  return 1;
});
