/** `countersign pki init`: a CA, a server and a client certificate, to begin with on one machine. It is no PKI. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import {
  issueCertificate,
  newCertificateKeys,
  type CertificateKeys,
  type CertificateRequest,
  type Issuer,
} from '../pki/issue-certificate.js';
import { type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { FILE_NAME, writeNewFiles } from './files.js';
import { matching, wholeNumber } from './option-values.js';
import { registerPkiRenew } from './pki-renew.js';
import { BACKDATED_MILLISECONDS, throwExplained, MAX_LEAF_DAYS } from './pki-terms.js';
import { factLines, isoTime, jsonText } from './text.js';

const DAY_MILLISECONDS = 86_400_000;
const MAX_AUTHORITY_DAYS = 7_300;
/** Of a common name (RFC 5280, appendix A.1). */
const MAX_COMMON_NAME = 64;
/** The names of the first two pairs of files; the third is called as the client. */
const AUTHORITY = 'ca';
const SERVER = 'server';
const THIS_MACHINE = ['localhost', '127.0.0.1', '::1'];
/**
 * Labels of letters, digits and hyphens (RFC 1123, section 2.1). The first may be `*`; the last has a letter and is no
 * hexadecimal number, as clients take `0x7f000001` for an IPv4 address (the host parser of WHATWG URL).
 */
const DNS_NAME =
  /^(?=.{1,253}$)(?!.*(?:^|\.)(?:[0-9-]+|0x[0-9a-f]*)$)(?:\*\.)?(?:(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.|$))+(?<!\.)$/i;

interface InitOptions {
  readonly name?: readonly string[];
  readonly client: string;
  readonly days: number;
  readonly caDays: number;
  readonly json?: true;
}

/** A certificate and its key (PEM), and what their two files are called. */
interface Issued {
  readonly role: 'ca' | 'server' | 'client';
  readonly base: string;
  readonly certificate: string;
  readonly key: string;
}

async function init(world: CliWorld, directory: string, options: InitOptions): Promise<ExitCode> {
  judge(options);
  const issued = await issueAll(options, world.nowMs());
  writeAll(directory, issued);
  world.out(options.json ? toJson(directory, issued) : toText(directory, issued));
  return ExitCode.good;
}

function judge({ client, days, caDays }: InitOptions): void {
  if (client === AUTHORITY || client === SERVER)
    throw usageFault(`the client cannot be called ${client}, as other files are`, 'choose another --client');
  if (caDays < days)
    throw usageFault(
      `a CA of ${caDays} days would end before certificates of ${days} days`,
      'raise --ca-days, or lower --days',
    );
}

async function issueAll(options: InitOptions, nowMs: number): Promise<[Issued, Issued, Issued]> {
  const { name: names = THIS_MACHINE, client, days, caDays } = options;
  const notBefore = new Date(nowMs - BACKDATED_MILLISECONDS);
  const until = (count: number): Date => new Date(nowMs + count * DAY_MILLISECONDS);
  const keys = newCertificateKeys();
  // A name of its own, so that two of them in one bundle are told apart.
  const authority: Issuer = { commonName: `countersign CA ${new Date(nowMs).toISOString()}`, keys };
  const issue = async (
    request: Pick<CertificateRequest, 'commonName' | 'role' | 'notAfter' | 'names' | 'pathLength'>,
    own: CertificateKeys,
  ): Promise<Pick<Issued, 'certificate' | 'key'>> => ({
    certificate: await issuedBy(authority, { ...request, publicKey: own.publicKey, notBefore }),
    key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  });
  const { commonName } = authority;
  const ca = await issue({ commonName, role: 'authority', notAfter: until(caDays), pathLength: 0 }, keys);
  const leaf = { notAfter: until(days) };
  const server = { ...leaf, commonName: commonNameOf(names), role: 'server', names } as const;
  return [
    { role: 'ca', base: AUTHORITY, ...ca },
    { role: 'server', base: SERVER, ...(await issue(server, newCertificateKeys())) },
    {
      role: 'client',
      base: client,
      ...(await issue({ ...leaf, commonName: client, role: 'client' }, newCertificateKeys())),
    },
  ];
}

/** Clients look at the alternative names alone. */
function commonNameOf([first = SERVER]: readonly string[]): string {
  return first.length > MAX_COMMON_NAME ? SERVER : first;
}

