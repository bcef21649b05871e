/** The certificates in an Envoy's configuration: those that it shows and those that it trusts, as far as their bytes are there. Pure. */
import { readCertificateBundle, sha256Hex } from '../../crypto/certificate.js';
import type { CertificateFact } from '../facts.js';
import type { Envoy } from '../model/envoy.js';
import type { Message } from './message.js';

/** A bundle of CAs is some hundred KiB. */
const MAX_BASE64_CHARACTERS = 8_388_608;

/** Of the secrets, and of the TLS contexts of chains that have them inline. */
export function certificatesOf({ parts, chains }: Envoy): CertificateFact[] {
  const contexts = chains.map(({ tls }) => tls.at('common_tls_context'));
  const shown = contexts.flatMap((context) => context.list('tls_certificates'));
  const trusted = contexts.flatMap((context) => [
    context.at('validation_context'),
    context.at('combined_validation_context', 'default_validation_context'),
  ]);
  return [
    ...[...parts.secrets.map((secret) => secret.at('tls_certificate')), ...shown].flatMap((certificate) =>
      factsOf(certificate.at('certificate_chain'), 'server'),
    ),
    ...[...parts.secrets.map((secret) => secret.at('validation_context')), ...trusted].flatMap((context) =>
      factsOf(context.at('trusted_ca'), 'client_ca'),
    ),
  ];
}

/** A DataSource; one that names a file was read by Envoy, perhaps on another machine: it is not judged here. */
function factsOf(source: Message, use: CertificateFact['use']): CertificateFact[] {
  const bytes = bytesOf(source);
  const bundle = bytes === undefined ? undefined : readCertificateBundle(bytes);
  if (bundle === undefined || 'code' in bundle) return [];
  return bundle.certificates.map(({ subject, validFrom, validTo, raw }, index) => ({
    where: `${source.path}[${index}]`,
    use,
    // Node has no subject, rather than an empty one, where a certificate has none.
    subject: ((subject as string | undefined) ?? '').replaceAll('\n', ', '),
    notBeforeMs: Date.parse(validFrom),
    notAfterMs: Date.parse(validTo) + 1000,
    sha256: sha256Hex(raw),
    isFirst: index === 0,
  }));
}

/** Hashes of a bundle's certificates in their order; undefined where it cannot be read. */
export function hashesOf(pem: Buffer): string[] | undefined {
  const bundle = readCertificateBundle(pem);
  return 'code' in bundle ? undefined : bundle.certificates.map(({ raw }) => sha256Hex(raw));
}

function bytesOf(source: Message): Buffer | undefined {
  const encoded = source.text('inline_bytes');
  if (encoded !== undefined && encoded.length <= MAX_BASE64_CHARACTERS) return Buffer.from(encoded, 'base64');
  const text = source.text('inline_string');
  return text !== undefined && text.length <= MAX_BASE64_CHARACTERS ? Buffer.from(text) : undefined;
}
