/**
 * Report-only: `judge` has refused, and this asks what else is wrong with the request and what of it is established all
 * the same. The decision itself is not touched (docs/security-requirements.md#27). Whatever can no longer be judged
 * because of what was let pass counts as refused by its own code, so that the list of an entry names all that it gives up.
 * Pure, and only run where an entry is in force for the code that was decided.
 */
import { checkAttestation, checkOperator } from '../checks/authorization.js';
import { checkBody, checkBodyBindings, roleText, type BodyTexts, type ContractBody } from '../checks/body.js';
import { checkContentHeaders } from '../checks/content-headers.js';
import { checkWholeBody } from '../checks/delivery.js';
import { checkFreshness, skewOf } from '../checks/freshness.js';
import { bundleProof, signatureBase } from '../checks/signature.js';
import type { SignatureProof } from '../checks/security-headers.js';
import type { BodyContract } from '../body-contract.js';
import type { DecisionFacts } from '../decision.js';
import type { InboundRequest } from '../inbound-request.js';
import { proveKey, type ClaimOnce, type JudgeOptions } from '../pipeline.js';
import type { Refusal } from '../refusal.js';
import type { KeyPurpose, SignedPolicy } from '../snapshot.js';
import { claimedName, lookAtCaller, type SeenCaller } from './caller.js';
import { wouldRefuse, type Established, type WouldRefuse } from './would-refuse.js';
import { Tolerance } from './tolerance.js';

/** A refusal as `judge` gave it, and what it was given. */
export interface Decided {
  readonly refusal: Refusal;
  readonly request: InboundRequest;
  readonly options: JudgeOptions;
  /** As the judgement filled them; what is found out here is added under the same rules. */
  readonly facts: DecisionFacts;
}

/** The refusal itself, unless a single entry lets everything pass that is wrong with the request. */
export function lookAgain(decided: Decided): WouldRefuse | Refusal {
  const { refusal, request, options, facts } = decided;
  const { reportOnly, headers } = options.snapshot;
  const { policy } = facts;
  if (reportOnly === undefined || policy?.kind !== 'signed') return refusal;
  const scope = { policy: policy.name, identity: claimedName(request, headers), nowMs: options.nowMs };
  const tolerance = new Tolerance(reportOnly, scope);
  if (!tolerance.takes(refusal.code)) return refusal;
  const established = new SecondLook(decided, policy, tolerance).look();
  options.timer.mark('second_look');
  return established === undefined
    ? { ...refusal, ...(tolerance.stoppedBy && { notTolerated: tolerance.stoppedBy }) }
    : wouldRefuse({ refusal, policy, established, tolerance });
}

/** The stages of the judgement were timed already. */
const UNTIMED: JudgeOptions['timer'] = { mark: () => undefined };

class SecondLook {
  readonly #decided: Decided;
  readonly #policy: SignedPolicy;
  readonly #tolerance: Tolerance;

  constructor(decided: Decided, policy: SignedPolicy, tolerance: Tolerance) {
    this.#decided = decided;
    this.#policy = policy;
    this.#tolerance = tolerance;
  }

