/** What a log says of its own pruning: a record of it, which is verified like every other, names the minimum index. */
import { memberOf } from '../../json/member-of.js';
import { decodeEntries } from '../../tlog/entries.js';

const PRUNED = Buffer.from('"audit.pruned"');

/** The highest minimum index that records of the log state, which were verified. */
export class StatedPruning {
  minimumIndex: number;

  constructor(minimumIndex: number) {
    this.minimumIndex = minimumIndex;
  }

  /** Takes a bundle that was verified. */
  read(bundle: Buffer): void {
    if (!bundle.includes(PRUNED)) return;
    for (const record of decodeBundle(bundle)) {
      if (!record.includes(PRUNED)) continue;
      const stated = statedIndex(record);
      if (stated !== undefined) this.minimumIndex = Math.max(this.minimumIndex, stated);
    }
  }
}

/** All of its records, however many. */
function decodeBundle(bundle: Buffer): Buffer[] {
  let count = 0;
  for (let at = 0; at + 2 <= bundle.length; at += 2 + bundle.readUInt16BE(at)) count += 1;
  return decodeEntries(bundle, count);
}

function statedIndex(record: Buffer): number | undefined {
  try {
    const value: unknown = JSON.parse(record.toString('utf8'));
    const index = memberOf(value, 'minimum_index');
    const isStated = memberOf(value, 'event') === 'audit.pruned' && Number.isSafeInteger(index);
    return isStated ? (index as number) : undefined;
  } catch {
    return undefined;
  }
}
