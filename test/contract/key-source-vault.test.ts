/** The source of keys in Vault, over its real Transit engine: keys, versions, and what it refuses. */
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../../src/keys/vault/limits.js';
import { VaultServer } from '../support/keys/vault-server.js';
import {
  bytesOf,
  expectSigned,
  faulty,
  keyOf,
  giveToken,
  startVault,
  type VaultWorld,
} from '../support/keys/vault-world.js';
import { until } from '../support/until.js';
import { makeTlsFiles } from '../unit/client/tls-files.js';

const TEXT = Buffer.from('an answer to be signed');

let server: VaultServer;
let world: VaultWorld;
let token: string;

beforeAll(async () => {
  ({ server, world } = await startVault());
});
beforeEach(async () => {
  token = await giveToken({ server, world }, ['feedback', 'gone', 'deleted', 'typed', 'derived', 'pinned']);
});
afterEach(() => world.closeSources());
afterAll(async () => {
  await server.stop();
  world.remove();
});

const open = (others = {}) => world.open(server.url, others);

describe('a key that is well', () => {
  it('signs, and its public half is the one of the version', async () => {
    const source = open();
    await expectSigned(source, keyOf('feedback'));
    expect(Buffer.from(bytesOf(await source.publicKey(keyOf('feedback'))))).toEqual(
      await server.publicKey('feedback', 1),
    );
  });

  it.each([0, 1, 65_537, DEFAULT_MAX_MESSAGE_BYTES])('signs a message of %d bytes', async (length) => {
    await expectSigned(open(), keyOf('feedback'), Buffer.alloc(length, 0xfb));
  });

  it('signs the bytes of a view, and not those around it', async () => {
    await expectSigned(open(), keyOf('feedback'), new Uint8Array(new ArrayBuffer(100), 10, 20).fill(3));
  });

  it('signs two hundred at once', async () => {
    const source = open();
    await Promise.all(
      Array.from({ length: 200 }, (_, at) => expectSigned(source, keyOf('feedback'), Buffer.from([at]))),
    );
  });

  it('stays with its version, whatever is done to the key', async () => {
    await server.makeKey('pinned');
    const source = open();
    const before = bytesOf(await source.sign(keyOf('pinned'), TEXT));
    await server.rotate('pinned');
    await server.rotate('pinned');
    expect(bytesOf(await source.sign(keyOf('pinned'), TEXT))).toEqual(before);
    await expectSigned(source, keyOf('pinned', 3));
    expect(bytesOf(await source.publicKey(keyOf('pinned', 3)))).not.toEqual(
      bytesOf(await source.publicKey(keyOf('pinned'))),
    );
  });

  it('may be in a namespace, where another key has its name', async () => {
    const publicKey = await server.makeKey('feedback', 'team/a');
    await server.grant('hvs.of-team-a', { keys: ['feedback'], namespace: 'team/a' });
    world.write(world.tokenPath, 'hvs.of-team-a');
    const source = open({ namespace: 'team/a' });
    await expectSigned(source, keyOf('feedback'));
    expect(Buffer.from(bytesOf(await source.publicKey(keyOf('feedback'))))).toEqual(publicKey);
    expect(await open({ namespace: 'team/b' }).sign(keyOf('feedback'), TEXT)).toEqual(
      faulty('refused', /403/),
    );
  });
});

