/** The shape of `keys.rotation`: feedback keys that are made on schedule. */
import { z } from 'zod';
import { filePath, textLike } from './schema-common.js';

/** A whole number and its unit; {@link durationMs} reads it. */
export const duration = textLike(
  /^[1-9][0-9]{0,6}[smhd]$/,
  'must be a whole number and its unit, such as 90s, 15m, 12h or 30d',
);

const UNIT_MILLISECONDS = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds of a text that the schema has let through; any other throws. */
export function durationMs(text: string): number {
  const unit = UNIT_MILLISECONDS.get(text.slice(-1));
  if (unit === undefined) throw new Error(`${text} is no duration`);
  return Number(text.slice(0, -1)) * unit;
}

/** `keys.rotation`. */
export const rotationSchema = z
  .strictObject({
    every: duration.describe(
      'From the first signature of one key to that of the next: `30d`, at most ten years.',
    ),
    announce: duration.describe(
      'How long a key is published before it signs: longer than consumers go on with a keyring that they have. At least `3s`.',
    ),
    overlap: duration.describe(
      'How long a key is published after another one signs: longer than consumers take an answer for, which is 300 s in the field. At least `1s`.',
    ),
    directory: filePath.describe(
      'Where the keys are kept, mode 0700; made where it is missing. For this verifier alone, on a disk of its own machine.',
    ),
  })
  .describe(
    'New feedback keys on schedule, for every signing domain without `activeKid`; the file needs none of its own then.',
  );

/** The section as the file says it. */
export type RotationInput = z.output<typeof rotationSchema>;
