import { createServer, type AddressInfo, type Server } from 'node:net';
import { writeFileSync } from 'node:fs';
import { FederationFault } from '../../../tools/local-federation/fault.js';
import { choosePorts, isFree, type Ports } from '../../../tools/local-federation/ports.js';
import { temporaryPlace } from './temporary-place.js';

const NOTHING = new Set<string>();

function listenOn(port: number, host = '127.0.0.1'): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => resolve(server));
  });
}

describe('the ports of the local federation', () => {
  const place = temporaryPlace();
  let servers: Server[] = [];

  afterEach(() => {
    for (const server of servers) server.close();
    servers = [];
  });

  const choose = (listener?: number, running: ReadonlySet<string> = NOTHING): Promise<Ports> =>
    choosePorts(place(), { listener, running });
  async function occupy(port: number): Promise<number> {
    const server = await listenOn(port);
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  it('are six different free ones', async () => {
    const ports = Object.values(await choose()) as number[];
    expect(new Set(ports).size).toBe(6);
    for (const port of ports) expect(await isFree(port)).toBe(true);
  });

  it('are the same the next time', async () => {
    const first = await choose();
    expect(await choose()).toEqual(first);
  });

  it('give way where somebody else listens meanwhile', async () => {
    const first = await choose();
    await occupy(first.envoyAdmin);
    const second = await choose();
    expect(second.envoyAdmin).not.toBe(first.envoyAdmin);
    expect({ ...second, envoyAdmin: 0 }).toEqual({ ...first, envoyAdmin: 0 });
  });

  it('stay while our own process listens there', async () => {
    const first = await choose();
    await occupy(first.listener);
    expect(await choose(first.listener, new Set(['envoy']))).toEqual(first);
  });

  it('are refused by the name of the variable when the wanted one is taken', async () => {
    const taken = await occupy(0);
    await expect(choose(taken)).rejects.toThrow(FederationFault);
    await expect(choose(taken)).rejects.toMatchObject({ remedy: expect.stringContaining('PORT=') as string });
  });

  it('are refused too when the wanted one is ours for something else', async () => {
    const first = await choose();
    await occupy(first.verifierAdmin);
    await expect(choose(first.verifierAdmin, new Set(['envoy']))).rejects.toThrow(/in use/);
  });

  it.each(['not json', '{"listener":"x"}', '[]'])('do not depend on a sound record: %s', async (text) => {
    writeFileSync(place().portsFile, text);
    expect((await choose()).listener).toBeGreaterThan(0);
  });
});
