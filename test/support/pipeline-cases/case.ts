/** How the cases of the pipeline are made: from a valid request, by one change. */
import type { RefusalCode } from '../../../src/verify/refusal.js';
import {
  CERTIFICATE,
  NOW_MS,
  rawPolicy,
  type RequestParts,
  setHeader,
  type SnapshotChange,
  telemetryParts,
} from '../signed-request.js';

/** One way to be refused. */
export interface PipelineCase {
  readonly title: string;
  readonly code: RefusalCode;
  readonly parts: () => RequestParts;
  readonly snapshot?: SnapshotChange;
}

/** The valid telemetry request with one change made after it was signed. */
export function changed(change: (parts: RequestParts) => void): () => RequestParts {
  return () => {
    const parts = telemetryParts();
    change(parts);
    return parts;
  };
}

/** The valid telemetry request with this header replaced by these values; by none, removed. */
export function header(name: string, ...values: (string | Uint8Array)[]): () => RequestParts {
  return changed((parts) => setHeader(parts, name, ...values));
}

export const smallFirst: SnapshotChange = { policies: [{ ...rawPolicy, maxBodyBytes: 8 }] };
export const retired = { notBeforeMs: 0, notAfterMs: NOW_MS };
export const future = { notBeforeMs: NOW_MS + 1, notAfterMs: Infinity };
export const pin = { kind: 'certificate', sha256: CERTIFICATE.certificateSha256 } as const;

/** A hop is declared that sets `x-forwarded-client-cert`. */
export const hop = { forwardedCertificate: 'trusted-hop' } as const;
/** The valid request with its certificate in that header alone. */
export const xfcc = (value: string) =>
  changed((parts) => {
    parts.peerCertificate = 'missing';
    setHeader(parts, 'x-forwarded-client-cert', value);
  });
