/** `check-config` where keys are elsewhere: in the sets of producers, and in sources. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBase64Url } from '../../../src/crypto/bytes.js';
import { generateKeyPair } from '../../../src/crypto/private-key.js';
import { encodePublicKey, jwkThumbprint, type PublicKey } from '../../../src/crypto/public-key.js';
import { configurationText, identity } from '../config/workspace.js';
import { run } from './test-world.js';

const [pinned, other] = [3, 4].map((byte) => generateKeyPair(new Uint8Array(32).fill(byte)).publicKey) as [
  PublicKey,
  PublicKey,
];
const jwk = (kid: string, { raw }: PublicKey) => ({
  kty: 'OKP',
  crv: 'Ed25519',
  x: encodeBase64Url(raw),
  kid,
});

let directory: string;
let file: string;
let server: Server;
let url: string;
/** The set; undefined for none. */
let published: object | undefined;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-cli-'));
  file = join(directory, 'countersign.yaml');
  server = createServer((_, response) => {
    response.writeHead(published === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(published ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

describe('countersign check-config --fetch-key-sets', () => {
  const sets = () => [{ url: `${url}/keys.json`, thumbprints: [jwkThumbprint(pinned.raw)] }];
  const check = (...args: string[]) => {
    writeFileSync(file, configurationText({ identities: [identity({ keys: [], keySets: sets() })] }));
    return run(['check-config', '--fetch-key-sets', ...args, file]);
  };

  it('says which keys count, and the thumbprints of those that nobody pinned', async () => {
    published = { keys: [jwk('k1', pinned), jwk('k2', other)] };
    const { code, out, err } = await check();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('counts now: k1\n');
    expect(out).toContain(`published, and not pinned: k2 ${jwkThumbprint(other.raw)}\n`);
  });

  it.each([
    ['whose keys nobody pinned', { keys: [jwk('k2', other)] }, 'counts now: NO KEY'],
    ['that is not there', undefined, 'its server answers with 404'],
  ])('ends with 1 at a set %s, and says so last', async (_, set, words) => {
    published = set;
    const { code, out, err } = await check();
    expect({ code, err }).toEqual({
      code: 1,
      err: '1 key set without a key that counts: docs/configuration.md#key-sets\n',
    });
    expect(out).toContain(words);
    expect(await check('--json')).toMatchObject({ code: 1, err: '' });
  });
});

describe('countersign check-config --key-sources', () => {
  it('names source, key and reason where one does not sign, and ends with 1', async () => {
    writeFileSync(join(directory, 'token'), 's.token', { mode: 0o600 });
    const keys = { sources: { transit: { kind: 'vault', url, auth: { tokenFile: 'token' } } } };
    const publicKey = encodePublicKey(pinned, 'base64').trim();
    const feedback = {
      maxAnswerBytes: 2048,
      keys: [{ kid: 'fb', source: 'transit', key: 'feedback', version: 1, publicKey }],
    };
    writeFileSync(file, configurationText({ keys, feedback }));
    published = undefined;
    const { code, out, err } = await run(['check-config', '--key-sources', file]);
    expect({ code, err }).toEqual({
      code: 1,
      err: '1 key with which a source does not sign: docs/keys.md#before-a-key-signs\n',
    });
    expect(out).toMatch(
      /^key source: transit: DOES NOT SIGN with fb: answers 404 to transit\/keys\/feedback: /m,
    );
  });
});
