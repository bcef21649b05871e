/** The consumer of the demonstration, on our client library alone: from an answer as it was delivered to a decision. */
import {
  bindAdjustments,
  describeKeyringFault,
  evaluateAllow,
  FeedbackPolicy,
  keyringFromJson,
  MemorySeenNonces,
  verifyFeedback,
  type Execution,
  type FeedbackClock,
  type FeedbackKeyring,
  type PolicyInput,
  type SeenNonces,
} from '../../../src/client/index.js';
import { FederationFault } from '../fault.js';

/** What became of an answer: a code of `verifyFeedback`, or how many adjustments concern the execution. */
export type Taken =
  { readonly kind: 'refused'; readonly code: string } | { readonly kind: 'bound'; readonly applied: number };

/** Reads the keyring of the federation's values. Throws a fault when it is none. */
function keyringFrom(text: string): FeedbackKeyring {
  const read = keyringFromJson(text);
  if (read.ok) return read.keyring;
  throw new FederationFault(
    `COUNTERSIGN_FEEDBACK_KEYRING_JSON: ${describeKeyringFault(read.fault)}`,
    'make local-federation-up writes it again',
  );
}

/** Takes the answers of one tenant and decides by what was bound. */
export class FeedbackConsumer {
  readonly #tenant: string;
  readonly #keyring: FeedbackKeyring;
  readonly #clock: FeedbackClock;
  readonly #seenNonces: SeenNonces;
  readonly #policy: FeedbackPolicy;

  /** @param keyring JSON, kid → base64 of the public key */
  constructor(tenant: string, keyring: string, clock: FeedbackClock) {
    this.#tenant = tenant;
    this.#keyring = keyringFrom(keyring);
    this.#clock = clock;
    this.#seenNonces = new MemorySeenNonces({ clock });
    this.#policy = new FeedbackPolicy({ clock });
  }

  /** Verifies an answer and lets what is bound to the execution change decisions from now on. */
  take(answer: string, execution: Execution): Taken {
    const verification = verifyFeedback(answer, {
      tenant: this.#tenant,
      keyring: this.#keyring,
      clock: this.#clock,
      seenNonces: this.#seenNonces,
    });
    if (!verification.ok) return { kind: 'refused', code: verification.code };
    const bound = bindAdjustments(verification.feedback, execution);
    if (!this.#policy.apply(bound)) return { kind: 'refused', code: 'no_room' };
    return { kind: 'bound', applied: bound.applied.length };
  }

  /** What a policy engine would be told about the target. */
  inputFor(target: string): PolicyInput {
    return this.#policy.policyInput(this.#tenant, target);
  }

  /** The decision about the target, where everything else says yes. */
  allows(target: string): boolean {
    return evaluateAllow(true, this.inputFor(target), this.#clock.nowMs());
  }
}
