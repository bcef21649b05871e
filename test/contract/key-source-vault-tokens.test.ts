/** The token of a source in Vault, over its real Transit engine: rotated, renewed, had by a login, refused. */
import { join } from 'node:path';
import type { VaultServer } from '../support/keys/vault-server.js';
import {
  expectSigned,
  faulty,
  keyOf,
  giveToken,
  startVault,
  type VaultWorld,
} from '../support/keys/vault-world.js';
import { until } from '../support/until.js';

const JWT = 'header.payload-of-a-workload.signature';
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

describe('a token in a file', () => {
  it('may be rotated: the next one is taken when the first one is refused', async () => {
    const source = open();
    await expectSigned(source, keyOf('feedback'));
    await server.grant('hvs.second', { keys: ['feedback'] });
    world.write(world.tokenPath, 'hvs.second');
    await server.revoke(token);
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
    await server.revoke(token);
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
    world.write(tokenPath, token);
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
