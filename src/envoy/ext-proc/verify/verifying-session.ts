/**
 * One request on a stream of ext_proc: its headers, its buffered body, the decision; and, where the policy signs, the
 * answer on the same stream. Whatever is unexpected is a refusal, and nothing but a decision lets a request go on.
 */
import type { ShedReason } from '../../../grpc/method.js';
import type { Snapshot } from '../../../verify/snapshot.js';
import { metadataOf } from '../../check/answer.js';
import type { CheckService, Front } from '../../check/check-service.js';
import type { Concluded } from '../../check/check-state.js';
import type { PeerCertificates } from '../../check/peer-certificates.js';
import type { SelectedHeaders } from '../../check/selected-headers.js';
import type { InboundRequest } from '../../../verify/inbound-request.js';
import { BUFFERED } from '../request.js';
import { PASS_BODY, PASS_HEADERS } from '../response.js';
import type { ProcessingSession, VerifiedRequest } from '../session.js';
import { AWAIT_BODY, encodeDecision, type Due } from './answer.js';
import type { AwaitedBodies } from './awaited-bodies.js';
import {
  inboundRequest,
  isAnswerBody,
  ownRefusal,
  readBeginning,
  readBody,
  type Beginning,
} from './inbound.js';

/** Everything that a session works with; all of it is passed in. */
export interface VerifyingOptions {
  readonly checks: Pick<CheckService, 'check' | 'shed'>;
  readonly certificates: Pick<PeerCertificates, 'read'>;
  readonly snapshot: () => Snapshot;
  readonly selected: SelectedHeaders;
  readonly bodies: AwaitedBodies;
  /** Behind its filter Envoy lets nothing go on that was not decided. */
  readonly isGuarded: boolean;
  /** What signs the answer on this stream. */
  readonly sign: (verified: VerifiedRequest) => ProcessingSession;
  readonly checkTimeoutMilliseconds: number;
  /** That of the transport. */
  readonly monotonicMs: () => number;
}

/** What may come next. `signing`: the answer, for the signer. `own_refusal`: the body of Envoy's own. `done`: nothing. */
type State =
  | { readonly kind: 'headers' }
  | { readonly kind: 'done' }
  | { readonly kind: 'own_refusal' }
  | { readonly kind: 'body'; readonly begun: Beginning }
  | { readonly kind: 'signing'; readonly signer: ProcessingSession };

const DONE: State = { kind: 'done' };
const NO_BODY: Buffer = Buffer.alloc(0);

export class VerifyingSession implements ProcessingSession {
  readonly #options: VerifyingOptions;
  readonly #peer: string;
  readonly #front: Front<Beginning | undefined>;
  #state: State = { kind: 'headers' };
  #body = NO_BODY;
  #due: Due = 'request_headers';
  #arrivedMs = 0;
  #isClosed = false;
  #awaitsBody = false;
  /** The first message about the answer has come. */
  #isAnswered = false;

