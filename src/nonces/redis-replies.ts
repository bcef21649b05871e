/** What the scripts reply, as values. A reply of another shape is a fault of the server, not of a request. */

/** Of `claim`; times are Unix, in seconds or milliseconds as their names say. */
export type ClaimReply =
  | { readonly kind: 'claimed'; readonly floorSeconds: number }
  | {
      readonly kind: 'replayed';
      readonly firstRequestId: string;
      readonly firstSeenAtMs: number;
      readonly token: string;
      /** Of a claim that may yet be given back: since it was made, by the clock of Redis. Absent: it stands. */
      readonly ageMs: number | undefined;
    }
  | { readonly kind: 'below_floor'; readonly floorSeconds: number }
  | { readonly kind: 'full' | 'quota' | 'late' | 'detached' }
  | { readonly kind: 'diverged'; readonly byMs: number };

/** Of `attach`. `lost` says why the floor was raised; empty when it was not. */
export type AttachReply =
  | {
      readonly kind: 'attached';
      readonly floorSeconds: number;
      readonly epoch: string;
      readonly lost: string;
      readonly redisMs: number;
    }
  | { readonly kind: 'replica' }
  | { readonly kind: 'diverged'; readonly byMs: number };

/** Of `look`. `held`: how many claims are remembered, by the second of their timestamps. */
export type LookReply =
  | {
      readonly kind: 'attached';
      readonly floorSeconds: number;
      readonly redisMs: number;
      readonly held: ReadonlyMap<number, number>;
      readonly epoch: string;
    }
  | { readonly kind: 'detached' };

/** Throws on a reply that no script of ours gives. */
export function readClaimReply(reply: unknown): ClaimReply {
  const [kind, first, second, third, fourth] = list(reply);
  switch (kind) {
    case 'claimed':
    case 'below_floor':
      return { kind, floorSeconds: whole(first) };
    case 'replayed':
      return {
        kind,
        firstRequestId: text(first),
        firstSeenAtMs: whole(second),
        token: text(third),
        ageMs: ageOf(fourth),
      };
    case 'diverged':
      return { kind, byMs: whole(first) };
    case 'full':
    case 'quota':
    case 'late':
    case 'detached':
      return { kind };
    default:
      throw unexpected();
  }
}

/** Throws on a reply that no script of ours gives. */
export function readAttachReply(reply: unknown): AttachReply {
  const [kind, first, epoch, lost, redisMs] = list(reply);
  if (kind === 'replica') return { kind };
  if (kind === 'diverged') return { kind, byMs: whole(first) };
  if (kind !== 'attached') throw unexpected();
  return {
    kind,
    floorSeconds: whole(first),
    epoch: text(epoch),
    lost: text(lost),
    redisMs: whole(redisMs),
  };
}

/** Throws on a reply that no script of ours gives. */
export function readLookReply(reply: unknown): LookReply {
  const [kind, floor, redisMs, held, epoch] = list(reply);
  if (kind === 'detached') return { kind };
  if (kind !== 'attached') throw unexpected();
  return {
    kind,
    floorSeconds: whole(floor),
    redisMs: whole(redisMs),
    held: countsBySecond(list(held)),
    epoch: text(epoch),
  };
}

function ageOf(value: unknown): number | undefined {
  const ageMs = whole(value);
  return ageMs < 0 ? undefined : ageMs;
}

/** Field and value in turn; the fields that are no seconds are sums over the others. */
function countsBySecond(fields: readonly unknown[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const field = text(fields[at]);
    if (/^[0-9]{1,12}$/.test(field)) counts.set(Number(field), whole(fields[at + 1]));
  }
  return counts;
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpected();
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw unexpected();
}

function whole(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && /^-?[0-9]{1,15}$/.test(value)) return Number(value);
  throw unexpected();
}

function unexpected(): Error {
  return new Error(
    'Redis gave a reply that none of our scripts gives: is something else using the key prefix?',
  );
}
