/** One thing made wrong in our own bootstrap, and the rule that has to say so. */
import type { Tree } from '../support/document.js';
import type { Known } from '../support/judged.js';

/** `lines`: where Envoy takes it; default both. */
export interface Mutation {
  readonly rule: string;
  readonly title: string;
  readonly change: (bootstrap: Tree) => void;
  readonly lines?: readonly EnvoyLineName[];
  /** What the rule needs to know besides the document. */
  readonly known?: Known;
  /** Only a dump shows it. */
  readonly onlyRunning?: true;
  /** Only a bootstrap shows it: Envoy redacts it in dumps. */
  readonly onlyWritten?: true;
}

/** The two lines that dumps are kept of. */
export type EnvoyLineName = '1.40' | '1.36';

/** A mutation with its title. */
export function mutation(
  rule: string,
  title: string,
  change: (bootstrap: Tree) => void,
  more: Pick<Mutation, 'lines' | 'known' | 'onlyRunning' | 'onlyWritten'> = {},
): Mutation {
  return { rule, title, change, ...more };
}