  /** `peer`: the digest of its certificate, not judged yet; empty without one. */
  constructor(options: VerifyingOptions, peer: string) {
    this.#options = options;
    this.#peer = peer;
    this.#front = {
      read: (begun, snapshot) => this.#read(begun, snapshot),
      answer: (concluded) => this.#answer(concluded),
    };
  }

  arrives(): string {
    this.#arrivedMs = this.#options.monotonicMs();
    return this.#isAnswered ? `answers to ${this.identity() ?? ''}` : `checks of ${this.#peer}`;
  }

  answer(message: Buffer): Promise<Uint8Array> {
    const state = this.#state;
    if (state.kind === 'signing') {
      this.#isAnswered = true;
      return state.signer.answer(message);
    }
    this.#state = DONE;
    this.#letBodyGo();
    const { selected, snapshot } = this.#options;
    if (state.kind === 'headers') return this.#headers(message);
    if (state.kind === 'done') return this.#decide(undefined);
    const passed = this.#passOwnRefusal(state, message);
    if (passed !== undefined) return Promise.resolve(passed);
    if (state.kind === 'own_refusal') return this.#decide(undefined);
    const body = readBody(message, selected.of(snapshot()));
    if (body === undefined) return this.#decide(undefined);
    this.#body = body;
    this.#due = 'request_body';
    return this.#decide(state.begun);
  }

  refuse(reason: ShedReason = 'queue_full'): Promise<Uint8Array> {
    const state = this.#state;
    if (state.kind === 'signing') return state.signer.refuse(reason);
    this.#state = DONE;
    this.#letBodyGo();
    return this.#options.checks.shed(reason, this.#front);
  }

  isDone(): boolean {
    return this.#state.kind === 'signing' ? this.#state.signer.isDone() : this.#state === DONE;
  }

  /** Of an answer that is awaited: only those are counted by identity. */
  identity(): string | undefined {
    return this.#state.kind === 'signing' && this.#isAnswered ? this.#state.signer.identity() : undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#letBodyGo();
    if (this.#state.kind === 'signing') this.#state.signer.close();
    this.#state = DONE;
  }

  #headers(message: Buffer): Promise<Uint8Array> {
    const { selected, snapshot, bodies, isGuarded } = this.#options;
    const now = snapshot();
    const begun = readBeginning(message, selected.of(now), now.headers, isGuarded);
    if (begun?.isEnough !== false) return this.#decide(begun);
    if (!bodies.take(this.#peer)) return this.refuse();
    this.#awaitsBody = true;
    this.#state = { kind: 'body', begun };
    return Promise.resolve(AWAIT_BODY);
  }

  /** Undefined where the message is not of an answer of Envoy's own, which goes on as it is. */
  #passOwnRefusal(state: State, message: Buffer): Uint8Array | undefined {
    if (state.kind === 'own_refusal') return isAnswerBody(message) ? PASS_BODY : undefined;
    const refusal = ownRefusal(message);
    if (refusal === 'more') this.#state = { kind: 'own_refusal' };
    return refusal && PASS_HEADERS;
  }

  /** Undefined, where Envoy sent something that was not due, is refused as what no filter of ours sends. */
  #decide(begun: Beginning | undefined): Promise<Uint8Array> {
    const { checks, checkTimeoutMilliseconds } = this.#options;
    const deadlineMs = this.#arrivedMs + checkTimeoutMilliseconds;
    return checks.check(begun, { cancelled: () => this.#isClosed, deadlineMs }, this.#front);
  }

  #read(begun: Beginning | undefined, snapshot: Snapshot): InboundRequest {
    if (begun === undefined || !haveSameNames(begun.names, snapshot.headers))
      throw new RangeError(
        'the messages are not those of a request, or its headers were chosen by other names',
      );
    return inboundRequest(begun, this.#body, this.#options.certificates);
  }

  /** The stream goes on only where the answer is to be signed on it; else there is nothing left to ask. */
  #answer(concluded: Concluded): Uint8Array {
    const { outcome } = concluded;
    const reply = encodeDecision(concluded, this.#due);
    this.#body = NO_BODY;
    this.#state =
      outcome.kind === 'allow' && outcome.verified.policy.answer === 'signed_feedback' && !this.#isClosed
        ? { kind: 'signing', signer: this.#options.sign(verifiedRequest(concluded)) }
        : DONE;
    return reply;
  }

  #letBodyGo(): void {
    if (this.#awaitsBody) this.#options.bodies.letGo(this.#peer);
    this.#awaitsBody = false;
  }
}

/** That the answer is buffered was looked at before anything was judged. */
function verifiedRequest(concluded: Concluded): VerifiedRequest {
  const context = new Map<string, string>();
  for (const [name, value] of Object.entries(metadataOf('allow', concluded)))
    if (value !== undefined) context.set(name, value);
  return { context, responseBodyMode: BUFFERED };
}

/** A reload may have given the security headers other names while the body was on its way. */
function haveSameNames(some: Snapshot['headers'], others: Snapshot['headers']): boolean {
  return some === others || JSON.stringify(some) === JSON.stringify(others);
}
