/** Whether a path of the configuration can match a request at all, after what Envoy makes of every path. */
import { pathFault } from '../../verify/normal-path.js';
import type { RouteMatch } from '../../verify/snapshot.js';
import { quote, type ConfigurationPath, type Findings } from '../document/findings.js';

interface Place {
  readonly path: ConfigurationPath;
  readonly findings: Findings;
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
  { path, findings }: Place,
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
