/**
 * May this request pass? The checks in their order, cheap ones first, nothing burnt before the key is proven.
 * `judge` is a pure function of request, snapshot and time; `admission.ts` adds the two effects.
 */
import type { StrictVerifier } from '../crypto/ed25519.js';
import {
  bodyFault,
  type BodyTexts,
  checkBody,
  checkBodyBindings,
  type ContractBody,
  roleText,
} from './checks/body.js';
import { checkAttestation, checkOperator } from './checks/authorization.js';
import { checkContentHeaders } from './checks/content-headers.js';
import { checkDelivery, checkWholeBody } from './checks/delivery.js';
import { checkFreshness, skewOf } from './checks/freshness.js';
import { checkIdentity } from './checks/identity.js';
import { checkPeerCertificate } from './checks/peer-certificate.js';
import { selectPolicy } from './checks/route.js';
import { checkSecurityHeaders, type SignatureProof, type SignedRequest } from './checks/security-headers.js';
import { bundleProof, checkSignature, signatureBase } from './checks/signature.js';
import type { BodyRole } from './body-contract.js';
import type { Assurance, DecisionFacts, VerifiedContext } from './decision.js';
import type { InboundRequest, PeerCertificate } from './inbound-request.js';
import { nonceKey } from './nonce-key.js';
import { refuse, type Refusal } from './refusal.js';
import type { Identity, KeyPurpose, SignedPolicy, Snapshot } from './snapshot.js';

/** Where the time of a judgement goes. `second_look`: what report-only found besides a refusal. */
export type JudgementStage = 'authenticate' | 'signature' | 'body' | 'second_look';

/** Everything that a judgement depends on besides the request. */
export interface JudgeOptions {
  readonly snapshot: Snapshot;
  readonly verifier: StrictVerifier;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: number;
  /** Marked as each stage ends. */
  readonly timer: { mark(stage: JudgementStage): void };
}

/** What makes a request count once: the key of its nonce, the time that it signed and how far off that was. */
export interface ClaimOnce {
  readonly key: Buffer;
  readonly timestampSeconds: number;
  readonly skewSeconds: number;
}

/** Proven in every respect but one: that it is the first with its nonce. */
export interface Verified {
  readonly kind: 'verified';
  readonly policy: SignedPolicy;
  readonly context: VerifiedContext;
  /** Absent where the policy asks for no claim. */
  readonly once: ClaimOnce | undefined;
}

export type Judgement = Refusal | Verified | { readonly kind: 'pass_through' };

/** Runs the checks in order. `facts` is filled as far as they came, for the record of a refusal too. */
export function judge(request: InboundRequest, options: JudgeOptions, facts: DecisionFacts): Judgement {
  const undeliverable = checkDelivery(request);
  if (undeliverable !== undefined) return undeliverable;
  const policy = selectPolicy(request, options.snapshot);
  if (policy.kind === 'refuse') return policy;
  facts.policy = policy;
  if (policy.kind === 'pass_through') return { kind: 'pass_through' };
  if (policy.answer === 'signed_feedback' && request.signingFault !== undefined)
    return refuse('check_malformed', request.signingFault);
  const check: CheckContext = { request, policy, options, facts };
  const caller = authenticate(check);
  options.timer.mark('authenticate');
  if (caller.kind === 'refuse') return caller;
  return policy.signature === 'headers' ? judgeSignedHeaders(check, caller) : judgeBundle(check, caller);
}

/** One signed request before the checks: what is judged, by which policy, and what is noted of it. */
interface CheckContext {
  readonly request: InboundRequest;
  readonly policy: SignedPolicy;
  readonly options: JudgeOptions;
  readonly facts: DecisionFacts;
}

interface Caller {
  readonly kind: 'caller';
  readonly identity: Identity;
  readonly assurance: Assurance;
  readonly certificate: PeerCertificate;
  readonly signed: SignedRequest;
}

/** Who calls, by the certificate; and whether time and body are worth a signature check. */
function authenticate({ request, policy, options, facts }: CheckContext): Caller | Refusal {
  const { snapshot, nowMs } = options;
  const peer = checkPeerCertificate(request, snapshot.forwardedCertificate);
  if (peer.kind === 'refuse') return peer;
  facts.certificateSha256 = peer.certificate.certificateSha256;
  const headers = checkSecurityHeaders(request, snapshot.headers, policy.signature);
  if (headers.kind === 'refuse') return headers;
  const { signed } = headers;
  facts.claimedIdentity = signed.identity;
  facts.claimedKid = signed.kid;
  const skew = signed.proof && skewOf(signed.proof.timestampSeconds, nowMs);
  facts.skewSeconds = skew;
  const known = checkIdentity(signed, peer.certificate, snapshot, nowMs);
  if (known.kind === 'refuse') return known;
  const { identity, assurance } = known;
  facts.identity = identity.name;
  facts.assurance = assurance;
  const stale = skew === undefined ? undefined : checkFreshness(skew, policy.freshness);
  const unfit = stale ?? checkWholeBody(request, policy.maxBodyBytes);
  return unfit ?? { kind: 'caller', identity, assurance, certificate: peer.certificate, signed };
}

