/** What companions that hold the log share: how they read what they prove themselves by, tell of their faults, and end. */
import { performance } from 'node:perf_hooks';
import type { CompanionContext } from '../../audit/log/companion.js';
import type { HolderStatus } from '../../audit/holders/holder-status.js';
import { readSecretFile } from '../../config/files/private-key-file.js';

/** Says in the process's log what has changed about a holder. `whose` begins the sentence. */
export function reportOf(whose: string, context: CompanionContext): (status: HolderStatus) => void {
  return ({ name, size, fault, isConflict }) => {
    if (fault === undefined) context.report('info', `${whose} has the audit log again`, { name, size });
    else if (isConflict)
      context.report(
        'error',
        `${whose} has something else under the name of this audit log: somebody may have restored, forked or forged it`,
        { name, size, fault },
      );
    else context.report('warn', `${whose} of the audit log is behind`, { name, size, fault });
  };
}

/** Delivers what is left until the deadline (monotonic, milliseconds), and then cuts it off. */
export async function finishBy(
  deadlineMs: number,
  { finish, close }: { readonly finish: () => Promise<void>; readonly close: () => Promise<void> },
): Promise<void> {
  let cut: Promise<void> | undefined;
  const timer = setTimeout(
    () => {
      cut = close();
    },
    Math.max(0, deadlineMs - performance.now()),
  );
  await finish();
  clearTimeout(timer);
  await (cut ?? close());
}

/**
 * What is in a secret file, read again for each use; its bytes are wiped. Throws a sentence that shows nothing of it: `fault`
 * where `parse` makes nothing of it.
 */
export function secretIn<T>(path: string, parse: (text: string) => T | undefined, fault: string): T {
  const read = readSecretFile(path);
  if (!read.ok) throw new Error(`cannot be asked: the file ${path} ${read.message}; ${read.remedy}`);
  const parsed = parse(read.bytes.toString('latin1'));
  read.bytes.fill(0);
  if (parsed === undefined) throw new Error(`cannot be asked: the file ${path} ${fault}`);
  return parsed;
}