async function issuedBy(authority: Issuer, request: CertificateRequest): Promise<string> {
  try {
    return await issueCertificate(request, authority);
  } catch (error) {
    return throwExplained(error);
  }
}

const certificateFile = (directory: string, { base }: Issued): string => join(directory, `${base}.crt`);
const keyFile = (directory: string, { base }: Issued): string => join(directory, `${base}.key`);

function writeAll(directory: string, issued: readonly Issued[]): void {
  const files = issued.flatMap((one) => [
    { path: keyFile(directory, one), content: one.key, isSecret: true },
    { path: certificateFile(directory, one), content: one.certificate, isSecret: false },
  ]);
  writeNewFiles(directory, files, 'choose another directory, or move the old files away');
}

function fingerprintOf({ certificate }: Issued): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
}

function endOf({ certificate }: Issued): string {
  return isoTime(Date.parse(new X509Certificate(certificate).validTo));
}

function toJson(directory: string, issued: readonly Issued[]): string {
  const entries = issued.map((one) => [
    one.role,
    {
      certificate_file: certificateFile(directory, one),
      private_key_file: keyFile(directory, one),
      certificate_sha256: fingerprintOf(one),
      not_after: endOf(one),
    },
  ]);
  return jsonText(Object.fromEntries(entries));
}

function toText(directory: string, issued: readonly [Issued, Issued, Issued]): string {
  const [authority, server, client] = issued;
  const facts = issued.map(
    (one) =>
      [
        one.role,
        `${certificateFile(directory, one)}, ${keyFile(directory, one)}, until ${endOf(one)}`,
      ] as const,
  );
  const sha256 = fingerprintOf(client);
  return `${factLines([...facts, ['SHA-256 of the client certificate', sha256]], '')}
in countersign.yaml, under the identity that the client certificate belongs to:
    certificates:
      - { sha256: ${sha256} }

and for Envoy:
envoy:
  tls:
    certificateFile: ${JSON.stringify(certificateFile(directory, server))}
    privateKeyFile: ${JSON.stringify(keyFile(directory, server))}
    clientCaFile: ${JSON.stringify(certificateFile(directory, authority))}

(paths are taken from the folder of countersign.yaml)

${NOT_A_PKI}`;
}

const NOT_A_PKI = `This is for one machine, for trying and for tests. It is no PKI: nothing is revoked, nothing renews itself, and the CA's
key lies beside what it signed, readable by whoever reads this directory. In production take certificates from
cert-manager, Vault or the CA of your company.
`;

/** A parser for commander: a name that a certificate can hold. */
function serverName(text: string, earlier: readonly string[] = []): readonly string[] {
  // An IPv6 address may have a zone, which means something on one machine alone.
  const isName = isIP(text) === 0 ? DNS_NAME.test(text) : !text.includes('%');
  if (isName) return [...earlier, text];
  throw new InvalidArgumentError('It must be a DNS name in ASCII or an IP address, without a port.');
}

/** Adds the command. */
export const registerPki: Register = (program, session) => {
  const pki = program
    .command('pki')
    .description('make certificates to begin with, on one machine')
    .addHelpText('after', examples('countersign pki init certs', 'countersign pki renew certs server'));
  registerPkiRenew(pki, session);
  pki
    .command('init')
    .description(
      'make a CA, a server and a client certificate (ECDSA P-256, PEM; keys 0600); print what to pin',
    )
    .argument('<directory>', 'where the six files go; made (0700) if it is not there')
    .option(
      '-n, --name <name>',
      'a DNS name or IP address of the server; may be repeated (default: this machine)',
      serverName,
    )
    .option(
      '-c, --client <name>',
      'the name in the client certificate, and of its files',
      matching(FILE_NAME),
      'client',
    )
    .option(
      '-d, --days <days>',
      'how long server and client certificate are valid',
      wholeNumber(1, MAX_LEAF_DAYS),
      365,
    )
    .option('--ca-days <days>', 'how long the CA is valid', wholeNumber(1, MAX_AUTHORITY_DAYS), 3_650)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign pki init certs',
        'countersign pki init certs --name gateway.internal --name 10.1.2.3 --client producer-a --days 90',
      ),
    )
    .action(session.action(init));
};
