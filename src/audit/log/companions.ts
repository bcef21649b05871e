/** The companions of a sequencer, all of them: whatever goes wrong in one is told, and stops neither sealing nor the others. */
import type {
  Companion,
  CompanionContext,
  CompanionModule,
  CompanionSpec,
  CommittedCheckpoint,
} from './companion.js';

export interface Companions {
  readonly onCommitted: (checkpoint: CommittedCheckpoint) => void;
  /** The least that any of them holds; without any, no bound. */
  heldSize(): number;
  status(): Record<string, unknown>;
  close(deadlineMs: number): Promise<void>;
}

/** Loads and starts all of them. One that cannot be started holds nothing, so that nothing is pruned without it. */
export async function startCompanions(
  specs: readonly CompanionSpec[],
  context: CompanionContext,
): Promise<Companions> {
  const started = await Promise.all(specs.map((spec) => start(spec, context)));
  const each = <T>(action: (companion: Companion) => T, otherwise: T): T[] =>
    started.map(({ name, companion }) => {
      try {
        return action(companion);
      } catch (error) {
        context.report('warn', `${name}: ${(error as Error).message}`);
        return otherwise;
      }
    });
  return {
    onCommitted: (checkpoint) => void each((companion) => companion.onCommitted(checkpoint), undefined),
    heldSize: () => Math.min(Infinity, ...each((companion) => companion.heldSize(), 0)),
    status: () => {
      const all = each((companion) => companion.status(), undefined);
      return Object.fromEntries(started.map(({ name }, at) => [name, all[at]]));
    },
    close: async (deadlineMs) => {
      await Promise.allSettled(each((companion) => companion.close(deadlineMs), Promise.resolve()));
    },
  };
}

async function start(
  { name, module, options }: CompanionSpec,
  context: CompanionContext,
): Promise<{ readonly name: string; readonly companion: Companion }> {
  try {
    const loaded = (await import(module)) as CompanionModule;
    return { name, companion: await loaded.startCompanion(options, context) };
  } catch (error) {
    const fault = `cannot be started: ${(error as Error).message}`;
    context.report('warn', `${name} ${fault}`);
    return { name, companion: absent(fault) };
  }
}

function absent(fault: string): Companion {
  return {
    onCommitted: () => undefined,
    heldSize: () => 0,
    status: () => ({ fault }),
    close: () => Promise.resolve(),
  };
}
