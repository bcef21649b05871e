/** Which requests a policy governs: whether one can match it at all, whether an earlier policy takes them, and what lies under its prefix. */
import { foldedPath, pathFault } from '../../verify/normal-path.js';
import type { InnerRoute, Policy, RouteMatch, SignedPolicy } from '../../verify/snapshot.js';
import { quote, type ConfigurationPath, type Findings } from '../document/findings.js';
import type { PolicyInput } from '../schema/policy.js';

/** Methods that can carry no checked request: a tunnel, and an echo of credentials (RFC 9110, section 9.3). */
const refusedMethods = new Set(['CONNECT', 'TRACE']);

/** The match of a policy, or undefined with the reasons noted under `path`. */
export function compileMatch(
  { match: input, rawPaths }: Pick<PolicyInput, 'match' | 'rawPaths'>,
  path: ConfigurationPath,
  findings: Findings,
): RouteMatch | undefined {
  if (input === undefined) {
    findings.problem(
      [...path, 'match'],
      'is missing',
      'say which methods and which path this policy governs, or name a profile',
    );
    return undefined;
  }
  const matchPath = [...path, 'match'];
  checkMethods(input.methods, [...matchPath, 'methods'], findings);
  if ((input.path === undefined) === (input.pathPrefix === undefined)) {
    const message = input.path === undefined ? 'names no path' : 'names two paths';
    findings.problem(matchPath, message, 'give either path or pathPrefix');
    return undefined;
  }
  const kind = input.path === undefined ? 'prefix' : 'exact';
  const text = input.path ?? input.pathPrefix ?? '';
  checkConfiguredPath(text, kind, rawPaths !== undefined, {
    path: [...matchPath, kind === 'exact' ? 'path' : 'pathPrefix'],
    findings,
  });
  return { kind, path: text, methods: new Set(input.methods), allowQuery: input.allowQuery };
}

function checkMethods(methods: readonly string[], path: ConfigurationPath, findings: Findings): void {
  methods.forEach((method, index) => {
    if (refusedMethods.has(method))
      findings.problem([...path, index], `${method} cannot be checked`, 'remove it');
    if (methods.indexOf(method) !== index)
      findings.problem([...path, index], `repeats ${method}`, 'name it once');
  });
}

/** Notes every policy whose requests an earlier one takes: the first that matches path and method governs. */
export function refuseHidden(
  placed: readonly { readonly policy: Policy; readonly path: ConfigurationPath }[],
  findings: Findings,
): void {
  placed.forEach(({ policy, path }, index) => {
    const { match } = policy;
    for (const { policy: earlier } of placed.slice(0, index)) {
      const taken = [...match.methods].filter((method) => earlier.match.methods.has(method));
      if (taken.length === 0 || !covers(earlier.match, match)) continue;
      const same = earlier.match.kind === match.kind && earlier.match.path === match.path;
      findings.problem(
        [...path, 'match'],
        `${taken.join(', ')} ${match.path} is already governed by ${quote(earlier.name)}${same ? '' : `, as it begins with ${earlier.match.path}`}`,
        same ? 'keep one of the two policies' : `put this policy before ${quote(earlier.name)}`,
      );
    }
  });
}

function covers(earlier: RouteMatch, later: RouteMatch): boolean {
  if (earlier.kind === 'prefix') return later.path.startsWith(earlier.path);
  return later.kind === 'exact' && later.path === earlier.path;
}

/** What somebody who thinks of patterns puts into a path: `*`, `{id}`, `<id>`, `a|b`, `^`, `:id`. */
const PATTERN = /[*{}|^<>]|\/:/;
/** Dot segments, doubled and wrong separators; Envoy merges or refuses them. */
const UNMERGED = /\/\/|\\|%2f|%5c|\/\.{1,2}(?:\/|$)/i;
/** What Envoy 1.36 and 1.40 escape in a path, and the escapes that they resolve (seen; test/e2e/cases/rewritten-paths.ts). */
const ESCAPED = /["<>^`{|}]/g;
const UNESCAPED = /%(?:2[de]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f|7e)/gi;

/** Notes why no request could ever have this path; the first reason alone. */
export function checkConfiguredPath(
  text: string,
  kind: RouteMatch['kind'],
  takesRawPaths: boolean,
  { path, findings }: { readonly path: ConfigurationPath; readonly findings: Findings },
): void {
  const [message, remedy] = faultOf(text, takesRawPaths) ?? [];
  if (message !== undefined && remedy !== undefined) findings.problem(path, message, remedy);
  if (kind === 'prefix' && !text.endsWith('/'))
    findings.problem(
      path,
      'does not end in /, so it would also govern longer names',
      'end it with /; a policy with path governs the bare name',
    );
}

function faultOf(
  text: string,
  takesRawPaths: boolean,
): readonly [message: string, remedy: string] | undefined {
  const seen = text.replace(ESCAPED, escapeOf).replace(UNESCAPED, decodeURIComponent);
  if (UNMERGED.test(seen) || text.includes('\\'))
    return [
      'is not a normal path, and Envoy normalises before it asks',
      'write it without //, \\, /./, /../ and %2f',
    ];
  const sign = PATTERN.exec(text)?.[0];
  if (sign !== undefined)
    return [
      `has a ${quote(sign)}, but a path is no pattern: it is compared as it is written`,
      'give pathPrefix for all that begins alike, or a policy for each path',
    ];
  if (seen !== text)
    return [`can never match: Envoy makes ${quote(seen)} of it before it looks`, `write ${quote(seen)}`];
  const fault = takesRawPaths ? undefined : pathFault(text);
  if (fault === undefined) return undefined;
  return [
    `can never match: it has ${fault}, and such a path is refused`,
    'write it in normal form; a policy that needs it says rawPaths, with a reason',
  ];
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

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
