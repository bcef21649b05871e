/** The shape of `identities[].keySets`: keys that their owner publishes, of which those count whose thumbprints are pinned. */
import { z } from 'zod';
import { filePath, integer, textLike } from './schema-common.js';

/** What a key may sign. */
export const keyPurposes = z
  .array(z.enum(['request', 'bundle']))
  .min(1)
  .max(2);

/** SHA-256 in base64url has 43 characters, of which the last one holds four bits. */
const thumbprint = textLike(
  /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/,
  'must be an RFC 7638 thumbprint: 43 characters of base64url, as `countersign fingerprint KEY` prints it',
);

const MAX_REFRESH_SECONDS = 86_400;
const MAX_STALE_SECONDS = 30 * 86_400;
/** An identity has no more keys than this, from wherever they come: a request without a kid may be held against each. */
export const MAX_KEYS = 64;

export const keySetSchema = z
  .strictObject({
    url: z
      .string()
      .max(300)
      .describe('Where the set is: an https URL of host, port and path. `http://` on loopback alone.'),
    caFile: filePath
      .optional()
      .describe('PEM: the only CA certificates that its server is believed under. Default: those of Node.'),
    thumbprints: z
      .array(thumbprint)
      .min(1)
      .max(MAX_KEYS)
      .describe(
        'RFC 7638 thumbprints (SHA-256, base64url) of the keys that count: those in use, and those to come.',
      ),
    purposes: keyPurposes
      .default(['request'])
      .describe('What its keys may sign: `request` (the signature headers), `bundle` (federation bundles).'),
    refreshSeconds: integer(1, MAX_REFRESH_SECONDS)
      .default(300)
      .describe('It is fetched again within this time, or sooner where its server says so (`max-age`).'),
    maxStaleSeconds: integer(2, MAX_STALE_SECONDS)
      .default(86_400)
      .describe(
        'How long its keys count after the last fetch that succeeded; at least twice `refreshSeconds`.',
      ),
  })
  .describe('A JWK set over HTTPS, and which of its keys count.');

/** One set as the file says it. */
export type KeySetInput = z.output<typeof keySetSchema>;