  /** Undefined as soon as something is not let pass. Cheap checks first, as ever. */
  look(): Established | undefined {
    const { request } = this.#decided;
    const caller = lookAtCaller(this.#decided, this.#policy.signature, this.#tolerance);
    const isFresh = caller.proof === undefined || this.#isFresh(caller.proof.timestampSeconds);
    this.#take(checkWholeBody(request, this.#policy.maxBodyBytes));
    if (this.#isOver()) return undefined;
    const bundle = this.#policy.signature === 'bundle';
    const once = bundle ? undefined : this.#proveHeaders(caller);
    if (this.#isOver()) return undefined;
    const read = this.#read(caller.proof);
    if (this.#isOver()) return undefined;
    return bundle ? this.#judgedBundle(caller, read) : this.#authorized(caller, read, once, isFresh);
  }

  #judgedBundle(caller: SeenCaller, read: ReadBody | undefined): Established | undefined {
    const proof = read && bundleProof(read.body, this.#policy);
    const isFresh = proof === undefined || !this.#policy.once || this.#isFresh(proof.timestampSeconds);
    if (this.#isOver()) return undefined;
    const once = this.#prove(caller, 'bundle', proof);
    return this.#isOver() ? undefined : this.#authorized(caller, read, once, isFresh);
  }

  #isFresh(timestampSeconds: number): boolean {
    const { facts, options } = this.#decided;
    const skew = skewOf(timestampSeconds, options.nowMs);
    facts.skewSeconds = skew;
    return !this.#take(checkFreshness(skew, this.#policy.freshness));
  }

  #proveHeaders(caller: SeenCaller): ClaimOnce | undefined {
    const { proof } = caller;
    const message = proof && signatureBase(proof, this.#decided.request.body);
    return this.#prove(caller, 'request', proof && message && { ...proof, message });
  }

  /** Only a key that was proven claims: whoever fails here uses up nothing of anybody. */
  #prove(caller: SeenCaller, purpose: KeyPurpose, proof: SignedMessage | undefined): ClaimOnce | undefined {
    const { facts, options } = this.#decided;
    if (proof === undefined || caller.identity === undefined) {
      this.#tolerance.takes('signature_invalid');
      return undefined;
    }
    const { timestampSeconds, message } = proof;
    // Verified by the judgement, which failed later.
    if (facts.kid !== undefined && facts.nonceHash !== undefined)
      return { key: facts.nonceHash, timestampSeconds, skewSeconds: facts.skewSeconds ?? 0 };
    const signed = { kid: caller.kid };
    const tools = { options: { ...options, timer: UNTIMED }, facts };
    const key = proveKey({ purpose, message, proof }, { identity: caller.identity, signed }, tools);
    if (key.kind === 'proven') return key.once;
    this.#take(key);
    return undefined;
  }

  /** Undefined where nothing can be read out of the body. */
  #read(proof: SignatureProof | undefined): ReadBody | undefined {
    const { request } = this.#decided;
    const contract = this.#policy.body;
    const announced = checkContentHeaders(request, contract !== undefined);
    if (this.#take(announced) && announced?.code === 'content_encoding') return undefined;
    if (contract === undefined || this.#isOver()) return { body: NOTHING_READ, isConsistent: true };
    const body = this.#contractBody(request.body, contract);
    if (body === undefined) return undefined;
    return { body, isConsistent: this.#isConsistent(body.texts, contract, proof) };
  }

  /** A version that is not allowed hides nothing else: the rest is judged as if any were. */
  #contractBody(bytes: Uint8Array, contract: BodyContract): ContractBody | undefined {
    const body = checkBody(bytes, contract);
    if (body.kind === 'body') return body;
    this.#take(body);
    if (body.code !== 'schema_version') return undefined;
    const again = checkBody(bytes, { ...contract, schemaVersions: undefined });
    return again.kind === 'body' ? again : undefined;
  }

  /** Each binding by itself, as one that fails would hide the next. */
  #isConsistent(texts: BodyTexts, contract: BodyContract, proof: SignatureProof | undefined): boolean {
    const { nonce, timestamp } = contract.roles;
    const only = (roles: BodyContract['roles']): Refusal | undefined =>
      checkBodyBindings(texts, { ...contract, roles, equalities: [] }, proof);
    const faults = [
      nonce === undefined ? undefined : only({ nonce }),
      timestamp === undefined ? undefined : only({ timestamp }),
      checkBodyBindings(texts, contract, undefined),
    ];
    return faults.filter((fault) => this.#take(fault)).length === 0;
  }

  /** The last of it: for whom the request speaks, as far as anything says so. */
  #authorized(
    caller: SeenCaller,
    read: ReadBody | undefined,
    once: ClaimOnce | undefined,
    isFresh: boolean,
  ): Established | undefined {
    const tenancy = this.#tenancy(caller, read, once !== undefined);
    if (this.#isOver()) return undefined;
    const claim = this.#policy.once && isFresh ? once : undefined;
    return { caller, kid: once && this.#decided.facts.kid, once: claim, ...tenancy };
  }

  #tenancy(
    { identity, isPinned }: SeenCaller,
    read: ReadBody | undefined,
    hasKey: boolean,
  ): Pick<Established, 'tenancy'> {
    const { body: contract } = this.#policy;
    if (contract === undefined) return { tenancy: {} };
    const { roles } = contract;
    if (read === undefined || identity === undefined) {
      if (roles.operator !== undefined) this.#tolerance.takes('tenant_mismatch');
      if (roles.attestation !== undefined && identity?.attestations !== undefined)
        this.#tolerance.takes('attestation_not_allowed');
      return { tenancy: undefined };
    }
    const text = (role: 'operator' | 'tenant' | 'attestation' | 'execution'): string | undefined =>
      roleText(contract, read.body.texts, role);
    const [operator, attestation, execution] = [text('operator'), text('attestation'), text('execution')];
    // As in a judgement: what the body says is noted once certificate and signature have shown whose it is.
    const isProven = hasKey && isPinned;
    if (isProven) Object.assign(this.#decided.facts, { operator, attestation, execution });
    const tenant = this.#tenant(operator, text('tenant'), identity);
    const isAttested = !this.#take(checkAttestation(attestation, identity));
    if (tenant === undefined || !read.isConsistent) return { tenancy: undefined };
    if (isProven) this.#decided.facts.tenant = tenant.of;
    return {
      tenancy: { tenant: tenant.of, operator, execution, attestation: isAttested ? attestation : undefined },
    };
  }

  /** Each question by itself, too. Undefined where the operator may not act, or not for this tenant. */
  #tenant(
    operator: string | undefined,
    tenant: string | undefined,
    identity: NonNullable<SeenCaller['identity']>,
  ): { readonly of: string | undefined } | undefined {
    const { snapshot } = this.#decided.options;
    const mapped = checkOperator(operator, tenant, identity, snapshot);
    if (mapped.kind === 'tenant') return { of: mapped.tenant };
    this.#take(mapped);
    if (mapped.code === 'operator_not_of_identity')
      this.#tenant(operator, tenant, { ...identity, operators: undefined });
    else if (mapped.code === 'operator_unmapped' && tenant !== undefined)
      this.#tolerance.takes('tenant_mismatch');
    return undefined;
  }

  /** Whether there was a refusal; it is noted. */
  #take(refusal: Refusal | undefined): boolean {
    if (refusal !== undefined) this.#tolerance.takes(refusal.code);
    return refusal !== undefined;
  }

  #isOver(): boolean {
    return this.#tolerance.stoppedBy !== undefined;
  }
}

/** What is said to be signed, and the bytes of it. */
type SignedMessage = Pick<SignatureProof, 'signature' | 'nonce' | 'timestampSeconds'> & {
  readonly message: Uint8Array;
};

interface ReadBody {
  readonly body: ContractBody;
  /** Nothing in it contradicts what it repeats. */
  readonly isConsistent: boolean;
}

const NOTHING_READ: ContractBody = { kind: 'body', texts: new Map(), signedTexts: [] };
