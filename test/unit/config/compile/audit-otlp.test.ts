/** The collector of the audit log, as far as a configuration can know whether it will do. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair } from '../../../../src/crypto/private-key.js';
import { configurationText, createWorkspace, loaded, problemsOf, type Workspace } from '../workspace.js';

let workspace: Workspace;
const write = (name: string, text: string): void =>
  writeFileSync(join(workspace.directory, name), text, { mode: 0o600 });

beforeEach(() => {
  workspace = createWorkspace();
  write('keys/audit-log.pem', encodePrivateKey(generateKeyPair(new Uint8Array(32).fill(9)), 'pem'));
  write('keys/collector.headers', 'Authorization: Bearer abc\n');
});
afterEach(() => workspace.remove());

const LOG = { directory: 'state/log', origin: 'countersign.example/log', keyFile: 'keys/audit-log.pem' };
const load = (otlp: object, audit: object = { log: LOG }) =>
  workspace.load(configurationText({ audit: { ...audit, otlp } }));
const problems = (otlp: object, audit?: object): string[] =>
  problemsOf(load(otlp, audit)).map(({ path, message }) => `${path} ${message}`);
const ENDPOINT = 'https://collector.example:4318';

describe('the collector', () => {
  it('is a place for logs, and the file of its headers, not what is in it', () => {
    const settings = loaded(load({ endpoint: ENDPOINT, headersFile: 'keys/collector.headers' })).settings;
    expect(settings.audit.otlp).toEqual({
      url: 'https://collector.example:4318/v1/logs',
      headersPath: join(workspace.directory, 'keys/collector.headers'),
      authority: undefined,
      instance: undefined,
      timeoutMilliseconds: 10_000,
    });
  });

  it('may have a path of its own', () => {
    const { audit } = loaded(load({ endpoint: 'http://127.0.0.1:4318/otlp/logs', instance: 'a-1' })).settings;
    expect(audit.otlp).toMatchObject({ url: 'http://127.0.0.1:4318/otlp/logs', instance: 'a-1' });
  });

  it('gets what is in a log, so there has to be one', () => {
    expect(problems({ endpoint: ENDPOINT }, { stdout: true })).toEqual([
      'audit.otlp ships the records of audit.log, and there is none',
    ]);
  });

  it.each(['http://collector.example:4318', 'ftp://x', 'https://u:p@collector.example', 'collector:4318'])(
    'is not %s',
    (endpoint) => expect(problems({ endpoint })).toEqual([expect.stringMatching(/^audit\.otlp\.endpoint /)]),
  );

  it('wants a file of headers that nobody else reads, and that holds headers', () => {
    chmodSync(join(workspace.directory, 'keys/collector.headers'), 0o644);
    const otlp = { endpoint: ENDPOINT, headersFile: 'keys/collector.headers' };
    expect(problems(otlp)).toEqual([expect.stringContaining('other users can get at')]);
    chmodSync(join(workspace.directory, 'keys/collector.headers'), 0o600);
    write('keys/collector.headers', 'token abc\n');
    expect(problems(otlp)).toEqual([expect.stringContaining('has a line that is no header')]);
  });
});
