/** Which requests a policy governs: whether one can match it at all, whether an earlier policy takes them, and what lies under its prefix. */
import { METHODS } from 'node:http';
import { foldedPath, pathFault } from '../../verify/normal-path.js';
import type { InnerRoute, Policy, RouteMatch, SignedPolicy } from '../../verify/snapshot.js';
import { nearestOf } from '../document/edit-distance.js';
import { quoteText } from '../../json/escape-text.js';
import type { PolicyInput } from '../schema/policy.js';
import type { ConfigurationNode } from './context.js';

/** Methods that can carry no checked request: a tunnel, and an echo of credentials (RFC 9110, section 9.3). */
const refusedMethods = new Set(['CONNECT', 'TRACE']);
/** Those that a slip of a finger was to be; any other token is a legal method too (RFC 9110, section 9.1). */
const usualMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A policy and where it stands in the file. */
export interface PlacedPolicy {
  readonly policy: Policy;
  readonly node: ConfigurationNode;
}

/** The match of the policy at `node`, or undefined with the reasons noted. */
export function compileMatch(
  { match, rawPaths }: Pick<PolicyInput, 'match' | 'rawPaths'>,
  policy: ConfigurationNode,
): RouteMatch | undefined {
  const node = policy.at('match');
  if (match === undefined) {
    node.problem('is missing', 'say which methods and which path this policy governs, or name a profile');
    return undefined;
  }
  checkMethods(match.methods, node.at('methods'));
  if ((match.path === undefined) === (match.pathPrefix === undefined)) {
    node.problem(
      match.path === undefined ? 'names no path' : 'names two paths',
      'give either path or pathPrefix',
    );
    return undefined;
  }
  const kind = match.path === undefined ? 'prefix' : 'exact';
  const path = match.path ?? match.pathPrefix ?? '';
  const place = node.at(kind === 'exact' ? 'path' : 'pathPrefix');
  place.noteFault(configuredPathFault(path, rawPaths !== undefined));
  if (kind === 'prefix' && !path.endsWith('/'))
    place.problem(
      'does not end in /, so it would also govern longer names',
      'end it with /; a policy with path governs the bare name',
    );
  return { kind, path, methods: new Set(match.methods), allowQuery: match.allowQuery };
}

function checkMethods(methods: readonly string[], node: ConfigurationNode): void {
  methods.forEach((method, index) => {
    if (refusedMethods.has(method)) node.at(index).problem(`${method} cannot be checked`, 'remove it');
    if (methods.indexOf(method) !== index) node.at(index).problem(`repeats ${method}`, 'name it once');
    const meant = METHODS.includes(method) ? undefined : nearestOf(usualMethods, method);
    if (meant !== undefined)
      node.at(index).warn(`${method} is no method that HTTP knows: did you mean ${meant}?`);
  });
}

/** Notes every policy whose requests an earlier one takes: the first that matches path and method governs. */
export function refuseHidden(placed: readonly PlacedPolicy[]): void {
  placed.forEach(({ policy, node }, index) => {
    const { match } = policy;
    for (const { policy: earlier } of placed.slice(0, index)) {
      const taken = [...match.methods].filter((method) => earlier.match.methods.has(method));
      if (taken.length === 0 || !covers(earlier.match, match)) continue;
      const same = earlier.match.kind === match.kind && earlier.match.path === match.path;
      const governor = quoteText(earlier.name);
      node
        .at('match')
        .problem(
          `${taken.join(', ')} ${match.path} is already governed by ${governor}${same ? '' : `, as it begins with ${earlier.match.path}`}`,
          same ? 'keep one of the two policies' : `put this policy before ${governor}`,
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

/** Why no request could ever have this path; the first reason alone. */
export function configuredPathFault(
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
      `has a ${quoteText(sign)}, but a path is no pattern: it is compared as it is written`,
      'give pathPrefix for all that begins alike, or a policy for each path',
    ];
  if (seen !== text)
    return [
      `can never match: Envoy makes ${quoteText(seen)} of it before it looks`,
      `write ${quoteText(seen)}`,
    ];
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
export function noteInnerRoutes(placed: readonly PlacedPolicy[], policies: Map<string, Policy>): void {
  const signed = placed.flatMap(({ policy }) => (policy.kind === 'signed' ? [foldedRoute(policy)] : []));
  for (const { policy, node } of placed) {
    if (policy.match.kind === 'exact' || policy.takesRawPaths === true) continue;
    const prefix = foldedPath(policy.match.path);
    const inner = signed.filter((route) => isInside(route, prefix, policy));
    if (inner.length === 0 || policies.get(policy.name) !== policy) continue;
    const innerRoutes = inner.map(({ kind, foldedPath }) => ({ kind, foldedPath }));
    policies.set(policy.name, { ...policy, innerRoutes });
    if (policy.kind === 'pass_through') node.at('match').warn(warning(policy, inner));
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
    .map(({ policy }) => `${quoteText(policy.name)} (${policy.match.path})`);
  const more = inner.length > MAX_NAMED ? ` and ${inner.length - MAX_NAMED} more` : '';
  return `${quoteText(name)} lets ${match.path} through unchecked, and signed routes lie under it: ${routes.join(', ')}${more}; what the application takes for one of these by rules of its own comes to it unverified`;
}
