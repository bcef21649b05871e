/** `countersign keygen`: an Ed25519 key pair, and its public half in every encoding. */
import { join } from 'node:path';
import { Option } from 'commander';
import { encodePrivateKey, generateKeyPair, zeroize, type PrivateKey } from '../crypto/private-key.js';
import {
  encodePublicKey,
  jwkThumbprint,
  TEXT_KEY_ENCODINGS,
  type TextKeyEncoding,
} from '../crypto/public-key.js';
import { LOG_INSTANCE, LOG_ORIGIN } from '../protocol/syntax.js';
import { verifierKeyText } from '../tlog/note.js';
import { type CliWorld, ExitCode, type Register, examples } from './command.js';
import { FILE_NAME, writeNewFiles } from './files.js';
import { matching } from './option-values.js';
import { factLines, jsonText } from './text.js';

const SEED_BYTES = 32;

interface KeygenOptions {
  readonly out: string;
  readonly name: string;
  readonly format?: TextKeyEncoding;
  readonly json?: true;
  /** Of the audit log whose checkpoints the key is to sign; it is for nothing else then. */
  readonly auditOrigin?: string;
}

function keygen(world: CliWorld, options: KeygenOptions): ExitCode {
  const seed = world.randomBytes(SEED_BYTES);
  const key = generateKeyPair(seed);
  seed.fill(0);
  const files = writePair(key, options);
  world.out(render(key, files, options));
  zeroize(key);
  return ExitCode.good;
}

interface PairFiles {
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
}

function writePair(key: PrivateKey, { out, name }: KeygenOptions): PairFiles {
  const [privateKeyFile, publicKeyFile] = [join(out, `${name}.key`), join(out, `${name}.pub`)];
  const files = [
    { path: privateKeyFile, content: encodePrivateKey(key, 'pem'), isSecret: true },
    { path: publicKeyFile, content: encodePublicKey(key.publicKey, 'pem'), isSecret: false },
  ];
  writeNewFiles(out, files, 'choose another --name, or move the old key away');
  return { privateKeyFile, publicKeyFile };
}

function render(key: PrivateKey, files: PairFiles, options: KeygenOptions): string {
  const { format, json, name, auditOrigin } = options;
  const encode = (encoding: TextKeyEncoding): string =>
    encodePublicKey(key.publicKey, encoding, name).trimEnd();
  const chosen = format === undefined ? TEXT_KEY_ENCODINGS : [format];
  if (json)
    return jsonText({
      private_key_file: files.privateKeyFile,
      public_key_file: files.publicKeyFile,
      fingerprint: key.publicKey.fingerprint,
      thumbprint: jwkThumbprint(key.publicKey.raw),
      public_key: Object.fromEntries(chosen.map((encoding) => [encoding, encode(encoding)])),
      ...(auditOrigin === undefined ? {} : { verifier_key: verifierKeyOf(key, auditOrigin) ?? null }),
    });
  if (format !== undefined) return `${encode(format)}\n`;
  const heading = factLines(
    [
      ['private key', `${files.privateKeyFile} (PKCS#8, mode 0600: keep it secret)`],
      ['public key', files.publicKeyFile],
      ['SHA-256 of the public key', key.publicKey.fingerprint],
      ['JWK thumbprint (RFC 7638)', jwkThumbprint(key.publicKey.raw)],
    ],
    '',
  );
  const encodings = chosen.map((encoding) => `\n${encoding}:\n${encode(encoding)}\n`).join('');
  const lines =
    auditOrigin === undefined ? configurationLines(name, files) : auditLines(key, files, auditOrigin);
  return `${heading}${encodings}${lines}\n(paths are taken from the folder of countersign.yaml)\n`;
}

/** Undefined where the name of the log is only known once it is there. */
function verifierKeyOf({ publicKey }: PrivateKey, origin: string): string | undefined {
  return origin.includes(LOG_INSTANCE) ? undefined : verifierKeyText(origin, publicKey.raw);
}

/** For a key of an audit log: what goes into the configuration, and what those get who verify it. */
function auditLines(key: PrivateKey, { privateKeyFile }: PairFiles, origin: string): string {
  const told =
    verifierKeyOf(key, origin) ??
    `(${LOG_INSTANCE} is made with the log: countersign audit vkey --config FILE prints it then)`;
  return `
verifier key, for whoever verifies the log:
${told}

in countersign.yaml:
audit:
  log:
    directory: state/audit-log
    origin: ${JSON.stringify(origin)}
    keyFile: ${JSON.stringify(privateKeyFile)}
`;
}

/** What goes into the configuration, for either use of a key. A key is for one of them (docs/security-requirements.md#4). */
function configurationLines(name: string, { publicKeyFile, privateKeyFile }: PairFiles): string {
  const [kid, publicKey, privateKey] = [name, publicKeyFile, privateKeyFile].map((text) =>
    JSON.stringify(text),
  );
  return `
for a producer that signs with it, under its identity in countersign.yaml:
    keys:
      - { kid: ${kid}, publicKeyFile: ${publicKey} }

or, where the verifier signs answers with it:
feedback:
  keys:
    - { kid: ${kid}, privateKeyFile: ${privateKey} }
`;
}

/** Adds the command. */
export const registerKeygen: Register = (program, session) => {
  program
    .command('keygen')
    .description(
      'make an Ed25519 key pair: NAME.key (0600) and NAME.pub; print the public key and the lines for the configuration',
    )
    .option('-o, --out <directory>', 'where the two files go; made if it is not there', '.')
    .option('-n, --name <name>', 'what the two files are called', matching(FILE_NAME), 'signing')
    .addOption(
      new Option('-f, --format <encoding>', 'print the public key in this encoding alone').choices(
        TEXT_KEY_ENCODINGS,
      ),
    )
    .option(
      '--audit-origin <name>',
      'the key is for the audit log of this name, such as countersign.example/federation: print its verifier key',
      matching(LOG_ORIGIN),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign keygen --out keys --name producer-a',
        'countersign keygen --format openssh',
        'countersign keygen --out keys --name audit-log --audit-origin countersign.example/federation',
      ),
    )
    .action(session.action(keygen));
};
