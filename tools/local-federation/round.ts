/** The demonstration with its table and its verdict, as both `up` and `smoke` show it. */
import type { ReachableFederation } from './attach.js';
import { demonstrate } from './demonstration/demonstration.js';
import { loopLines, tableLines } from './demonstration/table.js';
import { FederationFault } from './fault.js';
import { fromRoot } from './layout.js';
import { wasStarted } from './processes.js';
import type { Paint, Progress } from './progress.js';

/** Sends everything, prints the table and throws a fault when a row is not as it must be. */
export async function showRound(
  federation: ReachableFederation,
  progress: Progress,
  paint: Paint,
): Promise<void> {
  const { layout } = federation;
  const referenceUpstream = wasStarted(layout, 'upstream');
  const { requests, loop } = await progress.step('requests sent', () =>
    demonstrate({ federation, referenceUpstream, say: (line) => progress.say(line) }),
  );
  for (const lines of [tableLines(requests, paint), loop.length === 0 ? [] : loopLines(loop, paint)]) {
    progress.say('');
    for (const line of lines) progress.say(`  ${line}`);
  }
  progress.say('');
  if (!referenceUpstream) {
    progress.say('  Only what your application never sees was sent: what it would answer is not known here.');
    progress.say('');
  }
  const rows = [...requests, ...loop];
  const wrong = rows.filter((row) => !row.asExpected);
  if (wrong.length > 0) {
    throw new FederationFault(
      `${wrong.length} of ${rows.length} rows did not end as they must`,
      `look at ${fromRoot(layout, layout.audit)}/decisions.ndjson and ${fromRoot(layout, layout.run)}/*.log`,
    );
  }
}
