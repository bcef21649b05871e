/** How the token of a Vault source is had, kept and given up, by a clock that the test moves. */
import { jest } from '@jest/globals';
import type { VaultAnswer } from '../../../../src/keys/vault/answers.js';
import type { VaultRequest } from '../../../../src/keys/vault/client.js';
import { FileToken } from '../../../../src/keys/vault/file-token.js';
import { KubernetesToken } from '../../../../src/keys/vault/kubernetes-token.js';
import type { VaultSession, VaultSurroundings } from '../../../../src/keys/vault/session.js';

let asked: VaultRequest[];
let told: string[];
let files: Record<string, string>;
let answer: (request: VaultRequest) => VaultAnswer;
let session: VaultSession;

const client = {
  ask: (request: VaultRequest): Promise<VaultAnswer> => {
    asked.push(request);
    return Promise.resolve(answer(request));
  },
};
const read = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw new Error(`cannot be asked: the file ${path} does not exist`);
  return text;
};
const surroundings: VaultSurroundings = {
  readSecret: read,
  readText: read,
  report: (message, members) => void told.push(`${message} ${JSON.stringify(members)}`),
};
const away: VaultAnswer = { ok: false, fault: 'away', reason: 'is away' };
const refused: VaultAnswer = { ok: false, fault: 'refused', reason: 'answers 403', status: 403 };
const login = (token: string, seconds: number): VaultAnswer => ({
  ok: true,
  value: { auth: { client_token: token, lease_duration: seconds, renewable: true } },
});
const pass = (seconds: number): Promise<void> => jest.advanceTimersByTimeAsync(seconds * 1_000);

