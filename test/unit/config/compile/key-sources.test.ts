/** What of a key source a reload leaves as it is: which tokens and PINs sign is never taken over by half. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsThatNeedRestart } from '../../../../src/config/restart-settings.js';
import type { Configuration } from '../../../../src/config/settings.js';
import { configurationText, createWorkspace, loaded, type Workspace } from '../workspace.js';

let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
  for (const [name, content] of Object.entries({
    'a.pin': '1234\n',
    'b.pin': '1234\n',
    'a.token': 'hvs.a\n',
  }))
    write(name, content);
  write('b.token', 'hvs.a\n');
  write('module.so', '');
  copyFileSync(join(workspace.directory, 'certs/ca.crt'), join(workspace.directory, 'authority.pem'));
});
afterEach(() => workspace.remove());

const write = (name: string, content: string): void =>
  writeFileSync(join(workspace.directory, name), content, { mode: 0o600 });

const VAULT = {
  kind: 'vault',
  url: 'https://vault.example:8200',
  caFile: 'authority.pem',
  auth: { tokenFile: 'a.token' },
};
const HSM = { kind: 'pkcs11', module: 'module.so', token: 'countersign', pinFile: 'a.pin' };

const load = (vault: object = {}, hsm: object = {}): Configuration =>
  loaded(
    workspace.load(
      configurationText({ keys: { sources: { vault: { ...VAULT, ...vault }, hsm: { ...HSM, ...hsm } } } }),
    ),
  );

test.each<[string, object, object, string[]]>([
  ['nothing', {}, {}, []],
  ['its address', { url: 'https://other.example:8200' }, {}, ['keys.sources.vault']],
  ['its mount', { mount: 'other' }, {}, ['keys.sources.vault']],
  ['its namespace', { namespace: 'team-a' }, {}, ['keys.sources.vault']],
  ['another file of its token', { auth: { tokenFile: 'b.token' } }, {}, ['keys.sources.vault']],
  ['how it is logged in to', { auth: { kubernetes: { role: 'r' } } }, {}, ['keys.sources.vault']],
  ['its patience', { timeoutMilliseconds: 500 }, {}, ['keys.sources.vault']],
  ['its token', {}, { token: 'other' }, ['keys.sources.hsm']],
  ['its environment', {}, { environment: { A: 'b' } }, ['keys.sources.hsm']],
  ['the same PIN in another file', {}, { pinFile: 'b.pin' }, []],
])('of a source %s changes: what needs a restart', (_title, vault, hsm, places) => {
  expect(settingsThatNeedRestart(load(), load(vault, hsm))).toEqual(places);
});

test('another PIN in its file needs a restart, another authority too, and another Vault token does not', () => {
  const before = load();
  write('a.token', 'hvs.b\n');
  expect(settingsThatNeedRestart(before, load())).toEqual([]);
  write('a.pin', '4321\n');
  copyFileSync(join(workspace.directory, 'certs/server.crt'), join(workspace.directory, 'authority.pem'));
  expect(settingsThatNeedRestart(before, load())).toEqual(['keys.sources.vault', 'keys.sources.hsm']);
});