describe('what Vault refuses', () => {
  it('a version that is not there yet, is closed, or was taken away', async () => {
    await server.makeKey('gone');
    const source = open();
    expect(await source.sign(keyOf('gone', 2), TEXT)).toEqual(faulty('refused', /not there yet/));
    expect(await source.publicKey(keyOf('gone', 2))).toEqual(faulty('refused', /has no version 2/));
    await server.rotate('gone');
    await expectSigned(source, keyOf('gone', 2));
    await server.operate('keys/gone/config', { min_encryption_version: 2 });
    expect(await source.sign(keyOf('gone', 1), TEXT)).toEqual(faulty('refused', /min_encryption_version/));
    await server.operate('keys/gone/config', { min_decryption_version: 2 });
    await server.operate('keys/gone/trim', { min_available_version: 2 });
    expect(await source.sign(keyOf('gone', 1), TEXT)).toEqual(faulty('refused', /min_encryption_version/));
    expect(await source.publicKey(keyOf('gone', 1))).toEqual(faulty('refused', /or not any more/));
    await expectSigned(source, keyOf('gone', 2));
  });

  it('a version below the one for verification, and a key that was deleted', async () => {
    await server.makeKey('deleted');
    await server.rotate('deleted');
    const source = open();
    await server.operate('keys/deleted/config', {
      min_encryption_version: 0,
      min_decryption_version: 2,
      deletion_allowed: true,
    });
    expect(await source.sign(keyOf('deleted', 1), TEXT)).toEqual(faulty('refused', /min_decryption_version/));
    await server.operate('keys/deleted', {}, { method: 'DELETE' });
    expect(await source.sign(keyOf('deleted', 2), TEXT)).toEqual(faulty('refused', /no such key/));
    expect(await source.publicKey(keyOf('deleted', 2))).toEqual(faulty('refused', /404/));
  });

  it('keys of other types, and derived ones', async () => {
    await server.operate('keys/typed', { type: 'ecdsa-p256' });
    await server.operate('keys/derived', { type: 'ed25519', derived: true });
    const source = open();
    expect(await source.sign(keyOf('typed'), TEXT)).toEqual(faulty('refused', /something else/));
    expect(await source.publicKey(keyOf('typed'))).toEqual(faulty('refused', /another type/));
    expect(await source.sign(keyOf('derived'), TEXT)).toEqual(faulty('refused', /derived/));
    expect(await source.publicKey(keyOf('derived'))).toEqual(faulty('refused', /derived/));
  });

  it('a key that the token may not use, and a mount that is not there', async () => {
    expect(await open().sign(keyOf('other'), TEXT)).toEqual(faulty('refused', /403 to transit\/sign\/other/));
    expect(await open({ mount: 'elsewhere/transit' }).sign(keyOf('feedback'), TEXT)).toEqual(
      faulty('refused', /404 to elsewhere\/transit\/sign\/feedback/),
    );
  });

  it('a message that is longer than its bound, and one that is longer than ours, which it never sees', async () => {
    const long = Buffer.alloc(DEFAULT_MAX_MESSAGE_BYTES + 1);
    const source = open({ maxMessageBytes: 4_000_000 });
    expect(await source.sign(keyOf('feedback'), long)).toEqual(
      faulty('too_large', /max_json_string_value_length/),
    );
    const asked = await server.requests('transit/sign/feedback');
    expect(await open().sign(keyOf('feedback'), long)).toEqual(faulty('too_large', /at most 786432 bytes/));
    expect(await server.requests('transit/sign/feedback')).toBe(asked);
  });

  it.each(['../../sys/seal', '..', 'a/b', 'a%2fb', '', 'key?x=1', 'ключ', '-key', 'a'.repeat(300)])(
    'the name %j, before anybody is asked',
    async (key) => {
      expect(await open().sign(keyOf(key), TEXT)).toEqual(faulty('refused', /names no Transit key/));
      expect(await open().publicKey(keyOf(key))).toEqual(faulty('refused', /names no Transit key/));
    },
  );

  it.each([undefined, 0, -1, 1.5, NaN, Infinity])(
    'the version %s, as it would be another one',
    async (version) => {
      const reference = { source: 'transit', key: 'feedback', version };
      expect(await open().sign(reference, TEXT)).toEqual(faulty('refused', /names no Transit key/));
    },
  );
});

describe('a source', () => {
  it('shows its token to nobody who looks at it', async () => {
    const source = open();
    await expectSigned(source, keyOf('feedback'));
    expect(inspect(source, { depth: 20, showHidden: true })).not.toContain(token);
    expect(JSON.stringify(source)).not.toContain(token);
  });

  it('that is closed ends what is under way, and asks nobody any more', async () => {
    await server.break({ path: '/sign/feedback', hang: true });
    const source = open();
    const asked = await server.requests('transit/sign/feedback');
    const waiting = source.sign(keyOf('feedback'), TEXT);
    await until('it is asked', async () => (await server.requests('transit/sign/feedback')) > asked);
    await source.close();
    expect(await waiting).toMatchObject({ ok: false, fault: 'away' });
    expect(await source.sign(keyOf('feedback'), TEXT)).toMatchObject({ ok: false, fault: 'away' });
  });

  it('believes the authorities that it was given, by TLS, and no other', async () => {
    const files = makeTlsFiles();
    const secured = await VaultServer.start(files.server.certificateFile, files.server.keyFile);
    try {
      const authority = readFileSync(files.ca.certificateFile, 'latin1');
      const otherAuthority = readFileSync(files.otherCa.certificateFile, 'latin1');
      await secured.grant(token, { keys: ['feedback'] });
      // The key is not there: the answer is one of the engine behind TLS.
      expect(await world.open(secured.url, { authority }).sign(keyOf('feedback'), TEXT)).toEqual(
        faulty('refused', /no such key/),
      );
      for (const believed of [undefined, otherAuthority])
        expect(await world.open(secured.url, { authority: believed }).sign(keyOf('feedback'), TEXT)).toEqual(
          faulty('away', /not trusted|spoken/),
        );
    } finally {
      await secured.stop();
    }
  });
});