beforeEach(() => {
  jest.useFakeTimers();
  [asked, told, files] = [[], [], {}];
});
afterEach(() => {
  session.close();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

describe('a login', () => {
  const open = async (): Promise<VaultSession> => {
    files['jwt'] = 'a.b.c';
    const auth = { kind: 'kubernetes', mount: 'kubernetes', role: 'r', jwtPath: 'jwt' } as const;
    session = new KubernetesToken({ source: 'transit', auth, client, surroundings });
    await pass(0);
    return session;
  };
  /** Each with a token of its own. */
  const numbered = (seconds: number) => (): VaultAnswer => login(`token-${asked.length}`, seconds);

  it('comes again at two thirds of the lease, and no sooner', async () => {
    answer = numbered(900);
    await open();
    await pass(599);
    expect(asked).toHaveLength(1);
    await pass(2);
    expect(asked).toHaveLength(2);
    expect(await session.token()).toEqual({ ok: true, token: 'token-2' });
  });

  it('is tried ever less often, at least once a minute, while the token that there is goes on', async () => {
    answer = numbered(9_000);
    await open();
    answer = () => away;
    await pass(6_000.5);
    expect(await session.token()).toEqual({ ok: true, token: 'token-1' });
    expect(asked).toHaveLength(2);
    await pass(600);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.length).toBeLessThan(25);
    expect(told).toEqual([expect.stringContaining('"fault":"is away"')]);
    answer = numbered(9_000);
    await pass(61);
    expect(told[1]).toContain('log in again');
  });

  it('is waited for once the lease has ended', async () => {
    answer = numbered(60);
    await open();
    answer = () => away;
    await pass(61);
    expect(await session.token()).toEqual(away);
  });

  it('follows a 403 that is not about a new token, once for all that had it', async () => {
    answer = numbered(3_600);
    await open();
    expect(await session.another('token-1')).toBeUndefined();
    await pass(11);
    const both = await Promise.all([session.another('token-1'), session.another('token-1')]);
    expect(both).toEqual([
      { ok: true, token: 'token-2' },
      { ok: true, token: 'token-2' },
    ]);
    expect(await session.another('token-1')).toEqual({ ok: true, token: 'token-2' });
    expect(asked).toHaveLength(2);
  });

  it('that fails is one a second, however many want a signature', async () => {
    answer = () => refused;
    await open();
    for (let each = 0; each < 1_000; each += 1) expect((await session.token()).ok).toBe(false);
    expect(asked).toHaveLength(1);
  });

  it.each([0, 1, 3_153_600_000])(
    'with a lease of %d s makes no storm and no timer that fires at once',
    async (seconds) => {
      answer = numbered(seconds);
      await open();
      await pass(10);
      expect(asked.length).toBeLessThan(12);
    },
  );

  it.each([{}, { auth: {} }, { auth: { client_token: 'x y', lease_duration: 1, renewable: true } }, null])(
    'that is answered with %j gives no token',
    async (value) => {
      answer = () => ({ ok: true, value });
      await open();
      expect(await session.token()).toMatchObject({ ok: false, fault: 'away' });
    },
  );

  it('needs a JWT that is one', async () => {
    answer = numbered(60);
    await open();
    session.close();
    for (const text of ['', 'a b', 'a\nb', 'x'.repeat(10_000)]) {
      files['jwt'] = text;
      const before = asked.length;
      const auth = { kind: 'kubernetes', mount: 'kubernetes', role: 'r', jwtPath: 'jwt' } as const;
      session = new KubernetesToken({ source: 'transit', auth, client, surroundings });
      expect(await session.token()).toMatchObject({
        ok: false,
        reason: expect.stringContaining('no token') as string,
      });
      expect(asked).toHaveLength(before);
      session.close();
    }
  });
});

it('of a login is counted with each login', async () => {
  files['jwt'] = 'a.b.c';
  answer = () => login(`token-${asked.length}`, 900);
  const auth = { kind: 'kubernetes', mount: 'kubernetes', role: 'r', jwtPath: 'jwt' } as const;
  session = new KubernetesToken({ source: 'transit', auth, client, surroundings });
  expect(session.count()).toBe(0);
  await pass(0);
  expect(session.count()).toBe(1);
  await pass(601);
  expect([session.count(), asked.length]).toEqual([2, 2]);
});

describe('a token in a file', () => {
  const open = async (): Promise<VaultSession> => {
    session = new FileToken({ source: 'transit', path: 'token', client, surroundings });
    await pass(0);
    return session;
  };
  const paths = (): string[] => asked.map(({ path }) => path.slice('auth/token/'.length));
  const leased =
    (seconds: number, renewable = true) =>
    ({ path }: VaultRequest): VaultAnswer =>
      path.endsWith('lookup-self')
        ? { ok: true, value: { data: { ttl: seconds, renewable } } }
        : { ok: true, value: { auth: { lease_duration: seconds, renewable } } };

  beforeEach(() => {
    files['token'] = 'first';
    answer = leased(900);
  });

  it('is looked up, and renewed at two thirds of what is left of its lease', async () => {
    await open();
    await pass(599);
    expect(paths()).toEqual(['lookup-self']);
    await pass(2);
    expect(paths()).toEqual(['lookup-self', 'renew-self']);
    await pass(600);
    expect(paths()).toHaveLength(3);
  });

  it('that changes is renewed in place of the one before', async () => {
    await open();
    files['token'] = 'second';
    await pass(2);
    expect(await session.token()).toEqual({ ok: true, token: 'second' });
    await pass(700);
    expect(asked.map(({ token }) => token)).toEqual(['first', 'second', 'second']);
  });

  it('is read once a second at most while signatures are asked for', async () => {
    await open();
    files['token'] = 'second';
    expect(await session.token()).toEqual({ ok: true, token: 'first' });
    await pass(1.001);
    expect(await session.token()).toEqual({ ok: true, token: 'second' });
  });

  it('is counted when it is another one, which is looked for at once and costs no signature', async () => {
    await open();
    expect(session.count()).toBe(1);
    files['token'] = 'first\n';
    expect(session.count()).toBe(1);
    files['token'] = 'second';
    expect(session.count()).toBe(2);
    delete files['token'];
    expect(session.count()).toBe(2);
    files['token'] = 'first';
    expect(session.count()).toBe(3);
    await pass(0);
    expect(paths()).toEqual(['lookup-self', 'lookup-self', 'lookup-self']);
  });

  it('stays when its file goes away, which is told of once', async () => {
    await open();
    delete files['token'];
    await pass(2);
    for (let each = 0; each < 5; each += 1) {
      expect(await session.token()).toEqual({ ok: true, token: 'first' });
      expect(await session.another('first')).toBeUndefined();
    }
    expect(told).toEqual([expect.stringContaining('cannot be read again')]);
  });

  it('whose renewal is refused is told of, and not asked about again', async () => {
    await open();
    answer = () => refused;
    await pass(10_000);
    expect(paths()).toEqual(['lookup-self', 'renew-self']);
    expect(told).toEqual([expect.stringContaining('is not renewed')]);
  });

  it('that never ends needs nothing', async () => {
    answer = leased(0, false);
    await open();
    await pass(100_000);
    expect([paths(), told]).toEqual([['lookup-self'], []]);
  });

  it('whose server is away is asked about ever less often, until it is there', async () => {
    answer = () => away;
    await open();
    await pass(3_600);
    expect(paths().length).toBeLessThan(80);
    answer = leased(900);
    await pass(61);
    expect(paths().at(-1)).toBe('lookup-self');
    await pass(601);
    expect(paths().at(-1)).toBe('renew-self');
  });
});
