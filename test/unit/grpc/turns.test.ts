import { Turns } from '../../../src/grpc/turns.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the turns of a server', () => {
  it('begin a few calls at once and the others later, in the order of arrival', async () => {
    const turns = new Turns();
    const begun: number[] = [];
    for (let number = 0; number < 20; number++) turns.run(() => void begun.push(number));
    const atOnce = begun.length;
    expect([atOnce > 0, atOnce < 10, turns.waiting]).toEqual([true, true, 20 - atOnce]);
    for (let passed = 0; passed < 40; passed++) await turn();
    expect([begun, turns.waiting]).toEqual([Array.from({ length: 20 }, (_, number) => number), 0]);
  });

  it('let what a call has scheduled come before the calls of the next turn', async () => {
    const turns = new Turns();
    const order: string[] = [];
    turns.run(() => setImmediate(() => order.push('flush')));
    for (let number = 0; number < 10; number++) turns.run(() => undefined);
    turns.run(() => order.push('last call'));
    for (let passed = 0; passed < 20; passed++) await turn();
    expect(order).toEqual(['flush', 'last call']);
  });

  it('give a call that comes alone no wait', async () => {
    const turns = new Turns();
    for (let round = 0; round < 5; round++) {
      let begun = false;
      turns.run(() => (begun = true));
      expect(begun).toBe(true);
      await turn();
      await turn();
    }
  });
});
