/** Whether what the body repeats equals what was signed beside it, and its own parts equal each other. */
import type { BodyContract } from '../body-contract.js';
import { refuseBody, type Refusal } from '../refusal.js';
import type { SignatureProof } from '../signed-request.js';
import { bodyFault, roleText, type BodyTexts } from './body.js';

/** The body's nonce and timestamp are the headers'; every declared equality holds. */
export function checkBodyBindings(
  texts: BodyTexts,
  contract: BodyContract,
  proof: SignatureProof | undefined,
): Refusal | undefined {
  if (proof !== undefined) {
    if (differs(roleText(contract, texts, 'nonce'), proof.nonce))
      return refuseBody('body_repeats_other_nonce', bodyFault(contract, 'nonce', 'mismatch'));
    if (differs(roleText(contract, texts, 'timestamp'), proof.timestamp))
      return refuseBody('body_repeats_other_timestamp', bodyFault(contract, 'timestamp', 'mismatch'));
  }
  for (const { left, right, ifPresent } of contract.equalities) {
    const value = texts.get(left);
    if (value === undefined && ifPresent) continue;
    if (value !== texts.get(right))
      return refuseBody(
        'body_binding_mismatch',
        { pointer: left, problem: 'mismatch' },
        `"${left}" differs from "${right}"`,
      );
  }
  return undefined;
}

function differs(repeated: string | undefined, signed: string): boolean {
  return repeated !== undefined && repeated !== signed;
}
