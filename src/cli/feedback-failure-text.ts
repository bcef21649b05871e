/** Each way in which verifying an answer fails, as a sentence with its remedy. */
import type { VerificationFailure } from '../client/feedback/answer-checks.js';
import { quoteText } from '../json/escape-text.js';
import type { Explanation } from './send-failure-text.js';

/** The sentences. Texts of the answer are quoted, escaped and cut. */
export function explainVerificationFailure(failure: VerificationFailure): Explanation {
  switch (failure.code) {
    case 'too_large':
      return {
        message: `the answer is larger than ${failure.maxEnvelopeBytes} bytes`,
        remedy: 'ask for fewer adjustments with --limit',
      };
    case 'malformed_json':
      return {
        message: `the answer is not acceptable JSON: ${failure.fault} at byte ${failure.offset}`,
        remedy: 'give the body exactly as it was delivered',
      };
    case 'malformed_envelope':
      return explainEnvelope(failure);
    case 'unknown_kid':
      return {
        message: `the keyring has no key ${quoteText(failure.kid)}`,
        remedy: 'get the keyring of the signer anew, if it has rotated its keys',
      };
    case 'kid_not_yet_valid':
      return {
        message: `the key ${quoteText(failure.kid)} is not valid yet`,
        remedy: 'compare the clocks of both machines, and look at its notBefore in the keyring',
      };
    case 'kid_retired':
      return {
        message: `the key ${quoteText(failure.kid)} is retired`,
        remedy: 'have the signer use its new key, and do not trust an answer under the old one',
      };
    case 'other_algorithm':
      return {
        message: `the answer is signed with ${quoteText(failure.algorithm)}, not Ed25519`,
        remedy: 'do not trust it; have the signer use Ed25519, as no other algorithm is accepted',
      };
    case 'bad_signature':
      return {
        message: `the signature under ${quoteText(failure.kid)} does not hold for this tenant and these bytes`,
        remedy: 'check --tenant, and that the body is as it was delivered; else it was tampered with',
      };
    case 'other_schema':
      return {
        message: `the answer has the schema version ${quoteText(failure.schemaVersion)}`,
        remedy: 'say with --schema which one is expected',
      };
    case 'stale':
      return explainAge(failure.ageSeconds, failure.maxAgeSeconds);
    case 'replayed':
      return { message: 'the answer was taken before', remedy: 'send a new query' };
    case 'nonces_full':
      return { message: 'no more nonces can be remembered', remedy: 'try again when the oldest have ended' };
  }
}

function explainEnvelope(
  failure: VerificationFailure & { readonly code: 'malformed_envelope' },
): Explanation {
  if (failure.problem === 'no_object')
    return {
      message: 'the answer is JSON, but no object',
      remedy: 'give the body exactly as it was delivered',
    };
  const { member, problem } = failure;
  const said = {
    missing: 'is missing',
    type: 'is of the wrong type',
    syntax: 'has not the syntax of the contract',
  };
  return {
    message: `the answer is no signed envelope: "${member}" ${said[problem]}`,
    remedy:
      problem === 'missing'
        ? 'check that the route signs its answers ("countersign check-config" says which do)'
        : 'tell those who run the signer',
  };
}

function explainAge(ageSeconds: number, maxAgeSeconds: number): Explanation {
  return ageSeconds > 0
    ? {
        message: `the answer was signed ${ageSeconds} s ago, and ${maxAgeSeconds} s are allowed`,
        remedy: 'send a new query, or compare the clocks of both machines',
      }
    : {
        message: `the answer was signed ${-ageSeconds} s ahead of this machine's clock`,
        remedy: 'compare the clocks of both machines',
      };
}
