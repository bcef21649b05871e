/** The shape of `keys`: where signing keys are that never come to us, and of one signing key, here or there. */
import { z } from 'zod';
import { rotationSchema } from './rotation.js';
import { filePath, integer, textLike } from './schema-common.js';

/** The name of a source in this file; a label of metrics. */
const sourceName = textLike(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'must be 1 to 64 letters, digits, dots, underscores or hyphens, beginning with a letter or digit',
);

/** A mount of Vault: segments that a path of a URL takes as they are. */
const mountPath = textLike(
  /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}){0,8}$/,
  'must be the path of a mount: letters, digits, dots, underscores or hyphens, with slashes between, such as transit',
);

const auth = z
  .strictObject({
    tokenFile: filePath
      .optional()
      .describe(
        'A file with the token; closed to other users (mode 0600 or 0640). Read anew when it changes and when Vault refuses.',
      ),
    kubernetes: z
      .strictObject({
        role: textLike(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters').describe(
          'The role that is logged in to.',
        ),
        mount: mountPath.default('kubernetes').describe('Where the auth method is mounted.'),
        jwtFile: filePath
          .default('/var/run/secrets/kubernetes.io/serviceaccount/token')
          .describe("The pod's token. Read anew for each login."),
      })
      .optional()
      .describe("Vault's Kubernetes auth method."),
  })
  .describe('vault only: how it is logged in to, by exactly one of `tokenFile` and `kubernetes`.');

const source = z
  .strictObject({
    kind: z
      .enum(['pkcs11', 'vault'])
      .describe("`pkcs11`: a token behind a PKCS#11 module. `vault`: Vault's, or OpenBao's, Transit engine."),
    module: filePath.optional().describe('pkcs11 only, required: the shared library of its vendor.'),
    token: textLike(/^[\x20-\x7e]{1,32}$/, 'must be 1 to 32 printable ASCII characters')
      .optional()
      .describe('pkcs11 only: the label of the token; exactly one of `token` and `slot`.'),
    slot: integer(0, 4_294_967_295).optional().describe('pkcs11 only: the slot of the token.'),
    pinFile: filePath
      .optional()
      .describe("pkcs11 only, required: the user's PIN; closed to other users (mode 0600 or 0640)."),
    environment: z
      .record(
        textLike(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be the name of a variable'),
        z
          .string()
          .max(4_096)
          .regex(/^[^\0]*$/, 'must be text without a zero byte'),
      )
      .optional()
      .describe(
        'pkcs11 only: all that the process of the module has of an environment, such as `SOFTHSM2_CONF`. Default: nothing.',
      ),
    url: z
      .string()
      .max(300)
      .optional()
      .describe(
        'vault only, required: the server: `https://host:8200`, without a path. `http://` on loopback alone.',
      ),
    caFile: filePath
      .optional()
      .describe(
        'vault only: authorities of the server, PEM. Default: those that Node was built with; the environment adds none.',
      ),
    mount: mountPath
      .optional()
      .describe('vault only: where the Transit engine is mounted. Default: `transit`.'),
    namespace: mountPath.optional().describe('vault only: the namespace. Default: none.'),
    auth: auth.optional(),
    maxMessageBytes: integer(1_024, 402_653_184)
      .optional()
      .describe(
        'The longest message that it signs, in bytes. Default: 16000 with `pkcs11`, the least of the HSMs in the field; 786432 with `vault`, whose strings are of 1 MiB after base64 (`max_json_string_value_length`).',
      ),
    timeoutMilliseconds: integer(10, 60_000)
      .default(1_000)
      .describe(
        'How long one signature may take, at most `limits.checkTimeoutMilliseconds`; until then its place is taken.',
      ),
  })
  .describe('One source.');

/** `keys`: keys that stay elsewhere. */
export const keysSchema = z
  .strictObject({
    sources: z
      .record(sourceName, source)
      .default({})
      .describe('Where private keys are that sign and never come here, by a name of yours.'),
    rotation: rotationSchema.optional(),
  })
  .describe('Keys that never leave their vault, and keys that are made on schedule (docs/keys.md).')
  .prefault({});

/** Where one signing key is: a file, or one key of a source with its public half. */
export const signingKeyShape = {
  privateKeyFile: filePath
    .optional()
    .describe(
      'Its Ed25519 private key: 32 raw bytes or their base64, PKCS#8 PEM, or a JWK; closed to other users (mode 0600 or 0640). Either this, or `source`, `key` and `publicKey`.',
    ),
  source: sourceName
    .optional()
    .describe('The source that has the key and signs with it: a name of `keys.sources`.'),
  key: textLike(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, underscores or hyphens')
    .optional()
    .describe('Of a source: the label of the private key (pkcs11), or the name of the Transit key (vault).'),
  version: integer(1, 2_147_483_647)
    .optional()
    .describe('Of a vault, required: the version of the key; never the latest by itself.'),
  publicKey: z
    .string()
    .max(4_096)
    .optional()
    .describe(
      'Of a source, required: its public half, which every signature is verified with before it leaves: base64 of 32 bytes, PEM SPKI, an OpenSSH line or a JWK.',
    ),
};

/** One source as the file says it. */
export type KeySourceInput = z.output<typeof source>;
/** Where a signing key is, as the file says it. */
export type SigningKeyInput = {
  readonly [member in keyof typeof signingKeyShape]?: z.output<(typeof signingKeyShape)[member]>;
};
