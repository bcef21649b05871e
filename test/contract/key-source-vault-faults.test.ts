/** What a source in Vault makes of a server that is sealed, slow, gone, or lies. */
import type { VaultFault, VaultServer } from '../support/keys/vault-server.js';
import {
  expectSigned,
  faulty,
  keyOf,
  giveToken,
  startVault,
  type VaultWorld,
} from '../support/keys/vault-world.js';

const TEXT = Buffer.from('an answer to be signed');

let server: VaultServer;
let world: VaultWorld;
let token: string;

beforeAll(async () => {
  ({ server, world } = await startVault());
});
beforeEach(async () => {
  token = await giveToken({ server, world }, ['feedback']);
});
afterEach(() => world.closeSources());
afterAll(async () => {
  await server.stop();
  world.remove();
});

const open = (others = {}) => world.open(server.url, others);

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
        headers: { 'x-vault-token': token },
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
    const answer = await sign({ status: 400, body: `{"errors":["${token}"]}` });
    expect(JSON.stringify([answer, world.reports])).not.toContain(token);
  });

  it('is not there, and comes back by itself', async () => {
    const source = open({ timeoutMilliseconds: 2_000 });
    await expectSigned(source, keyOf('feedback'));
    await server.stop();
    expect(await source.sign(keyOf('feedback'), TEXT)).toEqual(faulty('away', /refuses connections|closed/));
    await server.start();
    for (const key of ['feedback', 'other']) await server.makeKey(key);
    await server.grant(token, { keys: ['feedback'] });
    await expectSigned(source, keyOf('feedback'));
  });
});
