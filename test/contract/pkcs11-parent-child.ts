/** A process with a source of a token, which prints the id of the module's process, and signs until it is killed. */
import { writeSync } from 'node:fs';
import { openPkcs11Source } from '../../src/keys/pkcs11/source.js';
import type { Pkcs11Settings } from '../../src/keys/settings.js';

/** The JSON argument. */
export interface ParentTask {
  readonly settings: Omit<Pkcs11Settings, 'pin'>;
  readonly pin: string;
  readonly processMain: string;
  readonly key: string;
}

const { settings, pin, processMain, key } = JSON.parse(process.argv[2] ?? '') as ParentTask;
const source = await openPkcs11Source({ ...settings, pin: () => pin }, { processMain });
const sign = () => source.sign({ source: settings.name, key, version: undefined }, Buffer.from('signed'));
const first = await sign();
writeSync(1, `${first.ok ? source.processId : first.reason}\n`);
for (;;) await sign();
