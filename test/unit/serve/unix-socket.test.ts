import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isReplaceable, prepareSocket, SocketName, withSocketUmask } from '../../../src/serve/unix-socket.js';

let folder = '';
let path = '';
const servers: Server[] = [];
const clients: Socket[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'socket-'));
  path = join(folder, 'run/verifier.sock');
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const listen = (backlog?: number): Promise<void> =>
  new Promise((resolve) => {
    const server = createServer((socket) => clients.push(socket));
    servers.push(server);
    server.listen({ path, backlog }, resolve);
  });

/** Leaves the socket of a process that died without cleaning up. */
function leaveStaleSocket(): void {
  mkdirSync(join(folder, 'run'), { recursive: true });
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  if (!existsSync(path)) throw new Error('the dying process left no socket');
}

describe('the Unix socket', () => {
  it('gets a directory for owner and group alone', async () => {
    const before = process.umask(0);
    try {
      await prepareSocket(path);
    } finally {
      process.umask(before);
    }
    expect(statSync(join(folder, 'run')).mode & 0o777).toBe(0o750);
    expect(existsSync(path)).toBe(false);
  });

  it('replaces the socket of a process that died', async () => {
    leaveStaleSocket();
    await prepareSocket(path);
    expect(existsSync(path)).toBe(false);
  });

  it('respects the socket of a living process', async () => {
    await prepareSocket(path);
    await listen();
    await expect(prepareSocket(path)).rejects.toThrow(/another process serves .*listen\.socket/);
    expect(existsSync(path)).toBe(true);
  });

  it('respects a living process that is too busy to take a connection', async () => {
    await prepareSocket(path);
    await listen(1);
    // Accepted only in a later turn of this loop: until then the queue of the listener is full.
    for (let count = 0; count < 4; count++) clients.push(connect(path).on('error', () => undefined));
    await expect(prepareSocket(path)).rejects.toThrow('another process serves');
    expect(existsSync(path)).toBe(true);
  });

  it('does not remove what is no socket', async () => {
    mkdirSync(join(folder, 'run'));
    writeFileSync(path, 'a file');
    await expect(prepareSocket(path)).rejects.toThrow(/is no socket/);
    expect(existsSync(path)).toBe(true);
  });

  it('is made with mode 0660, and the umask is put back', async () => {
    await prepareSocket(path);
    const before = process.umask(0o022);
    await withSocketUmask(() => listen());
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(process.umask(before)).toBe(0o022);
  });

  it('puts the umask back when binding fails', async () => {
    const before = process.umask(0o022);
    await expect(withSocketUmask(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(process.umask(before)).toBe(0o022);
  });
});

describe('the name of a socket', () => {
  /** A server on the passing path, which greets with its own name. */
  async function bindTo(name: SocketName, greeting: string): Promise<Server> {
    await isReplaceable(path);
    const server = createServer((socket) => socket.on('error', () => undefined).end(greeting));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(name.passingPath, resolve));
    return server;
  }

  const close = (server: Server): Promise<void> =>
    new Promise((resolve) => {
      servers.splice(servers.indexOf(server), 1);
      server.close(() => resolve());
    });

  const greeted = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const client = connect(path);
      client.on('data', (greeting) => resolve(greeting.toString()));
      client.on('error', reject);
    });

  const leftOvers = (): string[] => readdirSync(join(folder, 'run'));

  it('is there when it is published, and gone when it is removed', async () => {
    const name = new SocketName(path);
    const server = await bindTo(name, 'one');
    expect(existsSync(path)).toBe(false);
    name.publish();
    expect(await greeted()).toBe('one');
    expect(leftOvers()).toEqual(['verifier.sock']);
    name.remove();
    await close(server);
    expect(leftOvers()).toEqual([]);
  });

  it('is not published over that of another process', async () => {
    const [one, two] = [new SocketName(path), new SocketName(path)];
    await bindTo(one, 'one');
    one.publish();
    await bindTo(two, 'two');
    expect(() => two.publish()).toThrow(/another process serves .*serve --replace.*listen\.socket/);
    two.remove();
    expect([await greeted(), one.isTaken(), leftOvers()]).toEqual(['one', false, ['verifier.sock']]);
  });

  it('goes to a successor in one step, and its former owner leaves it alone', async () => {
    const [one, two] = [new SocketName(path), new SocketName(path)];
    const former = await bindTo(one, 'one');
    one.publish();
    await bindTo(two, 'two');
    expect(await isReplaceable(path)).toBe(false);
    two.takeOver();
    expect([await greeted(), one.isTaken(), two.isTaken()]).toEqual(['two', true, false]);
    one.remove();
    await close(former);
    expect([await greeted(), leftOvers()]).toEqual(['two', ['verifier.sock']]);
  });

  it('is not taken when it is merely gone', async () => {
    const name = new SocketName(path);
    await bindTo(name, 'one');
    name.publish();
    rmSync(path);
    expect(name.isTaken()).toBe(false);
    expect(() => name.remove()).not.toThrow();
  });

  it('can be removed before it was published', async () => {
    const name = new SocketName(path);
    await bindTo(name, 'one');
    name.remove();
    expect(leftOvers()).toEqual([]);
  });
});
