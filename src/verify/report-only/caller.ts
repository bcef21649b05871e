/** Who a request that was refused says it is, and what of that is true: certificate, headers, identity and pin. Pure. */
import { checkIdentity } from '../checks/identity.js';
import { checkPeerCertificate } from '../checks/peer-certificate.js';
import { checkSecurityHeaders, type SignatureProof, type SignedRequest } from '../checks/security-headers.js';
import type { SecurityHeaderNames } from '../../protocol/header-names.js';
import { IDENTITY } from '../../protocol/syntax.js';
import type { Assurance, DecisionFacts } from '../decision.js';
import { headerValues, type InboundRequest, type PeerCertificate } from '../inbound-request.js';
import type { JudgeOptions } from '../pipeline.js';
import type { Identity, SignedPolicy, Snapshot } from '../snapshot.js';
import type { Tolerance } from './tolerance.js';

/** The caller, as far as it can be made out. */
export interface SeenCaller {
  /** Of the handshake, whoever it belongs to; undefined where there is none that can be believed. */
  readonly certificate: PeerCertificate | undefined;
  /** The one that is claimed, whether anything proves it or not; undefined where none of that name is configured. */
  readonly identity: Identity | undefined;
  /** The certificate proves that identity now. */
  readonly isPinned: boolean;
  /** What that rests on; undefined where it is not proven. */
  readonly assurance: Assurance | undefined;
  readonly kid: string | undefined;
  /** The three headers of a signature, well-formed; undefined for a bundle, and where one of them is not there. */
  readonly proof: SignatureProof | undefined;
}

/** What is looked at. */
interface Question {
  readonly request: InboundRequest;
  readonly options: JudgeOptions;
  readonly facts: DecisionFacts;
}

/** The one well-formed name of the identity header. Proves nothing. */
export function claimedName(request: InboundRequest, names: SecurityHeaderNames): string | undefined {
  const [only, another] = headerValues(request, names.identity);
  return only !== undefined && another === undefined && IDENTITY.test(only) ? only : undefined;
}

/** Every fault goes to `tolerance`, which says whether it is worth going on. */
export function lookAtCaller(
  question: Question,
  signature: SignedPolicy['signature'],
  tolerance: Tolerance,
): SeenCaller {
  const { request, options, facts } = question;
  const { snapshot } = options;
  const certificate = certificateOf(request, snapshot, tolerance);
  const signed = signedPart(request, snapshot, signature, tolerance);
  facts.certificateSha256 = certificate?.certificateSha256;
  facts.claimedIdentity = signed.identity;
  facts.claimedKid = signed.kid;
  const { identity, assurance } = identityOf(signed, certificate, options, tolerance);
  const isPinned = assurance !== undefined;
  if (isPinned) facts.identity = identity?.name;
  facts.assurance = assurance;
  return { certificate, identity, isPinned, assurance, kid: signed.kid, proof: signed.proof };
}

function certificateOf(
  request: InboundRequest,
  { forwardedCertificate }: Snapshot,
  tolerance: Tolerance,
): PeerCertificate | undefined {
  const peer = checkPeerCertificate(request, forwardedCertificate);
  if (peer.kind === 'peer') return peer.certificate;
  tolerance.takes(peer.code);
  tolerance.takes('pin_mismatch');
  return undefined;
}

type SignedPart = Omit<SignedRequest, 'identity'> & { readonly identity: string | undefined };

/** Where one header is at fault no signature is judged, and of the rest only the name is looked at. */
function signedPart(
  request: InboundRequest,
  { headers: names }: Snapshot,
  signature: SignedPolicy['signature'],
  tolerance: Tolerance,
): SignedPart {
  const headers = checkSecurityHeaders(request, names, signature);
  if (headers.kind === 'headers') return headers.signed;
  tolerance.takes(headers.code);
  tolerance.takes('signature_invalid');
  const identity = claimedName(request, names);
  if (identity === undefined) tolerance.takes('identity_unknown');
  return { identity, claimedCertificateSha256: undefined, kid: undefined, proof: undefined };
}

function identityOf(
  signed: SignedPart,
  certificate: PeerCertificate | undefined,
  { snapshot, nowMs }: JudgeOptions,
  tolerance: Tolerance,
): Pick<SeenCaller, 'identity'> & { readonly assurance?: Assurance } {
  const identity = signed.identity === undefined ? undefined : snapshot.identities.get(signed.identity);
  if (identity === undefined) {
    tolerance.takes('identity_unknown');
    tolerance.takes('pin_mismatch');
    return { identity };
  }
  if (identity.revoked) tolerance.takes('identity_revoked');
  if (certificate === undefined) return { identity };
  const claim = { ...signed, identity: identity.name };
  const known = checkIdentity(claim, certificate, snapshot, nowMs);
  if (known.kind === 'identity') return { identity, assurance: known.assurance };
  tolerance.takes(known.code);
  if (known.code !== 'certificate_claim_mismatch') return { identity };
  // What the request states of its certificate is wrong; the pin is a question of its own.
  const unclaimed = { ...claim, claimedCertificateSha256: undefined };
  const pinned = checkIdentity(unclaimed, certificate, snapshot, nowMs);
  if (pinned.kind === 'identity') return { identity, assurance: pinned.assurance };
  tolerance.takes(pinned.code);
  return { identity };
}
