import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { MAX_UNKNOWN, UnknownConnections } from '../../../src/grpc/unknown-connections.js';

let port = 0;
let nowMs = 0;
let connections: UnknownConnections;

beforeEach(() => {
  nowMs = 0;
  connections = new UnknownConnections(
    () => undefined,
    () => nowMs,
  );
});

function come(remoteAddress: string): Socket {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    remotePort: ++port,
    destroyed: false,
    destroy: () => {
      Object.assign(socket, { destroyed: true });
      socket.emit('close');
    },
  });
  nowMs += 1_000;
  expect(connections.add(socket as unknown as Socket)).toBe(true);
  return socket as unknown as Socket;
}

describe('strangers on the TCP listener', () => {
  it('give way to newer ones, the oldest first, where each comes from somewhere else', () => {
    const all = Array.from({ length: MAX_UNKNOWN + 3 }, (_, index) => come(`192.0.2.${index}`));
    expect(all.map(({ destroyed }) => destroyed).indexOf(false)).toBe(3);
    expect(connections.size).toBe(MAX_UNKNOWN);
  });

  it('keep out themselves alone, however many one of them opens', () => {
    const [gateway, other] = [come('192.0.2.1'), come('192.0.2.2')];
    const many = Array.from({ length: 100 }, () => come('198.51.100.1'));
    expect([gateway.destroyed, other.destroyed, connections.size]).toEqual([false, false, MAX_UNKNOWN]);
    expect(many.at(-1)!.destroyed).toBe(false);
    expect(come('192.0.2.3').destroyed).toBe(false);
    expect([gateway.destroyed, other.destroyed]).toEqual([false, false]);
  });

  it('are closed all at once where what they began with is not taken any more', () => {
    const all = [come('192.0.2.1'), come('192.0.2.1'), come('192.0.2.2')];
    connections.closeAll();
    expect(all.every(({ destroyed }) => destroyed)).toBe(true);
    expect(connections.size).toBe(0);
  });
});
