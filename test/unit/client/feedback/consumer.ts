/** A consumer for tests: a keyring of one key, a clock that stands, a store of its own. */
import { createStrictVerifier } from '../../../../src/crypto/ed25519.js';
import { selectEngine } from '../../../../src/crypto/engines.js';
import {
  keyringFromMap,
  MemorySeenNonces,
  verifyFeedback,
  type FeedbackKeyring,
  type VerifiedFeedback,
  type VerifyFeedbackOptions,
} from '../../../../src/client/feedback/index.js';
import {
  KEY,
  KID,
  SIGNED_AT_SECONDS,
  signedAnswer,
  TENANT,
  type AnswerChanges,
} from '../../../support/signed-feedback.js';

export const NOW_MS = SIGNED_AT_SECONDS * 1000 + 4_500;
export const clock = { nowMs: () => NOW_MS };

export function keyringOf(map: Parameters<typeof keyringFromMap>[0]): FeedbackKeyring {
  const result = keyringFromMap(map);
  if (!result.ok) throw new Error(result.fault.code);
  return result.keyring;
}

/** The server's engine, which is far faster; `{ verifier: undefined }` is the client's own. */
const verifier = createStrictVerifier(selectEngine());

export const keyring = keyringOf({ [KID]: KEY.base64 });

export function consumer(changes: Partial<VerifyFeedbackOptions> = {}): VerifyFeedbackOptions {
  const at = changes.clock ?? clock;
  return {
    tenant: TENANT,
    keyring,
    clock: at,
    seenNonces: new MemorySeenNonces({ clock: at }),
    verifier,
    ...changes,
  };
}

/** Verified, or the test fails. */
export function verified(
  changes: AnswerChanges = {},
  options: Partial<VerifyFeedbackOptions> = {},
): VerifiedFeedback {
  const result = verifyFeedback(signedAnswer(changes), consumer(options));
  if (!result.ok) throw new Error(`refused: ${result.code}`);
  return result.feedback;
}