/** The usual case: three headers sign `timestamp.nonce.body`; the body is parsed only after they verified. */
function judgeSignedHeaders(check: CheckContext, caller: Caller): Judgement {
  const { request, policy, options } = check;
  const { proof } = caller.signed;
  if (proof === undefined) throw new Error('a policy signed by headers was judged without them');
  const message = signatureBase(proof, request.body);
  const key = proveKey({ purpose: 'request', message, proof }, caller, check);
  if (key.kind === 'refuse') return key;
  const read = readBody(request, policy, proof);
  options.timer.mark('body');
  if (read.kind === 'refuse') return read;
  return authorize({ caller, texts: read.texts, key }, check);
}

/** A bundle is itself the signed thing: its fields have to be read before its signature can be checked. */
function judgeBundle(check: CheckContext, caller: Caller): Judgement {
  const { request, policy, options } = check;
  const read = readBody(request, policy, undefined);
  options.timer.mark('body');
  if (read.kind === 'refuse') return read;
  const proof = bundleProof(read, policy);
  const stale = policy.once && judgeAge(proof.timestampSeconds, check);
  if (stale) return stale;
  const { message } = proof;
  const key = proveKey({ purpose: 'bundle', message, proof }, caller, check);
  if (key.kind === 'refuse') return key;
  return authorize({ caller, texts: read.texts, key }, check);
}

/** A bundle that counts once is held to the window; evidence that may be old has no skew. */
function judgeAge(timestampSeconds: number, { policy, options, facts }: CheckContext): Refusal | undefined {
  facts.skewSeconds = skewOf(timestampSeconds, options.nowMs);
  return checkFreshness(facts.skewSeconds, policy.freshness);
}

/** What is said to be signed, by headers or by a bundle. */
interface SignatureClaim {
  readonly purpose: KeyPurpose;
  readonly message: Uint8Array;
  readonly proof: Pick<SignatureProof, 'signature' | 'nonce' | 'timestampSeconds'>;
}

interface ProvenKey {
  readonly kind: 'proven';
  readonly kid: string;
  readonly once: ClaimOnce;
}

/** The signature, and under which key its nonce is remembered from now on. */
export function proveKey(
  { purpose, message, proof }: SignatureClaim,
  { identity, signed }: { readonly identity: Identity; readonly signed: Pick<SignedRequest, 'kid'> },
  { options, facts }: Pick<CheckContext, 'options' | 'facts'>,
): ProvenKey | Refusal {
  const { signature, nonce, timestampSeconds } = proof;
  const question = { identity, purpose, kid: signed.kid, message, signature };
  const proven = checkSignature(question, options.verifier, options.nowMs);
  options.timer.mark('signature');
  if (proven.kind === 'refuse') return proven;
  const { kid, publicKey } = proven.key;
  const key = nonceKey(purpose, publicKey, nonce);
  facts.kid = kid;
  facts.nonceHash = key;
  return { kind: 'proven', kid, once: { key, timestampSeconds, skewSeconds: facts.skewSeconds ?? 0 } };
}

/** Media type, JSON contract and bindings of the body; empty texts where the policy reads no JSON. */
function readBody(
  request: InboundRequest,
  policy: SignedPolicy,
  proof: SignatureProof | undefined,
): ContractBody | Refusal {
  const contract = policy.body;
  const announced = checkContentHeaders(request, contract !== undefined);
  if (announced !== undefined) return announced;
  if (contract === undefined) return { kind: 'body', texts: new Map(), signedTexts: [] };
  const body = checkBody(request.body, contract);
  if (body.kind === 'refuse') return body;
  return checkBodyBindings(body.texts, contract, proof) ?? body;
}

interface Proven {
  readonly caller: Caller;
  readonly texts: BodyTexts;
  readonly key: ProvenKey;
}

/** For whom the proven caller may speak, and under which attestation. */
function authorize({ caller, texts, key }: Proven, { policy, options, facts }: CheckContext): Judgement {
  const role = (name: 'operator' | 'tenant' | 'attestation' | 'execution'): string | undefined =>
    policy.body && roleText(policy.body, texts, name);
  const operator = (facts.operator = role('operator'));
  const attestation = (facts.attestation = role('attestation'));
  const execution = (facts.execution = role('execution'));
  const mapped = checkOperator(operator, role('tenant'), caller.identity, options.snapshot);
  if (mapped.kind === 'refuse')
    return withFault(mapped, policy, mapped.code === 'tenant_mismatch' ? 'tenant' : 'operator');
  facts.tenant = mapped.tenant;
  const unattested = checkAttestation(attestation, caller.identity);
  if (unattested !== undefined) return withFault(unattested, policy, 'attestation');
  const context: VerifiedContext = {
    identity: caller.identity.name,
    kid: key.kid,
    assurance: caller.assurance,
    certificateSha256: caller.certificate.certificateSha256,
    tenant: mapped.tenant,
    operator,
    attestation,
    execution,
  };
  return { kind: 'verified', policy, context, once: policy.once ? key.once : undefined };
}

/** Which member of the body a refusal of an authorisation is about. */
function withFault(refusal: Refusal, { body }: SignedPolicy, role: BodyRole): Refusal {
  return body === undefined ? refusal : { ...refusal, fault: bodyFault(body, role, 'not_allowed') };
}
