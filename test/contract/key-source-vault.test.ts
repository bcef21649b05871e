/** The source of keys in Vault, over its real Transit engine: versions, tokens and their renewal, logins, faults. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../../src/keys/vault/limits.js';
import { VaultServer, type VaultFault } from '../support/keys/vault-server.js';
import { bytesOf, expectSigned, faulty, keyOf, VaultWorld } from '../support/keys/vault-world.js';
import { until } from '../support/until.js';
import { makeTlsFiles } from '../unit/client/tls-files.js';

const TOKEN = 'hvs.a-token-of-the-verifier';
const JWT = 'header.payload-of-a-workload.signature';
const TEXT = Buffer.from('an answer to be signed');

let server: VaultServer;
let world: VaultWorld;

beforeAll(async () => {
  world = new VaultWorld();
  server = await VaultServer.start();
  await server.makeKey('feedback');
  await server.makeKey('other');
});
beforeEach(async () => {
  await server.mend();
  await server.grant(TOKEN, { keys: ['feedback', 'gone', 'deleted', 'typed', 'derived', 'pinned'] });
  world.write(world.tokenPath, `${TOKEN}\n`);
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

describe('a token in a file', () => {
  it('may be rotated: the next one is taken when the first one is refused', async () => {
    const source = open();
    await expectSigned(source, keyOf('feedback'));
    await server.grant('hvs.second', { keys: ['feedback'] });
    world.write(world.tokenPath, 'hvs.second');
    await server.revoke(TOKEN);
    await expectSigned(source, keyOf('feedback'));
  });

  it('is taken anew before the first one is refused, too', async () => {
    const source = open();
    await expectSigned(source, keyOf('feedback'));
    await server.grant('hvs.third', { keys: ['other'] });
    world.write(world.tokenPath, 'hvs.third');
    await until('the new one is used', async () => (await source.sign(keyOf('other'), TEXT)).ok);
  });

  it('that was revoked is refused after one request, as there is no other', async () => {
    const source = open();
    await expectSigned(source, keyOf('feedback'));
    await server.revoke(TOKEN);
    const asked = await server.requests('transit/sign/feedback');
    expect(await source.sign(keyOf('feedback'), TEXT)).toEqual(faulty('refused', /token has ended/));
    expect(await server.requests('transit/sign/feedback')).toBe(asked + 1);
  });

  it('is renewed at two thirds of its lease, again and again', async () => {
    await server.grant('hvs.leased', {
      keys: ['feedback'],
      leaseSeconds: 3,
      graceSeconds: 60,
      renewable: true,
    });
    world.write(world.tokenPath, 'hvs.leased');
    const before = await server.requests('auth/token/renew-self');
    const source = open();
    await until(
      'it was renewed twice',
      async () => (await server.requests('auth/token/renew-self')) >= before + 2,
    );
    await expectSigned(source, keyOf('feedback'));
    expect(world.reports).toEqual([]);
  });

  it('that cannot be renewed is told of, once', async () => {
    await server.grant('hvs.fixed', { keys: ['feedback'], leaseSeconds: 3_600 });
    world.write(world.tokenPath, 'hvs.fixed');
    open();
    await until('it is told', () => world.reports.length > 0);
    expect(world.reports).toEqual([
      'the token of a key source is not renewed: replace its file before it ends {"source":"transit","endsInSeconds":3600}',
    ]);
  });

  it('is renewed once the server is there again', async () => {
    await server.grant('hvs.leased', { keys: ['feedback'], leaseSeconds: 60, renewable: true });
    world.write(world.tokenPath, 'hvs.leased');
    await server.break({ path: '/lookup-self', status: 503, times: 1 });
    const before = await server.requests('auth/token/lookup-self');
    open();
    await until(
      'it is looked up again',
      async () => (await server.requests('auth/token/lookup-self')) === before + 2,
    );
  });

  it('that is not there is a fault, until it is', async () => {
    const tokenPath = join(world.directory, 'not-yet');
    const source = open({ auth: { kind: 'token', tokenPath } });
    expect(await source.sign(keyOf('feedback'), TEXT)).toEqual(faulty('away', /not-yet/));
    world.write(tokenPath, 'two words');
    expect(await source.sign(keyOf('feedback'), TEXT)).toEqual(faulty('away', /holds no token/));
    world.write(tokenPath, TOKEN);
    await expectSigned(source, keyOf('feedback'));
  });
});

describe('a login of Kubernetes', () => {
  const auth = () =>
    ({ kind: 'kubernetes', mount: 'kubernetes/prod', role: 'countersign', jwtPath: world.jwtPath }) as const;
  const logins = () => server.requests('auth/kubernetes/prod/login');
  const letIn = (leaseSeconds: number, jwt = JWT) =>
    server.role('countersign', jwt, { keys: ['feedback'], leaseSeconds, graceSeconds: 60 });

  beforeEach(async () => {
    await letIn(3_600);
    world.write(world.jwtPath, JWT);
  });

  it('is one for all that wait for it', async () => {
    const before = await logins();
    const source = open({ auth: auth() });
    await Promise.all(Array.from({ length: 20 }, () => expectSigned(source, keyOf('feedback'))));
    expect(await logins()).toBe(before + 1);
  });

  it('comes again before the lease ends, with the JWT as it is then', async () => {
    await letIn(3);
    const source = open({ auth: auth() });
    await expectSigned(source, keyOf('feedback'));
    world.write(world.jwtPath, 'another.jwt.now');
    await letIn(3, 'another.jwt.now');
    const before = await logins();
    await until('there were two more', async () => (await logins()) >= before + 2);
    await expectSigned(source, keyOf('feedback'));
    expect(world.reports).toEqual([]);
  });

  it('that is refused is told of, and not tried with every signature', async () => {
    world.write(world.jwtPath, 'of.somebody.else');
    const before = await logins();
    const source = open({ auth: auth() });
    for (let tries = 0; tries < 20; tries += 1)
      expect(await source.sign(keyOf('feedback'), TEXT)).toEqual(
        faulty('refused', /403 to auth\/kubernetes\/prod\/login/),
      );
    expect((await logins()) - before).toBeLessThan(20);
    expect(world.reports).toEqual([expect.stringContaining('lets us not log in')]);
    world.write(world.jwtPath, JWT);
    await until('it signs', async () => (await source.sign(keyOf('feedback'), TEXT)).ok);
    expect(world.reports.at(-1)).toContain('log in again');
  });

  it('by itself comes when the server is there again, though nothing is to be signed', async () => {
    await server.break({ path: '/login', status: 503, times: 2 });
    const before = await logins();
    open({ auth: auth() });
    await until('it has logged in', () => world.reports.some((told) => told.includes('log in again')));
    expect(await logins()).toBe(before + 3);
  });

  it('that was just had is not repeated for a key that the role may not use', async () => {
    const source = open({ auth: auth() });
    await expectSigned(source, keyOf('feedback'));
    const before = await logins();
    expect(await source.sign(keyOf('other'), TEXT)).toEqual(faulty('refused', /403/));
    expect(await logins()).toBe(before);
  });
});

describe('a server that is not well', () => {
  const sign = async (fault: VaultFault, others = {}) => {
    await server.break({ path: '/sign/feedback', ...fault });
    return open(others).sign(keyOf('feedback'), TEXT);
  };

  it.each([
    [503, '{"errors":["Vault is sealed"]}', /sealed/],
    [503, '{"errors":["node is not active"]}', /no active server/],
    [429, '{"errors":["request path quota exceeded"]}', /429/],
    [472, '', /472/],
    [473, '', /473/],
    [412, '{"errors":["required index state not present"]}', /412/],
    [500, '{"errors":["internal error"]}', /500/],
    [502, '<html>', /502/],
  ])('is away when it answers %d %s', async (status, body, words) => {
    expect(await sign({ status, body })).toEqual(faulty('away', words));
  });

  it.each([400, 401, 402, 404, 405, 418, 204, 201])('refuses when it answers %d', async (status) => {
    expect(await sign({ status })).toEqual(faulty('refused', new RegExp(String(status))));
  });

  it('is too small when it answers 413', async () => {
    expect(await sign({ status: 413 })).toEqual(faulty('too_large', /413/));
  });

  it('is away when it sends us elsewhere, as a server that stands by does, and nobody goes there', async () => {
    const asked = await server.requests('transit/sign/other');
    const location = `${server.url}/v1/transit/sign/other`;
    expect(await sign({ status: 307, location })).toEqual(faulty('away', /redirect/));
    expect(await server.requests('transit/sign/other')).toBe(asked);
  });

  it('is away when it does not answer in time', async () => {
    expect(await sign({ hang: true }, { timeoutMilliseconds: 100 })).toEqual(faulty('away', /within 100 ms/));
  });

  it('is slow, and signs', async () => {
    expect(await sign({ milliseconds: 300 })).toMatchObject({ ok: true });
  });

  it('signs with another version than the one that was asked for', async () => {
    expect(await sign({ old: 'vault:v1:', new: 'vault:v2:' })).toEqual(
      faulty('refused', /version 2 of the key, where version 1/),
    );
  });

  it('breaks its answer off, wherever', async () => {
    const whole = await (async () => {
      const answer = await fetch(`${server.url}/v1/transit/sign/feedback`, {
        method: 'POST',
        headers: { 'x-vault-token': TOKEN },
        body: JSON.stringify({ key_version: 1, input: TEXT.toString('base64') }),
      });
      return (await answer.text()).length;
    })();
    const source = open();
    for (let cutAt = 0; cutAt < whole; cutAt += 1) {
      await server.break({ path: '/sign/feedback', cutAt });
      expect(await source.sign(keyOf('feedback'), TEXT)).toEqual(faulty('away', /broke|closed|spoken/));
    }
    await server.mend();
    await expectSigned(source, keyOf('feedback'));
  });

  it('answers without end', async () => {
    expect(await sign({ padding: 2_000_000 })).toEqual(faulty('away', /more than 1048576 bytes/));
  });

  it('says our token to us, which we say to nobody', async () => {
    const answer = await sign({ status: 400, body: `{"errors":["${TOKEN}"]}` });
    expect(JSON.stringify([answer, world.reports])).not.toContain(TOKEN);
  });

  it('is not there, and comes back by itself', async () => {
    const source = open({ timeoutMilliseconds: 2_000 });
    await expectSigned(source, keyOf('feedback'));
    await server.stop();
    expect(await source.sign(keyOf('feedback'), TEXT)).toEqual(faulty('away', /refuses connections|closed/));
    await server.start();
    for (const key of ['feedback', 'other']) await server.makeKey(key);
    await server.grant(TOKEN, { keys: ['feedback'] });
    await expectSigned(source, keyOf('feedback'));
  });
});

describe('a source', () => {
  it('shows its token to nobody who looks at it', async () => {
    const source = open();
    await expectSigned(source, keyOf('feedback'));
    expect(inspect(source, { depth: 20, showHidden: true })).not.toContain(TOKEN);
    expect(JSON.stringify(source)).not.toContain(TOKEN);
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
      await secured.grant(TOKEN, { keys: ['feedback'] });
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
