/** How companions that hold the log tell of their faults, and how they end. */
import { performance } from 'node:perf_hooks';
import type { CompanionContext } from '../../audit/log/companion.js';
import type { HolderStatus } from '../../audit/holders/holder-status.js';

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
