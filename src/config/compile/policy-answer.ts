/** What becomes of a policy's answer, and whether that can be done. */
import type { SignedPolicy } from '../../verify/snapshot.js';
import type { LoadContext } from './context.js';
import { quote, type ConfigurationPath } from '../document/findings.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { PolicyInput } from '../schema/policy.js';

/** The profile whose answers are feedback. */
const feedbackProfile = 'federation.feedback-query';

/**
 * The answer of a signed policy: signed where the file says so, and with the feedback profile where it does not say
 * otherwise. `hasOperator` is whether the body names one, since without an operator there is no verified tenant.
 */
export function answerOf(
  entry: PolicyInput,
  input: ConfigurationInput,
  hasOperator: boolean,
  path: ConfigurationPath,
  context: LoadContext,
): SignedPolicy['answer'] {
  const isFeedback = entry.profile === feedbackProfile;
  if (!(entry.answer?.signed ?? isFeedback)) return 'as_is';
  const { findings } = context;
  if (entry.profile !== undefined && !isFeedback)
    findings.problem([...path, 'answer'], 'cannot be signed: it is no feedback', 'remove it');
  else if (!hasOperator)
    findings.problem(
      [...path, 'answer'],
      'cannot be signed: the body names no operator, and so no tenant to sign for',
      'add body.json.operator, or say signed: false',
    );
  else if (input.feedback === undefined)
    findings.problem(
      entry.answer === undefined ? path : [...path, 'answer'],
      `${quote(entry.name)} signs its answers, and the file has no key for that`,
      'add feedback: { keys: [{ kid, privateKeyFile }] } (`countersign keygen` makes a key), or say answer: { signed: false } here',
    );
  refuseMethodsWithoutBody(entry, path, findings);
  return 'signed_feedback';
}

/** Of a policy of one's own: what is signed is a body that answers a body. */
function refuseMethodsWithoutBody(
  { match }: PolicyInput,
  path: ConfigurationPath,
  findings: LoadContext['findings'],
): void {
  const methods = match?.methods ?? [];
  if (methods.length === 0 || methods.some((method) => method !== 'HEAD' && method !== 'GET')) return;
  findings.problem(
    [...path, 'answer'],
    'cannot be signed: a GET or HEAD has no body that could name its operator, so every such request would be refused',
    'name methods with a body, such as POST, or say signed: false',
  );
}
