/** The `envoy` section: what will be rendered, and whether Envoy can use its certificates: the chain with its key, and the CAs whose clients it takes. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { latin1FromBytes } from '../../crypto/bytes.js';
import { publicKeyOf } from '../../crypto/certificate.js';
import { splitPem } from '../../crypto/pem.js';
import { quoteText } from '../../json/escape-text.js';
import { checkPrivateKeyFile } from '../files/private-key-file.js';
import type { ConfigurationInput, EnvoyInput } from '../schema/schema.js';
import type { EnvoySettings } from '../settings.js';
import { checkAddresses, isLoopback } from './addresses.js';
import { readAuthorities, readCertificates } from './certificates.js';
import type { ConfigurationNode, LoadContext } from './context.js';

/** Compiles the section; faults are noted. Of the rest of the file it needs what Envoy has to agree with. */
export function compileEnvoy(input: EnvoyInput, whole: ConfigurationInput, load: LoadContext): EnvoySettings {
  const node = load.at('envoy');
  const tls = node.at('tls');
  checkAddresses(input, whole, node);
  const { accessLog, ...rest } = input;
  const { certificateFile, privateKeyFile, clientCaFile, sdsDirectory, clientCertificate } = input.tls;
  warnOfOpenUpstream(input, node);
  if (input.front === 'ext_proc' && !whole.listen.extProcVerify)
    node
      .at('front')
      .problem('is ext_proc, and the verifier judges nothing by way of it', 'set listen.extProcVerify: true');
  if (clientCertificate === 'optional') judgeOptionalCertificate(whole, tls.at('clientCertificate'));
  const chain = readCertificates(certificateFile, tls.at('certificateFile'));
  judgeListenerCertificate(chain, privateKeyFile, tls);
  const authorities = readAuthorities(clientCaFile, tls.at('clientCaFile'));
  if (authorities !== undefined) load.isKnownToListener = knownTo(authorities);
  return {
    ...rest,
    health: input.health,
    tls: {
      certificateFile: load.resolve(certificateFile),
      privateKeyFile: load.resolve(privateKeyFile),
      clientCaFile: load.resolve(clientCaFile),
      sdsDirectory: load.resolve(sdsDirectory),
      clientCertificate,
    },
    accessLogPath: load.resolve(accessLog),
  };
}

/** Without a certificate a client has to be nobody: no header may say who it is, and what is open to it is declared. */
function judgeOptionalCertificate(whole: ConfigurationInput, node: ConfigurationNode): void {
  if (whole.forwardedClientCert !== 'ignore')
    node.problem(
      'is optional, and forwardedClientCert believes a header where there is no certificate: any client could write it',
      'set it to required, or remove forwardedClientCert',
    );
  if (whole.policies.every(({ passThrough }) => passThrough === undefined))
    node.warn(
      'is optional, and no policy has passThrough: whoever comes without a certificate is refused everywhere',
    );
}

/** What was verified leaves Envoy in plain HTTP. */
function warnOfOpenUpstream({ upstream: { address } }: EnvoyInput, node: ConfigurationNode): void {
  if (!isLoopback(address))
    node
      .at('upstream', 'address')
      .warn(
        `verified requests go to ${quoteText(address)} in plain HTTP: whoever is on that network can read and change them, or call the application past the verifier`,
      );
}

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const LEAST_RSA_BITS = 2048;

/** Holds chain and key against each other, where the key can be read. Envoy reads it too, on its own. */
function judgeListenerCertificate(
  chain: readonly X509Certificate[] | undefined,
  keyFile: string,
  tls: ConfigurationNode,
): void {
  const node = tls.at('certificateFile');
  if (chain !== undefined) refuseAlgorithm(chain[0], node);
  const key = readKey(keyFile, tls.at('privateKeyFile'));
  if (chain === undefined) return;
  if (key === undefined) judgeOrder(chain, node);
  else judgeMatch(chain, key, tls);
}

/** What Envoy says is "Failed to load certificate chain", and it opens the port without one. */
function refuseAlgorithm(leaf: X509Certificate | undefined, node: ConfigurationNode): void {
  if (leaf === undefined || isTaken(publicKeyOf(leaf))) return;
  node.problem(
    'has a key of a kind that Envoy does not take',
    'issue it for ECDSA on P-256, P-384 or P-521, for RSA of 2048 bits or more, or for Ed25519',
  );
}

function isTaken({ asymmetricKeyType, asymmetricKeyDetails }: Partial<KeyObject> = {}): boolean {
  if (asymmetricKeyType === 'ec') return CURVES.has(asymmetricKeyDetails?.namedCurve ?? '');
  if (asymmetricKeyType === 'rsa') return (asymmetricKeyDetails?.modulusLength ?? 0) >= LEAST_RSA_BITS;
  return asymmetricKeyType === 'ed25519';
}

