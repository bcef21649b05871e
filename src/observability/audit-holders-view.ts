/** How those stand who hold the audit log besides us, for whoever watches: metrics, the facts of `/status`, a note of `/readyz`. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { HolderStatus } from '../audit/holders/holder-status.js';

/** As the sequencer tells it, by the name of what runs beside it. */
type Companions = Readonly<Record<string, unknown>>;

/** A collector may refuse records for good. */
type CollectorStatus = HolderStatus & { readonly rejected: number };

/** What could not be started says nothing but why. */
interface Absence {
  readonly kind: HolderKind;
  readonly fault: string;
}

/** What holds the log besides us. */
export type HolderKind = 'mirror' | 'witness' | 'collector';

/** Those that are configured. */
interface Holders {
  readonly mirror: HolderStatus | undefined;
  readonly witnesses: readonly HolderStatus[];
  readonly collector: CollectorStatus | undefined;
  readonly absences: readonly Absence[];
}

/** Behind for longer than this, they deserve a look. */
const LATE_SECONDS = 300;

function holdersIn({ mirror, witnesses, otlp }: Companions): Holders {
  return {
    mirror: isHolder(mirror) ? mirror : undefined,
    witnesses: Array.isArray(witnesses) ? witnesses.filter(isHolder) : [],
    collector: isHolder(otlp) ? (otlp as CollectorStatus) : undefined,
    absences: [
      ...absenceIn('mirror', mirror),
      ...absenceIn('witness', witnesses),
      ...absenceIn('collector', otlp),
    ],
  };
}

function isHolder(value: unknown): value is HolderStatus {
  return typeof value === 'object' && value !== null && 'lagSeconds' in value;
}

function absenceIn(kind: HolderKind, value: unknown): Absence[] {
  const isAbsent =
    typeof value === 'object' && value !== null && 'fault' in value && !('lagSeconds' in value);
  return isAbsent ? [{ kind, fault: String(value.fault) }] : [];
}

/** One that is configured; without a name and a lag where it could not be started. */
export type NamedHolder = { readonly kind: HolderKind } & Pick<HolderStatus, 'fault' | 'isConflict'> &
  Partial<Pick<HolderStatus, 'name' | 'lagSeconds'>>;

/** All that are configured. */
export function namedHolders(companions: Companions): readonly NamedHolder[] {
  const { mirror, witnesses, collector, absences } = holdersIn(companions);
  return [
    ...(mirror === undefined ? [] : [{ ...mirror, kind: 'mirror' as const }]),
    ...witnesses.map((witness) => ({ ...witness, kind: 'witness' as const })),
    ...(collector === undefined ? [] : [{ ...collector, kind: 'collector' as const }]),
    ...absences.map((absence) => ({ ...absence, isConflict: false })),
  ];
}

const FIGURES: readonly (readonly [name: string, help: string, read: (holder: HolderStatus) => number])[] = [
  ['size', 'Records of the audit log that {who} has.', ({ size }) => size],
  [
    'lag_seconds',
    'Since the audit log first had more than {who}; 0 while it has not.',
    ({ lagSeconds }) => lagSeconds,
  ],
  [
    'healthy',
    '1 while {who} can be reached and takes what it is given.',
    ({ fault }) => (fault === undefined ? 1 : 0),
  ],
  [
    'conflict',
    '1 when {who} has what contradicts the audit log: restored, forked or forged.',
    ({ isConflict }) => (isConflict ? 1 : 0),
  ],
];

/** `companions`: read when somebody scrapes. Those that are not configured have no figures. */
export function addHolderMetrics(registry: Registry, companions: () => Companions): void {
  for (const [name, help, read] of FIGURES) {
    addFigure(registry, `mirror_${name}`, help.replace('{who}', 'the mirror'), () =>
      figureOf(holdersIn(companions()).mirror, read),
    );
    // A collector keeps no tree that could contradict ours.
    if (name !== 'conflict')
      addFigure(registry, `collector_${name}`, help.replace('{who}', 'the collector'), () =>
        figureOf(holdersIn(companions()).collector, read),
      );
    new Gauge({
      name: `countersign_audit_witness_${name}`,
      help: help.replace('{who}', 'a witness'),
      labelNames: ['witness'],
      registers: [registry],
      collect() {
        this.reset();
        for (const one of holdersIn(companions()).witnesses) this.set({ witness: one.name }, read(one));
      },
    });
  }
  new Counter({
    name: 'countersign_audit_collector_rejected_total',
    help: 'Records that the collector refused for good, since the start; they were passed over.',
    registers: [registry],
    collect() {
      const { collector } = holdersIn(companions());
      this.reset();
      if (collector === undefined) this.remove();
      else this.inc(collector.rejected);
    },
  });
}

function figureOf(
  holder: HolderStatus | undefined,
  read: (holder: HolderStatus) => number,
): number | undefined {
  return holder && read(holder);
}

/** A gauge that is not there while `read` gives nothing. */
function addFigure(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  new Gauge({
    name: `countersign_audit_${name}`,
    help,
    registers: [registry],
    collect() {
      const figure = read();
      this.reset();
      if (figure === undefined) this.remove();
      else this.set(figure);
    },
  });
}

/** For `/status`. */
export function describeHolders(companions: Companions): Readonly<Record<string, unknown>> {
  const { mirror, witnesses, collector, absences } = holdersIn(companions);
  return {
    ...(mirror !== undefined && { mirror: described(mirror) }),
    ...(witnesses.length > 0 && { witnesses: witnesses.map(described) }),
    ...(collector !== undefined && { collector: describedCollector(collector) }),
    ...(absences.length > 0 && { absent: absences.map(absenceText) }),
  };
}

function described({ name, size, lagSeconds, fault, isConflict }: HolderStatus): object {
  return { name, size, lag_seconds: Math.round(lagSeconds), fault: fault ?? null, conflict: isConflict };
}

function describedCollector({ name, size, lagSeconds, fault, rejected }: CollectorStatus): object {
  return { name, size, lag_seconds: Math.round(lagSeconds), fault: fault ?? null, rejected };
}

function absenceText({ kind, fault }: Absence): string {
  return `the ${kind} ${fault}`;
}

/** Why somebody should look; undefined while all is well. A conflict first: it is what mirror and witnesses are for. */
export function holdersNote(companions: Companions): string | undefined {
  const all = namedHolders(companions);
  const conflict = all.find(({ isConflict }) => isConflict);
  if (conflict !== undefined)
    return `the ${conflict.kind} ${conflict.name} contradicts the audit log: it ${conflict.fault ?? ''}`;
  const [absence] = holdersIn(companions).absences;
  if (absence !== undefined) return absenceText(absence);
  const late = all.find(({ fault, lagSeconds = 0 }) => fault !== undefined || lagSeconds > LATE_SECONDS);
  if (late === undefined) return undefined;
  const { kind, name, fault, lagSeconds = 0 } = late;
  return `the ${kind} ${name} is ${Math.floor(lagSeconds)} s behind${fault === undefined ? '' : `: it ${fault}`}`;
}
