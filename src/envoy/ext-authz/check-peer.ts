/** Whose check it is, before anything about it is judged: so that one peer's flood waits behind itself. */
import { WireReader } from '../wire/reader.js';

/**
 * Of the percent-encoded PEM its last bytes: the end of the issuer's signature, which differs from certificate to
 * certificate, and `-----END%20CERTIFICATE-----%0A`. The whole would be two kilobytes for every call that waits.
 */
const TELLING_BYTES = 128;

/**
 * A name for the peer that TLS has authenticated; the same for all who have none, and for what is no CheckRequest.
 * Behind a trusted hop it is the hop's. Says nothing about whether the certificate is pinned.
 */
export function peerOf(message: Buffer): string {
  try {
    return certificateEnd(message) ?? '';
  } catch {
    return '';
  }
}

/** CheckRequest: attributes=1; AttributeContext: source=1; Peer: certificate=5. */
function certificateEnd(message: Buffer): string | undefined {
  const reader = new WireReader(message);
  for (const field of [1, 1]) {
    if (!seek(reader, field)) return undefined;
    reader.enter(reader.start, reader.end);
  }
  if (!seek(reader, 5)) return undefined;
  return message.toString('latin1', Math.max(reader.start, reader.end - TELLING_BYTES), reader.end);
}

function seek(reader: WireReader, field: number): boolean {
  while (reader.next()) if (reader.field === field) return true;
  return false;
}
