/** Which requests a policy governs, and whether an earlier one takes them away. */
import type { Policy, RouteMatch } from '../../verify/snapshot.js';
import { checkConfiguredPath } from './configured-path.js';
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
  const place = [...path, 'match'];
  checkMethods(input.methods, [...place, 'methods'], findings);
  if ((input.path === undefined) === (input.pathPrefix === undefined)) {
    const message = input.path === undefined ? 'names no path' : 'names two paths';
    findings.problem(place, message, 'give either path or pathPrefix');
    return undefined;
  }
  const kind = input.path === undefined ? 'prefix' : 'exact';
  const text = input.path ?? input.pathPrefix ?? '';
  checkConfiguredPath(text, kind, rawPaths !== undefined, {
    path: [...place, kind === 'exact' ? 'path' : 'pathPrefix'],
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
