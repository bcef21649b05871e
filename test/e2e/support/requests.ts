/** Signed requests of the federation profile, as producers make them, for the cases to spoil. */
import {
  bundleBody,
  feedbackBody,
  graphBody,
  PATHS,
  telemetryBody,
  type Body,
} from '../../../tools/local-federation/bodies.js';
import { PRODUCER_A, type Party } from '../../../tools/local-federation/parties.js';
import {
  newNonce,
  signedHeaders,
  type Credentials,
  type SignedParts,
} from '../../../tools/local-federation/producer.js';
import type { Outgoing } from './outgoing.js';

/** What the makers are told; everything but the signer has a default. */
export interface Draft {
  readonly by: Credentials;
  /** Default: producer A's operator and tenant. */
  readonly party?: Party;
  /** Unix seconds. Default: now. */
  readonly timestamp?: number;
  readonly nonce?: string;
  readonly kid?: string;
  /** Changes the body before it is signed. */
  readonly change?: (body: Body) => Body;
  /** Changes the body's text before it is signed. */
  readonly rewrite?: (text: string) => string | Buffer;
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

function partsOf({ timestamp = nowSeconds(), nonce = newNonce(), kid }: Draft): SignedParts {
  return { timestamp, nonce, ...(kid !== undefined && { kid }) };
}

function serialised(body: Body, { change, rewrite }: Draft): Buffer {
  const text = JSON.stringify(change?.(body) ?? body);
  return Buffer.from(rewrite?.(text) ?? text);
}

/** Signs these bytes for this path. */
export function signedBytes(draft: Draft, path: string, body: Buffer, parts = partsOf(draft)): Outgoing {
  return {
    over: draft.by,
    method: 'POST',
    path,
    headers: Object.entries(signedHeaders(draft.by, parts, body)),
    body,
    framing: 'length',
  };
}

export function telemetry(draft: Draft): Outgoing {
  const parts = partsOf(draft);
  const body = telemetryBody(draft.party ?? PRODUCER_A, parts);
  return signedBytes(draft, PATHS.telemetry, serialised(body, draft), parts);
}

export function graph(draft: Draft, nodes = 8): Outgoing {
  const parts = partsOf(draft);
  const body = graphBody(draft.party ?? PRODUCER_A, parts, nodes);
  return signedBytes(draft, PATHS.graph, serialised(body, draft), parts);
}

export function feedback(draft: Draft): Outgoing {
  const parts = partsOf(draft);
  const body = feedbackBody(draft.party ?? PRODUCER_A, parts);
  return signedBytes(draft, PATHS.feedback, serialised(body, draft), parts);
}

/** A bundle proves itself: identity and claim are its only headers. */
export function bundle(draft: Draft): Outgoing {
  const body = bundleBody(draft.party ?? PRODUCER_A, partsOf(draft), draft.by.signingKey);
  return {
    over: draft.by,
    method: 'POST',
    path: PATHS.bundle,
    headers: [
      ['Content-Type', 'application/json'],
      ['X-Service-Identity', draft.by.identity],
      ['X-Client-Cert-Sha256', draft.by.certificateSha256],
    ],
    body: serialised(body, draft),
    framing: 'length',
  };
}
