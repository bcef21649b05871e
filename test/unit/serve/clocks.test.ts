import { StallDetector } from '../../../src/serve/clocks.js';

/** Keeps this thread from its event loop, as SIGSTOP or a long pause would. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

const turn = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A turn in which nobody kept this process from its work, as others on a busy machine may. */
async function ordinaryTurn(milliseconds: number): Promise<void> {
  const startMs = performance.now();
  await turn(milliseconds);
  if (performance.now() - startMs > milliseconds + 50) await ordinaryTurn(milliseconds);
}

describe('the stall detector', () => {
  let detector: StallDetector;
  beforeEach(() => (detector = new StallDetector()));
  afterEach(() => detector.close());

  it('asks nobody to wait in ordinary times', async () => {
    expect(detector.afterStall()).toBeUndefined();
    await ordinaryTurn(120);
    expect(detector.afterStall()).toBeUndefined();
  });

  // Fault: verifier-hung
  it('lets a check wait after a stall until queued frames have been read', async () => {
    let frameRead = false;
    setImmediate(() => (frameRead = true));
    standStill(300);
    const settled = detector.afterStall();
    expect(settled).toBeInstanceOf(Promise);
    await settled;
    expect(frameRead).toBe(true);
    await ordinaryTurn(120);
    expect(detector.afterStall()).toBeUndefined();
  });

  it('notices a stall even when its own timer runs before the sockets are read', async () => {
    standStill(300);
    let asked: unknown;
    // Kept outside: a promise that is resolved with a promise would wait for it.
    await new Promise<void>((resolve) =>
      setTimeout(() => {
        asked = detector.afterStall();
        resolve();
      }, 1),
    );
    expect(asked).toBeInstanceOf(Promise);
    await ordinaryTurn(120);
    expect(detector.afterStall()).toBeUndefined();
  });

  it('makes all checks of one stall wait for the same moment', async () => {
    standStill(300);
    expect(detector.afterStall()).toBe(detector.afterStall());
    await detector.afterStall();
  });
});