/** Where the two are apart, as in the containers of a pod, the verifier has no such file, or may not read it. */
function readKey(file: string, node: ConfigurationNode): KeyObject | undefined {
  const read = node.load.readSecret(file);
  if (!read.ok) {
    const absolute = node.load.resolve(file);
    if (read.reason === 'missing' && !node.load.leavesOut(file, node.path))
      node.warn(`the file ${absolute} does not exist here; Envoy needs it where it runs`);
    const judged = read.reason === 'unreadable' ? checkPrivateKeyFile(absolute) : read;
    if (!judged.ok && judged.reason !== 'missing') node.fileProblem(file, judged.message, judged.remedy);
    return undefined;
  }
  const key = parseKey(read.bytes);
  read.bytes.fill(0);
  if (typeof key === 'object') return key;
  node.fileProblem(file, ...keyFaultTexts[key]);
  return undefined;
}

const keyFaultTexts: Readonly<Record<'encrypted' | 'der' | 'none', readonly [string, string]>> = {
  encrypted: [
    'is encrypted with a passphrase, which Envoy does not have',
    'store it without: openssl pkey -in FILE -out NEW, at mode 0600',
  ],
  der: [
    'is in DER, and Envoy reads PEM',
    'convert it: openssl pkey -inform DER -in FILE -out NEW, at mode 0600',
  ],
  none: [
    'is not a private key in PEM',
    'name the PEM file of the key, with -----BEGIN PRIVATE KEY----- alone in its line',
  ],
};

/** The first private key of the file, as Envoy takes it. */
function parseKey(bytes: Buffer): KeyObject | keyof typeof keyFaultTexts {
  const parts = splitPem(latin1FromBytes(bytes));
  const first = 'code' in parts ? undefined : parts.find(({ label }) => label.endsWith('PRIVATE KEY'));
  if (first === undefined) return bytes[0] === 0x30 ? 'der' : 'none';
  if (first.label === 'ENCRYPTED PRIVATE KEY' || first.text.includes('\nProc-Type: 4,ENCRYPTED'))
    return 'encrypted';
  try {
    return createPrivateKey(first.text);
  } catch {
    return 'none';
  }
}

function judgeMatch(chain: readonly X509Certificate[], key: KeyObject, tls: ConfigurationNode): void {
  const node = tls.at('certificateFile');
  const owner = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (owner === 0) warnOfGaps(chain, node);
  else if (owner > 0)
    refuseOrder(`the key belongs to certificate ${owner + 1} of the file, and Envoy takes the first`, node);
  else
    tls
      .at('privateKeyFile')
      .problem(
        'is the key of another certificate than the one in certificateFile',
        'name the key that the certificate was issued for',
      );
}

/** Without the key: what was issued by the certificate before it cannot come after it. */
function judgeOrder(chain: readonly X509Certificate[], node: ConfigurationNode): void {
  const [first, ...others] = chain;
  if (first?.ca === true && others.some((other) => other.checkIssued(first)))
    refuseOrder('its first certificate issued a later one, and Envoy takes the first', node);
  else warnOfGaps(chain, node);
}

function refuseOrder(reason: string, node: ConfigurationNode): void {
  node.problem(
    `is in the wrong order: ${reason}`,
    'put the certificate of the server first, then the one that issued it, and so on',
  );
}

/** Envoy sends the chain as it is, and some clients go through it in order. */
function warnOfGaps(chain: readonly X509Certificate[], node: ConfigurationNode): void {
  chain.forEach((issuer, index) => {
    const subject = chain[index - 1];
    if (subject !== undefined && !subject.checkIssued(issuer))
      node.warn(
        `certificate ${index + 1} of this file did not issue the one before it: some clients will not find their way through the chain`,
      );
  });
}

/**
 * Whether one of these CAs issued a certificate, or is it: Envoy takes a partial chain. What an intermediate certificate
 * issued that the caller sends along is not known here. They are found by name, so that a look does not grow with the
 * bundle.
 */
function knownTo(authorities: readonly X509Certificate[]): (certificate: X509Certificate) => boolean {
  const bySubject = new Map<string, X509Certificate[]>();
  for (const authority of authorities)
    bySubject.set(authority.subject, [...(bySubject.get(authority.subject) ?? []), authority]);
  return (certificate) =>
    (bySubject.get(certificate.issuer) ?? []).some((issuer) => issued(issuer, certificate)) ||
    (bySubject.get(certificate.subject) ?? []).some(({ raw }) => raw.equals(certificate.raw));
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A key that this build of OpenSSL does not know is Envoy's to judge.
    return true;
  }
}
