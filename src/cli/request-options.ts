/** What the commands that sign or send have in common: who signs which bytes, when and under which nonce, over which connection. */
import type { Command } from 'commander';
import { generateNonce, signRequest } from '../client/sign-request.js';
import { latin1FromBytes } from '../crypto/bytes.js';
import { certificateFingerprints } from '../crypto/certificate.js';
import { zeroize } from '../crypto/private-key.js';
import { IDENTITY, KID, NONCE } from '../protocol/syntax.js';
import { CliFault, type CliWorld } from './command.js';
import { fillBody } from './fill-body.js';
import { readBody, readPemFile, readPrivateFile, readSigningKey } from './files.js';
import { matching, wholeNumber } from './option-values.js';
import type { ClientTls } from '../client/send-signed.js';

const MIN_TIMESTAMP_SECONDS = 1_000_000_000;
const MAX_TIMESTAMP_SECONDS = 99_999_999_999;

/** Who signs, when, and under which nonce, as commander gives it. */
export interface SignerOptions {
  readonly identity: string;
  readonly signingKey: string;
  readonly cert?: string;
  /** What is in `cert`, where that was read already: a pipe gives it once. */
  readonly certificate?: Uint8Array;
  readonly kid?: string;
  readonly timestamp?: number;
  readonly nonce?: string;
}

/** Options of `sign` and `send`, as commander gives them. */
export interface SigningOptions extends SignerOptions {
  readonly body?: string;
  readonly fill?: true;
}

/** What a body may have to repeat. */
export interface SignedMoment {
  readonly timestampSeconds: number;
  readonly nonce: string;
}

/** A request that is ready to go. */
export interface PreparedRequest extends SignedMoment {
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes that were signed, and that have to be sent. */
  readonly body: Uint8Array;
}

/** Adds the options that `sign` and `send` share, except those for keys and certificates. */
export function addSigningOptions(command: Command): Command {
  return addSignerOptions(command)
    .option('-b, --body <file>', 'the body, byte for byte; - is standard input; absent: an empty body')
    .option('--fill', 'set the JSON members /timestamp and /nonce of the body to the values that are signed');
}

/** Adds the options of every command that signs. */
export function addSignerOptions(command: Command): Command {
  return command
    .requiredOption('-i, --identity <name>', 'the identity that the gateway has pinned', matching(IDENTITY))
    .option('-k, --kid <id>', "which of the identity's keys signs", matching(KID))
    .option(
      '--timestamp <seconds>',
      'Unix time to sign instead of now',
      wholeNumber(MIN_TIMESTAMP_SECONDS, MAX_TIMESTAMP_SECONDS),
    )
    .option('--nonce <text>', 'nonce to sign instead of a new one', matching(NONCE));
}

/** Reads key, certificate and body, and signs. */
export async function prepareRequest(world: CliWorld, options: SigningOptions): Promise<PreparedRequest> {
  const body = await readBody(options.body, world);
  return signBody(world, options, (moment) => filled(body, moment, options));
}

/** Reads key and certificate, and signs the body that is made for this moment and nonce. */
export function signBody(
  world: CliWorld,
  options: SignerOptions,
  bodyFor: (moment: SignedMoment) => Uint8Array,
): PreparedRequest {
  const timestampSeconds = options.timestamp ?? Math.floor(world.nowMs() / 1000);
  const nonce = options.nonce ?? generateNonce((byteLength) => world.randomBytes(byteLength));
  const body = bodyFor({ timestampSeconds, nonce });
  const certificateSha256 = certificateHash(options);
  const signingKey = readSigningKey(options.signingKey);
  const { identity, kid } = options;
  const { headers } = signRequest({
    identity,
    signingKey,
    kid,
    certificateSha256,
    body,
    timestampSeconds,
    nonce,
  });
  zeroize(signingKey);
  return { headers, body, timestampSeconds, nonce };
}

function filled(body: Uint8Array, values: SignedMoment, { fill, body: source }: SigningOptions): Uint8Array {
  if (!fill) return body;
  const result = fillBody(body, values);
  if (result.ok) return result.body;
  throw new CliFault(
    `the body: ${source ?? 'the empty body'} ${result.reason}`,
    'give a JSON object, or leave out --fill',
  );
}

const FIRST_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/;

/** Of a chain, the first certificate: the one that TLS shows as ours. */
function certificateHash({ cert: path, certificate }: SignerOptions): string | undefined {
  if (path === undefined) return undefined;
  const bytes = certificate ?? readPemFile(path, 'the client certificate');
  const facts = certificateFingerprints(FIRST_CERTIFICATE.exec(latin1FromBytes(bytes))?.[0] ?? bytes);
  if (facts.ok) return facts.certificateSha256;
  throw new CliFault(
    `the client certificate: ${path} is no X.509 certificate`,
    'give the certificate, PEM or DER',
  );
}

const DEFAULT_TIMEOUT_SECONDS = 8;
const MAX_TIMEOUT_SECONDS = 3600;

/** Options of the connection, as commander gives them. */
export interface ConnectionOptions {
  readonly ca: string;
  readonly cert: string;
  readonly tlsKey: string;
  /** Seconds. */
  readonly timeout: number;
}

/** Adds them, and the key that signs the request, which must not be taken for that of the connection. */
export function addConnectionOptions(command: Command): Command {
  return command
    .requiredOption('--ca <file>', 'CA of the server, PEM; no other is trusted')
    .requiredOption('--cert <file>', 'the client certificate, PEM; its fingerprint is stated in the headers')
    .requiredOption(
      '--key, --tls-key <file>',
      'the private key of the client certificate, PEM; --key is its old name',
    )
    .requiredOption('--signing-key <file>', 'the Ed25519 private key that signs the request')
    .option(
      '--timeout <seconds>',
      'give up after that long',
      wholeNumber(1, MAX_TIMEOUT_SECONDS),
      DEFAULT_TIMEOUT_SECONDS,
    );
}

/** Reads CA, certificate and key. Any of them may be a pipe, which gives its bytes once: whoever needs them takes these. */
export function readTls({
  ca,
  cert,
  tlsKey,
}: ConnectionOptions): ClientTls & { readonly certificate: Buffer } {
  return {
    ca: readPemFile(ca, 'the CA'),
    certificate: readPemFile(cert, 'the client certificate'),
    privateKey: readPrivateFile(tlsKey, 'the client key'),
  };
}
