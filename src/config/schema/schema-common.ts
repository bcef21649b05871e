/** The scalar shapes that several sections of the configuration share. */
import { z } from 'zod';
import { KID, MAX_BODY_BYTES, UUID } from '../../protocol/syntax.js';

/** A whole number, both bounds included. */
export const integer = (least: number, most: number): z.ZodInt => z.int().min(least).max(most);

/** Text of a pattern; `fault` is told of any other. */
export const textLike = (pattern: RegExp, fault: string): z.ZodString => z.string().regex(pattern, fault);

/** A file or directory; a relative one is taken from the directory of the configuration file. */
export const filePath = z
  .string()
  .max(4096)
  .regex(/^[^\0]+$/, 'must name a file or directory');

/** An RFC 3339 moment with its zone; a time without a zone would mean something else on every machine. */
export const instant = z.iso.datetime({
  offset: true,
  error: 'must be a moment with its zone, such as 2026-01-01T00:00:00Z',
});

/** SHA-256 in hex, either case, with or without colons. */
export const sha256Text = textLike(
  /^(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31})$/,
  'must be a SHA-256: 64 hex digits, or 32 pairs of them with colons between',
);

/**
 * An operator id. It becomes the value of a header, so it is printable ASCII, and without space at
 * its ends, which HTTP would trim (RFC 9110, section 5.5).
 */
export const operatorId = textLike(
  /^(?!__proto__$)[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/,
  'must be 1 to 128 printable ASCII characters without space at the ends, as it becomes a header value',
);

/** A tenant: a UUID in text form, kept byte for byte. */
export const tenantId = textLike(UUID, 'must be a UUID, such as 11111111-1111-4111-8111-111111111111');

/** The name of a policy: a header value, a metric label and a value of Envoy's `context_extensions`. */
export const policyName = textLike(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'must be 1 to 64 letters, digits, dots, underscores or hyphens, beginning with a letter or digit',
);

/** The id of a key: a header value, a field of a signed text, a member of a keyring. */
export const keyId = textLike(KID, 'must be 1 to 64 letters, digits, dots, underscores or hyphens');

/** The longest schema version, in characters. */
export const MAX_VERSION_CHARACTERS = 32;

/** One allowed schema version. */
export const schemaVersion = z.string().min(1).max(MAX_VERSION_CHARACTERS);

/** The widest half of a clock window. */
export const MAX_SKEW_SECONDS = 300;
/** The longest retention that a file may state. */
export const MAX_RETENTION_SECONDS = 86_400;
/** The largest allowance of one operator in a minute. */
export const MAX_PER_MINUTE = 1_000_000;

/** A whole number of seconds either side of now. */
const skewSeconds = integer(0, MAX_SKEW_SECONDS);

/** The two halves of the clock window; policies may override either. */
export const freshnessShape = {
  pastSkewSeconds: skewSeconds,
  futureSkewSeconds: skewSeconds,
};

/** The number of bytes of a body; the ceiling keeps a check inside one gRPC message. */
export const bodyBytes = integer(1, MAX_BODY_BYTES);

/** A TCP port. */
export const port = integer(1, 65_535);

/** An IP address or host name. */
export const hostText = textLike(/^[0-9A-Za-z.:_-]{1,253}$/, 'must be an IP address or a host name');

/** A name in a Host header, without its port. */
export const hostHeaderName = textLike(
  /^[0-9A-Za-z.:_-]{1,253}$/,
  'must be a host name or an IP address, without a port',
).toLowerCase();

/** The allowance of one operator in any 60 seconds. */
export const rateLimit = z.strictObject({
  perMinute: integer(0, MAX_PER_MINUTE).describe(
    'Allowed requests in any 60 seconds, per operator; 0 turns the limit off.',
  ),
});
