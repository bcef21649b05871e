/** How one JSON document differs from another: what the corpus keeps of each mutated dump, beside the good one. */

/** One member that differs; without `value` it is gone. */
export interface Change {
  readonly at: readonly (string | number)[];
  readonly value?: unknown;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lists are compared item by item; one that became shorter is replaced. */
export function changesBetween(from: unknown, to: unknown, at: Change['at'] = []): Change[] {
  if (isRecord(from) && isRecord(to))
    return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((name) => {
      if (!(name in to)) return [{ at: [...at, name] }];
      return changesBetween(from[name], to[name], [...at, name]);
    });
  if (Array.isArray(from) && Array.isArray(to) && from.length <= to.length)
    return to.flatMap((item, index) => changesBetween(from[index], item, [...at, index]));
  return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ at, value: to }];
}

/** A copy with the changes made. */
export function withChanges(from: unknown, changes: readonly Change[]): unknown {
  const copy = structuredClone(from);
  for (const { at, ...change } of changes) {
    const last = at.at(-1)!;
    const parent = at.slice(0, -1).reduce<unknown>((value, name) => (value as never)[name], copy) as Record<
      string | number,
      unknown
    >;
    if ('value' in change) parent[last] = change.value;
    else Reflect.deleteProperty(parent, last);
  }
  return copy;
}
