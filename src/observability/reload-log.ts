/** What became of reloads, as metrics and for `/status`: how many, when, and what was wrong with the last one. */
import { Counter, Gauge, type Registry } from 'prom-client';

/** `applied`: in force. `refused`: the last good configuration stays. */
type Kind = 'applied' | 'refused';

/** One reload, as it is told to people. */
interface ReloadEntry {
  readonly kind: Kind;
  /** Who asked: a file, a signal, a request; more than one where they came together. */
  readonly causes: readonly string[];
  /** Why it was refused; empty when it was not. */
  readonly problems: readonly string[];
  /** What is different now, by name; empty when it was refused, or the files said the same as before. */
  readonly changes?: readonly string[];
}

/** One that ran, with its time. */
type NotedReload = ReloadEntry & { readonly atMs: number };

/** A reload as `/status` and the page tell it. */
export type ReloadNote = Readonly<Record<string, unknown>>;

/** Problems in `/status`; the log has all of them. */
const SHOWN_PROBLEMS = 20;
/** What a page shows of them; the log has all. */
const KEPT_RELOADS = 20;

export class ReloadLog {
  readonly #reloads: Counter<'outcome'>;
  readonly #times: Gauge<'outcome'>;
  readonly #lastGood: Gauge;
  readonly #nowMs: () => number;
  readonly #kept: NotedReload[] = [];

  /** `nowMs`: wall clock, Unix milliseconds. The start counts as the first good configuration. */
  constructor(registry: Registry, nowMs: () => number) {
    const registers = [registry];
    this.#nowMs = nowMs;
    this.#reloads = new Counter({
      name: 'countersign_configuration_reloads_total',
      help: 'Reloads since the start, by outcome: applied, or refused with the last good configuration kept.',
      labelNames: ['outcome'],
      registers,
    });
    this.#times = new Gauge({
      name: 'countersign_configuration_reload_timestamp_seconds',
      help: 'Unix time of the last reload of each outcome; the start is the first that was applied.',
      labelNames: ['outcome'],
      registers,
    });
    this.#lastGood = new Gauge({
      name: 'countersign_configuration_last_reload_successful',
      help: '0 after a reload that was refused, until one is applied.',
      registers,
    });
    for (const outcome of ['applied', 'refused'] as const) this.#reloads.inc({ outcome }, 0);
    this.#times.set({ outcome: 'applied' }, nowMs() / 1000);
    this.#lastGood.set(1);
  }

  /** Notes a reload that ran. */
  note(entry: ReloadEntry): void {
    const outcome = entry.kind;
    const atMs = this.#nowMs();
    this.#kept.push({ ...entry, problems: entry.problems.slice(0, SHOWN_PROBLEMS), atMs });
    if (this.#kept.length > KEPT_RELOADS) this.#kept.shift();
    this.#reloads.inc({ outcome });
    this.#times.set({ outcome }, atMs / 1000);
    this.#lastGood.set(outcome === 'applied' ? 1 : 0);
  }

  /** A sentence for readiness while the files are not what is in force. */
  warning(): string | undefined {
    if (this.#kept.at(-1)?.kind !== 'refused') return undefined;
    return 'the last reload was refused, and the configuration before it is in force; see /status';
  }

  /** For `/status`; undefined before the first reload. */
  describe(): ReloadNote | undefined {
    const last = this.#kept.at(-1);
    return last && described(last);
  }

  /** The last ones, the newest first. */
  history(): readonly ReloadNote[] {
    return this.#kept.map(described).reverse();
  }
}

function described({ kind, causes, problems, changes = [], atMs }: NotedReload): ReloadNote {
  return {
    outcome: kind,
    at: new Date(atMs).toISOString(),
    causes,
    problems,
    ...(kind === 'applied' && { changes }),
  };
}
