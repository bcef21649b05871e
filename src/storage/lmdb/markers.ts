/**
 * Numbers that outlive the journal, kept as names of empty files (`floor-1764000030`): a name is there or not
 * there after a crash, never half written, and two processes that write different ones lose neither.
 */
import { closeSync, fsyncSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const MARKER = /^(floor|future-skew)-([0-9]{1,12})$/;

/** `floor`: Unix seconds. `future-skew`: seconds, the furthest that any process sharing the directory lets in. */
export type MarkerName = 'floor' | 'future-skew';

/** The greatest number under that name; 0 when there is none. */
export function readMarker(directory: string, name: MarkerName): number {
  return Math.max(0, ...markersNamed(directory, name));
}

/** Puts the number on the disk; greater ones stay and count. */
export function raiseMarker(directory: string, name: MarkerName, value: number): void {
  if (markersNamed(directory, name).includes(value)) return;
  closeSync(openSync(join(directory, `${name}-${value}`), 'a', 0o600));
  syncDirectory(directory);
  for (const lower of markersNamed(directory, name)) {
    if (lower < value) rmSync(join(directory, `${name}-${lower}`), { force: true });
  }
}

/** Leaves this number alone under the name, even where a greater one was. */
export function resetMarker(directory: string, name: MarkerName, value: number): void {
  raiseMarker(directory, name, value);
  for (const other of markersNamed(directory, name)) {
    if (other !== value) rmSync(join(directory, `${name}-${other}`), { force: true });
  }
}

function markersNamed(directory: string, name: MarkerName): number[] {
  return readdirSync(directory).flatMap((file) => {
    const [, kind, digits] = MARKER.exec(file) ?? [];
    return kind === name ? [Number(digits)] : [];
  });
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
