/** `countersign audit vkey`: the verifier key of a configuration's log. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair } from '../../../src/crypto/private-key.js';
import { parseVerifierKey, verifierKeyText } from '../../../src/tlog/note.js';
import { configurationText, createWorkspace, type Workspace } from '../config/workspace.js';
import { run } from './test-world.js';

const pair = generateKeyPair(new Uint8Array(32).fill(9));
let workspace: Workspace;

function write(origin: string): string {
  const file = join(workspace.directory, 'countersign.yaml');
  const log = { directory: 'log', origin, keyFile: 'audit.pem' };
  writeFileSync(file, configurationText({ audit: { log } }));
  return file;
}

beforeEach(() => {
  workspace = createWorkspace();
  const keyFile = join(workspace.directory, 'audit.pem');
  writeFileSync(keyFile, encodePrivateKey(pair, 'pem'), { mode: 0o600 });
});
afterEach(() => workspace.remove());

test('prints one line that is a verifier key', async () => {
  const { out, code } = await run(['audit', 'vkey', '--config', write('countersign.example/a')]);
  expect(code).toBe(0);
  expect(out).toMatch(/^countersign\.example\/a\+[0-9a-f]{8}\+\S+\n$/);
  expect(parseVerifierKey(out).key.fingerprint).toBe(pair.publicKey.fingerprint);
});

test('takes the name from the log where that has made its own part of it', async () => {
  const file = write('countersign.example/{instance}');
  const early = await run(['audit', 'vkey', file]);
  expect([early.code, early.err]).toEqual([3, expect.stringContaining('start the verifier once')]);
  mkdirSync(join(workspace.directory, 'log'));
  const origin = 'countersign.example/0123abcd';
  const signature = `— ${origin} ${Buffer.alloc(68).toString('base64')}\n`;
  const note = `${origin}\n0\n${Buffer.alloc(32).toString('base64')}\n\n${signature}`;
  writeFileSync(join(workspace.directory, 'log/checkpoint'), note);
  const { out } = await run(['audit', 'vkey', file]);
  expect(out).toBe(`${verifierKeyText(origin, pair.publicKey.raw)}\n`);
  writeFileSync(join(workspace.directory, 'log/checkpoint'), 'nothing\n');
  expect((await run(['audit', 'vkey', file])).err).toContain('countersign audit verify');
});

test('says that there is none', async () => {
  writeFileSync(join(workspace.directory, 'countersign.yaml'), configurationText());
  const { err, code } = await run(['audit', 'vkey', join(workspace.directory, 'countersign.yaml')]);
  expect([code, err]).toEqual([3, expect.stringContaining('has no audit.log')]);
});
