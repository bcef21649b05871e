/** `countersign keygen`: an Ed25519 key pair, and its public half in every encoding. */
import { join } from 'node:path';
import { Option } from 'commander';
import { encodePrivateKey, generateKeyPair, zeroize, type PrivateKey } from '../crypto/private-key.js';
import { encodePublicKey, TEXT_KEY_ENCODINGS, type TextKeyEncoding } from '../crypto/public-key.js';
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

function render(key: PrivateKey, files: PairFiles, { format, json, name }: KeygenOptions): string {
  const encode = (encoding: TextKeyEncoding): string =>
    encodePublicKey(key.publicKey, encoding, name).trimEnd();
  const chosen = format === undefined ? TEXT_KEY_ENCODINGS : [format];
  if (json)
    return jsonText({
      private_key_file: files.privateKeyFile,
      public_key_file: files.publicKeyFile,
      fingerprint: key.publicKey.fingerprint,
      public_key: Object.fromEntries(chosen.map((encoding) => [encoding, encode(encoding)])),
    });
  if (format !== undefined) return `${encode(format)}\n`;
  const heading = factLines(
    [
      ['private key', `${files.privateKeyFile} (PKCS#8, mode 0600: keep it secret)`],
      ['public key', files.publicKeyFile],
      ['SHA-256 of the public key', key.publicKey.fingerprint],
    ],
    '',
  );
  const encodings = chosen.map((encoding) => `\n${encoding}:\n${encode(encoding)}\n`).join('');
  return heading + encodings + configurationLines(name, files);
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

(paths are taken from the folder of countersign.yaml)
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
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('countersign keygen --out keys --name producer-a', 'countersign keygen --format openssh'),
    )
    .action(session.action(keygen));
};
