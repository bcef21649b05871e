/** Which policy governs this request: Envoy's choice, else method and path. No policy is a refusal. */
import type { InboundRequest } from '../inbound-request.js';
import { foldedPath, pathFault } from '../normal-path.js';
import { refuse, type Refusal } from '../refusal.js';
import type { Policy, RouteMatch, Snapshot } from '../snapshot.js';

/**
 * Selects the policy. A policy that Envoy names must also match the path itself: a route that is wider
 * than its policy must not lend it to other paths.
 */
export function selectPolicy(request: InboundRequest, snapshot: Snapshot): Policy | Refusal {
  const queryStart = request.path.indexOf('?');
  const path = queryStart < 0 ? request.path : request.path.slice(0, queryStart);
  const found =
    request.policyName === undefined
      ? byPath(snapshot, path, request.method)
      : named(snapshot, request.policyName, path);
  if (found === undefined) return refuse('no_policy');
  const odd = oddSpelling(found, path);
  if (odd !== undefined) return refuse('path_not_normal', odd);
  if (queryStart >= 0 && !found.match.allowQuery) return refuse('query_not_allowed');
  if (!found.match.methods.has(request.method)) {
    return { ...refuse('method_not_allowed'), allowedMethods: [...found.match.methods] };
  }
  return found;
}

/**
 * Why the application might take the path for another one than was judged. An exact path was judged at load,
 * so only what a prefix leaves open is looked at.
 */
function oddSpelling({ match, takesRawPaths, innerRoutes }: Policy, path: string): string | undefined {
  if (match.kind === 'exact' || takesRawPaths === true) return undefined;
  const fault = pathFault(path);
  if (fault !== undefined || innerRoutes === undefined) return fault;
  const folded = foldedPath(path);
  const bare = folded.endsWith('/') ? folded.slice(0, -1) : folded;
  const inner = innerRoutes.some((route) =>
    route.kind === 'exact' ? route.foldedPath === bare : `${bare}/`.startsWith(route.foldedPath),
  );
  return inner ? 'another spelling of a signed route' : undefined;
}

function named(snapshot: Snapshot, name: string, path: string): Policy | undefined {
  const policy = snapshot.policies.get(name);
  return policy !== undefined && pathMatches(policy.match, path) ? policy : undefined;
}

/** The first policy of this path that serves the method; else the first of the path, which then says 405. */
function byPath(snapshot: Snapshot, path: string, method: string): Policy | undefined {
  let ofPath: Policy | undefined;
  for (const policy of snapshot.policies.values()) {
    if (!pathMatches(policy.match, path)) continue;
    if (policy.match.methods.has(method)) return policy;
    ofPath ??= policy;
  }
  return ofPath;
}

function pathMatches(match: RouteMatch, path: string): boolean {
  return match.kind === 'exact' ? path === match.path : path.startsWith(match.path);
}
