/** Which connection of several is closed when there are too many of them: who opens many closes his own. */
import type { Socket } from 'node:net';

/** The oldest of the address that has the most; `sockets` in the order of their coming. Undefined of none. */
export function whoGivesWay(sockets: Iterable<Socket>): Socket | undefined {
  const byAddress = new Map<string, { readonly oldest: Socket; count: number }>();
  let most: { readonly oldest: Socket; count: number } | undefined;
  for (const socket of sockets) {
    const { remoteAddress = '' } = socket;
    const held = byAddress.get(remoteAddress) ?? { oldest: socket, count: 0 };
    byAddress.set(remoteAddress, held);
    held.count++;
    if (most === undefined || held.count > most.count) most = held;
  }
  return most?.oldest;
}
