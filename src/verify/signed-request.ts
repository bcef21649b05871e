/** The security headers of one request, each well-formed; none of them is proven yet. */
export interface SignedRequest {
  readonly identity: string;
  /** The caller's own claim about its certificate, 64 lower-case hex digits. Proves nothing. */
  readonly claimedCertificateSha256: string | undefined;
  readonly kid: string | undefined;
  /** Absent where the body carries the signature. */
  readonly proof: SignatureProof | undefined;
}

/** The three headers of the signature (docs/wire-contract.md#a-signed-request). */
export interface SignatureProof {
  /** The digits as sent: they are part of the signing input. */
  readonly timestamp: string;
  readonly timestampSeconds: number;
  readonly nonce: string;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** The bytes that were signed: `timestamp` `.` `nonce` `.` body, the body untouched. */
export function signatureBase(proof: SignatureProof, body: Uint8Array): Buffer {
  const prefix = `${proof.timestamp}.${proof.nonce}.`;
  const message = Buffer.allocUnsafe(prefix.length + body.length);
  message.write(prefix, 0, 'latin1');
  message.set(body, prefix.length);
  return message;
}
