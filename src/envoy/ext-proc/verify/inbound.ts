/** From the messages of ext_proc to the request that is judged; what is not as the decision needs it is said in the request. */
import type { SecurityHeaderNames } from '../../../protocol/header-names.js';
import type { InboundRequest, PeerCertificate } from '../../../verify/inbound-request.js';
import type { PeerCertificates } from '../../check/peer-certificates.js';
import type { HeaderSelection, HeaderValues } from '../../wire/header-map.js';
import { DIGEST_ATTRIBUTE } from '../first-message.js';
import { CODE_DETAILS, VIA_UPSTREAM } from '../headers-verdict.js';
import { BUFFERED, readProcessingRequest, type ProcessingRequest } from '../request.js';

/** The attribute with the certificate itself, PEM; Envoy 1.40 has it, 1.36 does not. */
const CERTIFICATE_ATTRIBUTE = 'connection.peer_certificate';

/** Besides the headers that every front reads. */
export const PSEUDO_HEADERS: readonly string[] = [':method', ':path', ':authority'];

const BODY_MARK = 'x-envoy-auth-partial-body';
const WHOLE: readonly string[] = ['false'];
const LENGTH_OF_A_BODY = /^[1-9][0-9]{0,15}$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** The first message of a stream, read. */
export interface Beginning {
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** By which the headers were chosen. */
  readonly names: SecurityHeaderNames;
  /** No body follows, or it would change nothing: that of a CONNECT might have no end. */
  readonly isEnough: boolean;
  /** Why the body cannot be waited for; undefined where it can, and where there is none. */
  readonly absentBody: string | undefined;
  readonly attributes: ProcessingRequest['attributes'];
  readonly settingsFault: string | undefined;
  readonly responseBodyMode: number | undefined;
}

/**
 * Reads the first message; undefined where it is not the headers of a request. `isGuarded`: behind its filter Envoy lets
 * nothing go on that was not decided.
 */
export function readBeginning(
  message: Buffer,
  selection: HeaderSelection,
  names: SecurityHeaderNames,
  isGuarded: boolean,
): Beginning | undefined {
  const { part, attributes, observed, requestBodyMode, responseBodyMode } = read(message, selection) ?? {};
  if (part?.kind !== 'request_headers' || attributes === undefined) return undefined;
  const { headers, endOfStream } = part;
  const settingsFault = faultOf(observed === true, endOfStream, requestBodyMode);
  const absentBody = endOfStream || isGuarded || isAnnounced(headers) ? undefined : UNANNOUNCED;
  const isEnough =
    endOfStream || settingsFault !== undefined || absentBody !== undefined || isTunnel(headers);
  return { headers, names, isEnough, absentBody, attributes, settingsFault, responseBodyMode };
}

const UNANNOUNCED = 'without a content-length, and without a guard in Envoy, it might pass unjudged';

/**
 * Where trailers follow the headers and no data is between them, Envoy waits for no word of ours on a body: the request
 * goes on (docs/envoy-behaviour.md#35). With a length Envoy sees to it that there is data.
 */
function isAnnounced(headers: Beginning['headers']): boolean {
  const [length = '', another] = headers.get('content-length') ?? [];
  return another === undefined && LENGTH_OF_A_BODY.test(length);
}

/** What `checkDelivery` refuses whatever else it says. Without a route ext_proc is asked, too, unlike ext_authz. */
function isTunnel(headers: Beginning['headers']): boolean {
  return headers.has('upgrade') || headers.get(':method')?.includes('CONNECT') === true;
}

/** The body of a later message; undefined where it is something else. */
export function readBody(message: Buffer, selection: HeaderSelection): Buffer | undefined {
  const part = read(message, selection)?.part;
  return part?.kind === 'request_body' ? part.body : undefined;
}

const ERROR_STATUS = /^[45][0-9]{2}$/;

/**
 * Whether Envoy answers by itself while the body is awaited, as it does with 413 from 1.37 on: nothing was decided, so
 * nothing may have gone to an upstream, and an answer of one is not let pass. `more`: its body comes by here, too.
 */
export function ownRefusal(message: Buffer): 'whole' | 'more' | undefined {
  const { part, attributes } = read(message) ?? {};
  if (part?.kind !== 'response_headers' || attributes?.get(CODE_DETAILS) === VIA_UPSTREAM) return undefined;
  const [status = '', another] = part.headers.get(':status') ?? [];
  if (another !== undefined || !ERROR_STATUS.test(status)) return undefined;
  return part.endOfStream ? 'whole' : 'more';
}

/** Whether the message is the body of an answer. */
export function isAnswerBody(message: Buffer): boolean {
  return read(message)?.part.kind === 'response_body';
}

function read(message: Buffer, selection?: HeaderSelection): ProcessingRequest | undefined {
  try {
    return readProcessingRequest(message, selection);
  } catch {
    return undefined;
  }
}

function faultOf(observed: boolean, endOfStream: boolean, bodyMode: number | undefined): string | undefined {
  if (observed) return 'ext_proc needs observability_mode: false';
  if (!endOfStream && bodyMode !== BUFFERED) return 'ext_proc needs request_body_mode: BUFFERED';
  return undefined;
}

/**
 * The request as it is judged. With BUFFERED the one body message is the whole body, as long as Envoy's limit was kept
 * (above it Envoy answers 413), whether or not trailers follow: that is what ext_authz says with its mark, and a mark of
 * the client's own says nothing.
 */
export function inboundRequest(
  begun: Beginning,
  body: Buffer,
  certificates: Pick<PeerCertificates, 'read'>,
): InboundRequest {
  const headers: HeaderValues = new Map();
  for (const [name, values] of begun.headers)
    if (!name.startsWith(':') && name !== BODY_MARK) headers.set(name, [...values]);
  if (body.length > 0) headers.set(BODY_MARK, [...WHOLE]);
  return {
    rawHeaders: true,
    rawBody: true,
    method: only(begun, ':method'),
    path: only(begun, ':path'),
    authority: (begun.headers.get(':authority') ?? []).join(','),
    policyName: undefined,
    headers,
    body,
    declaredSize: body.length,
    peerCertificate: peerCertificate(begun.attributes, certificates),
    settingsFault: begun.settingsFault,
    absentBody: begun.absentBody,
    signingFault:
      begun.responseBodyMode === BUFFERED ? undefined : 'ext_proc needs response_body_mode: BUFFERED here',
  };
}

/** Empty unless there is exactly one: without a method or a path nothing is judged. */
function only({ headers }: Beginning, name: string): string {
  const [value = '', another] = headers.get(name) ?? [];
  return another === undefined ? value : '';
}

/** From the digest that Envoy made over the DER, and the certificate where it gives it, too: the two have to agree. */
function peerCertificate(
  attributes: Beginning['attributes'],
  certificates: Pick<PeerCertificates, 'read'>,
): PeerCertificate | 'missing' | 'malformed' {
  const digest = attributes.get(DIGEST_ATTRIBUTE) ?? '';
  const pem = attributes.get(CERTIFICATE_ATTRIBUTE) ?? '';
  if (digest === '') return pem === '' ? 'missing' : 'malformed';
  if (!SHA256_HEX.test(digest)) return 'malformed';
  if (pem === '') return { certificateSha256: digest, spkiSha256: undefined };
  const certificate = certificates.read(Buffer.from(pem));
  if (typeof certificate === 'string') return 'malformed';
  return certificate.certificateSha256 === digest ? certificate : 'malformed';
}
