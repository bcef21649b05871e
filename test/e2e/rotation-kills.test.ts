/**
 * `rotate-key` and `pki renew` that are killed (SIGKILL) before each step that writes, and that find the disk full at each of
 * them: what is there is the old state whole or the new one whole, and running the command again ends it.
 */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../../src/config/load.js';
import { encodePrivateKey, generateKeyPair } from '../../src/crypto/private-key.js';
import { encodePublicKey } from '../../src/crypto/public-key.js';
import { run } from '../unit/cli/test-world.js';
import { beginningWithFeedback } from '../support/feedback-configuration.js';
import { COUNTERSIGN } from './support/command.js';

const TENANT = '11111111-1111-4111-8111-111111111111';
/** More than any of the commands makes. */
const MOST_STEPS = 80;

/** Loaded before the command: its nth step that writes does not take place. */
const HOOK = `
const fs = require('node:fs');
let left = Number(process.env.STEPS);
for (const name of ['openSync', 'writeFileSync', 'writeSync', 'fsyncSync', 'renameSync', 'symlinkSync', 'unlinkSync', 'rmSync', 'mkdirSync', 'mkdtempSync']) {
  const real = fs[name];
  fs[name] = (...args) => {
    const reads = name === 'openSync' && (args[1] === undefined || args[1] === 'r' || (typeof args[1] === 'number' && (args[1] & 3) === 0));
    if (reads || left-- !== 0) return real(...args);
    if (process.env.FAULT === 'kill') process.kill(process.pid, 'SIGKILL');
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', errno: -28, syscall: name });
  };
}
require('node:module').syncBuiltinESMExports();
`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-steps-'));
  writeFileSync(at('hook.cjs'), HOOK);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const later = (...args: string[]) => run(args, { nowMs: Date.now() });

/** True when the command came to its end before that step. */
function stopped(fault: string, steps: number, args: readonly string[]): boolean {
  const { status, signal } = spawnSync(
    process.execPath,
    ['--require', at('hook.cjs'), COUNTERSIGN, ...args],
    {
      env: { ...process.env, STEPS: String(steps), FAULT: fault },
      stdio: 'ignore',
    },
  );
  if (status === 0) return true;
  if (fault === 'kill') expect(signal).toBe('SIGKILL');
  else expect([1, 3]).toContain(status);
  return false;
}

/** What a killed one left counts as its own for a minute. */
function age(folder: string): void {
  const old = new Date(Date.now() - 120_000);
  for (const name of readdirSync(folder))
    if (name.endsWith('.yaml.new') || name.endsWith('.crt.new')) utimesSync(join(folder, name), old, old);
}

test.each(['kill', 'full'])(
  'rotate-key, %s: the configuration is the old one or the new one, and loads',
  async (fault) => {
    const file = at('countersign.yaml');
    const pair = (byte: number) => generateKeyPair(new Uint8Array(32).fill(byte));
    writeFileSync(at('fb.key'), encodePrivateKey(pair(0xfb), 'pem'), { mode: 0o600 });
    const publicKey = encodePublicKey(pair(0xfa).publicKey, 'base64').trim();
    const text = `${beginningWithFeedback(TENANT, publicKey)}feedback:
  keys: [{ kid: fb, privateKeyFile: fb.key }]
`;
    const seen = new Set<boolean>();
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      writeFileSync(file, text);
      const isDone = stopped(fault, steps, ['rotate-key', file, '--feedback']);
      const isOld = readFileSync(file, 'utf8') === text;
      seen.add(isOld);
      const loaded = loadConfiguration(file, { generation: 1, nowMs: Date.now() });
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      expect(loaded.configuration.snapshot.feedback?.defaultDomain.keys.length).toBe(isOld ? 1 : 2);
      if (isDone) break;
      age(directory);
      if (isOld) expect(await later('rotate-key', file, '--feedback')).toMatchObject({ code: 0, err: '' });
    }
    expect([...seen]).toEqual([true, false]);
  },
  240_000,
);

test.each([
  ['kill', 1],
  ['full', 3],
])(
  'pki renew, %s: certificate and key belong together, the old ones or the new ones',
  async (fault, stride) => {
    const certificates = at('certs');
    await later('pki', 'init', certificates, '--name', 'gateway.internal');
    const serial = (): string => {
      const certificate = new X509Certificate(readFileSync(join(certificates, 'server.crt')));
      const key = createPrivateKey(readFileSync(join(certificates, 'server.key')));
      expect(certificate.checkPrivateKey(key)).toBe(true);
      return certificate.serialNumber;
    };
    const first = serial();
    for (let steps = 0; steps < MOST_STEPS; steps += stride) {
      const before = serial();
      const isDone = stopped(fault, steps, ['pki', 'renew', certificates, 'server', '--new-key']);
      const isNew = serial() !== before;
      if (isDone) expect(isNew).toBe(true);
      if (isDone) break;
    }
    expect(serial()).not.toBe(first);
    expect(await later('pki', 'renew', certificates, 'server', '--new-key')).toMatchObject({ code: 0 });
    serial();
    expect(readdirSync(join(certificates, '.server.pairs'))).toHaveLength(2);
  },
  240_000,
);
