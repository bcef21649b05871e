/** Signed routes under the prefix of another policy: named in a warning, and their other spellings refused there. */
import { foldedPath } from '../../verify/normal-path.js';
import type { InnerRoute, Policy, SignedPolicy } from '../../verify/snapshot.js';
import { quote, type ConfigurationPath, type Findings } from '../document/findings.js';

/** How many routes a warning names. */
const MAX_NAMED = 5;

interface Folded extends InnerRoute {
  readonly policy: SignedPolicy;
}

/** Completes the policies of `policies` that have such routes; a pass-through with one is a warning. */
export function noteInnerRoutes(
  placed: readonly { readonly policy: Policy; readonly path: ConfigurationPath }[],
  policies: Map<string, Policy>,
  findings: Findings,
): void {
  const signed = placed.flatMap(({ policy }) => (policy.kind === 'signed' ? [foldedRoute(policy)] : []));
  for (const { policy, path } of placed) {
    if (policy.match.kind === 'exact' || policy.takesRawPaths === true) continue;
    const prefix = foldedPath(policy.match.path);
    const inner = signed.filter((route) => isInside(route, prefix, policy));
    if (inner.length === 0 || policies.get(policy.name) !== policy) continue;
    const innerRoutes = inner.map(({ kind, foldedPath }) => ({ kind, foldedPath }));
    policies.set(policy.name, { ...policy, innerRoutes });
    if (policy.kind === 'pass_through') findings.warn([...path, 'match'], warning(policy, inner));
  }
}

function foldedRoute(policy: SignedPolicy): Folded {
  const { kind, path } = policy.match;
  const folded = foldedPath(path);
  return { kind, policy, foldedPath: kind === 'exact' ? folded.replace(/\/$/, '') : folded };
}

/** A policy for other methods of the same prefix is beside it, not inside. */
function isInside(route: Folded, prefix: string, outer: Policy): boolean {
  if (!route.foldedPath.startsWith(prefix)) return false;
  return route.policy.match.path !== outer.match.path;
}

function warning({ name, match }: Policy, inner: readonly Folded[]): string {
  const routes = inner
    .slice(0, MAX_NAMED)
    .map(({ policy }) => `${quote(policy.name)} (${policy.match.path})`);
  const more = inner.length > MAX_NAMED ? ` and ${inner.length - MAX_NAMED} more` : '';
  return `${quote(name)} lets ${match.path} through unchecked, and signed routes lie under it: ${routes.join(', ')}${more}; what the application takes for one of these by rules of its own comes to it unverified`;
}
