/** How those stand who hold the audit log besides us, for whoever watches: metrics, the facts of `/status`, a note of `/readyz`. */
import { Gauge, type Registry } from 'prom-client';
import type { HolderStatus } from '../audit/holders/holder-status.js';

/** As the sequencer tells it, by the name of what runs beside it. */
type Companions = Readonly<Record<string, unknown>>;

/** Those that are configured. */
interface Holders {
  readonly mirror: HolderStatus | undefined;
  readonly witnesses: readonly HolderStatus[];
  /** Why one of the two does not run at all. */
  readonly absences: readonly string[];
}

/** Behind for longer than this, they deserve a look. */
const LATE_SECONDS = 300;

function holdersIn({ mirror, witnesses }: Companions): Holders {
  const absences = [absenceIn('mirror', mirror), absenceIn('witnesses', witnesses)].filter(
    (absence) => absence !== undefined,
  );
  return {
    mirror: isHolder(mirror) ? mirror : undefined,
    witnesses: Array.isArray(witnesses) ? witnesses.filter(isHolder) : [],
    absences,
  };
}

function isHolder(value: unknown): value is HolderStatus {
  return typeof value === 'object' && value !== null && 'lagSeconds' in value;
}

/** What could not be started says nothing but why. */
function absenceIn(name: string, value: unknown): string | undefined {
  const isAbsent =
    typeof value === 'object' && value !== null && 'fault' in value && !('lagSeconds' in value);
  return isAbsent ? `${name} ${String(value.fault)}` : undefined;
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
    new Gauge({
      name: `countersign_audit_mirror_${name}`,
      help: help.replace('{who}', 'the mirror'),
      registers: [registry],
      collect() {
        const { mirror } = holdersIn(companions());
        this.reset();
        if (mirror === undefined) this.remove();
        else this.set(read(mirror));
      },
    });
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
}

/** For `/status`, under the names of the configuration. */
export function describeHolders(companions: Companions): Readonly<Record<string, unknown>> {
  const { mirror, witnesses, absences } = holdersIn(companions);
  return {
    ...(mirror !== undefined && { mirror: described(mirror) }),
    ...(witnesses.length > 0 && { witnesses: witnesses.map(described) }),
    ...(absences.length > 0 && { absent: absences }),
  };
}

function described({ name, size, lagSeconds, fault, isConflict }: HolderStatus): object {
  return { name, size, lag_seconds: Math.round(lagSeconds), fault: fault ?? null, conflict: isConflict };
}

/** Why somebody should look; undefined while all is well. A conflict first: it is what mirror and witnesses are for. */
export function holdersNote(companions: Companions): string | undefined {
  const { mirror, witnesses, absences } = holdersIn(companions);
  const all = [
    ...(mirror === undefined ? [] : [{ who: `the mirror ${mirror.name}`, holder: mirror }]),
    ...witnesses.map((holder) => ({ who: `the witness ${holder.name}`, holder })),
  ];
  const conflict = all.find(({ holder }) => holder.isConflict);
  if (conflict !== undefined)
    return `${conflict.who} contradicts the audit log: it ${conflict.holder.fault ?? ''}`;
  if (absences[0] !== undefined) return absences[0];
  const late = all.find(({ holder }) => holder.fault !== undefined || holder.lagSeconds > LATE_SECONDS);
  if (late === undefined) return undefined;
  const { fault, lagSeconds } = late.holder;
  return `${late.who} is ${Math.floor(lagSeconds)} s behind${fault === undefined ? '' : `: it ${fault}`}`;
}
