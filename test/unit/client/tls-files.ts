/** Certificates for a server on loopback, made by openssl in a directory of the test's own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Certificate and key of one party, as files. */
export interface Party {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Everything that a test of mutual TLS needs. */
export interface TlsFiles {
  readonly directory: string;
  readonly ca: Party;
  readonly otherCa: Party;
  readonly server: Party;
  /** Of the CA. */
  readonly client: Party;
  /** Of the CA, for servers alone by its extended key usage. */
  readonly serverOnly: Party;
  /** Of the other CA. */
  readonly stranger: Party;
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function makeCa(directory: string, name: string): Party {
  const party = partyIn(directory, name);
  openssl(
    ...['req', '-x509', ...CURVE, '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', party.keyFile, '-out', party.certificateFile],
  );
  return party;
}

function makeLeaf(directory: string, name: string, ca: Party, more = ''): Party {
  const party = partyIn(directory, name);
  const extensions = join(directory, 'names.cnf');
  writeFileSync(extensions, `subjectAltName=DNS:localhost,IP:::1\n${more}`);
  const request = join(directory, `${name}.csr`);
  openssl('req', ...CURVE, '-subj', `/CN=${name}`, '-keyout', party.keyFile, '-out', request);
  openssl(
    ...['x509', '-req', '-in', request, '-days', '2', '-out', party.certificateFile],
    ...['-CA', ca.certificateFile, '-CAkey', ca.keyFile, '-CAcreateserial', '-extfile', extensions],
  );
  return party;
}

function partyIn(directory: string, name: string): Party {
  return { certificateFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
}

/** Makes all of them; takes about 100 ms. The caller removes `directory`. */
export function makeTlsFiles(): TlsFiles {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-tls-'));
  const [ca, otherCa] = [makeCa(directory, 'ca'), makeCa(directory, 'other-ca')];
  return {
    directory,
    ca,
    otherCa,
    server: makeLeaf(directory, 'server', ca),
    client: makeLeaf(directory, 'client', ca),
    serverOnly: makeLeaf(directory, 'server-only', ca, 'extendedKeyUsage=serverAuth\n'),
    stranger: makeLeaf(directory, 'stranger', otherCa),
  };
}

/** The texts that `sendSigned` wants. */
export function clientTls(client: Party, ca: Party): { ca: string; certificate: string; privateKey: string } {
  return {
    ca: readFileSync(ca.certificateFile, 'utf8'),
    certificate: readFileSync(client.certificateFile, 'utf8'),
    privateKey: readFileSync(client.keyFile, 'utf8'),
  };
}
