/** Which start of the kernel this is: what was written without waiting for the disk is whole within one of them. */
import { existsSync, readFileSync } from 'node:fs';

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const BOOT_ID = /^[0-9a-f-]{1,64}$/;

/** Undefined where the system has none: then nothing tells a machine restart, and every write waits for the disk. */
export function readBootId(): string | undefined {
  const bootId = existsSync(BOOT_ID_FILE) ? readFileSync(BOOT_ID_FILE, 'latin1').trim() : '';
  return BOOT_ID.test(bootId) ? bootId : undefined;
}
