/** A certificate of version 1, which has no extensions: some in the field are, and the library writes none. */
import { sign, type KeyObject } from 'node:crypto';

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
/** `[0]` and `[3]` of a TBSCertificate (RFC 5280, section 4.1): its version and its extensions. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

/** Takes version and extensions out of a certificate (PEM), and has the issuer sign what is left. */
export function asVersion1(pem: string, issuerKey: KeyObject): string {
  const der = Buffer.from(pem.replace(/-----[^-]*-----|\s/g, ''), 'base64');
  const [signed = der, algorithm = der] = elements(content(der));
  const kept = elements(content(signed)).filter(({ 0: tag }) => tag !== VERSION && tag !== EXTENSIONS);
  const body = element(SEQUENCE, ...kept);
  const signature = element(BIT_STRING, Buffer.of(0), sign('sha256', body, issuerKey));
  const lines =
    element(SEQUENCE, body, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Where the content of the element at the start of `der` begins and ends. */
function span(der: Buffer): { readonly start: number; readonly end: number } {
  const short = der.readUInt8(1);
  if (short < 0x80) return { start: 2, end: 2 + short };
  const digits = short & 0x7f;
  return { start: 2 + digits, end: 2 + digits + der.readUIntBE(2, digits) };
}

function content(der: Buffer): Buffer {
  const { start, end } = span(der);
  return der.subarray(start, end);
}

function elements(der: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let rest = der; rest.length > 0; rest = rest.subarray(span(rest).end))
    found.push(rest.subarray(0, span(rest).end));
  return found;
}

function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), lengthOf(body), body]);
}

/** In as few bytes as it takes: Envoy refuses another form. */
function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.of(length);
  return length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff);
}
