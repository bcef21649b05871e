/** CheckRequests written and CheckResponses read by Envoy's full definitions, not by our own code. */
import { loadEnvoyDefinitions } from './envoy-definitions.js';
import { bytes, type RequestParts } from './signed-request.js';

const full = loadEnvoyDefinitions('envoy/service/auth/v3/external_auth.proto');
export const FullCheckRequest = full.lookupType('envoy.service.auth.v3.CheckRequest');
export const FullCheckResponse = full.lookupType('envoy.service.auth.v3.CheckResponse');

/** Serialises a CheckRequest given as a plain object with the field names of the definitions. */
export function encodeCheckRequest(message: Record<string, unknown>): Buffer {
  return Buffer.from(FullCheckRequest.encode(FullCheckRequest.fromObject(message)).finish());
}

/** The bytes that Envoy would send for these parts; `certificate` is its percent-encoded PEM. */
export function checkMessage(parts: RequestParts, certificate: string): Buffer {
  const headers = parts.headers.map(([key, value]) => {
    const raw = typeof value === 'string' ? Buffer.from(value, 'latin1') : bytes(value);
    return raw.length === 0 ? { key } : { key, raw_value: raw };
  });
  const size = parts.declaredSize;
  const http = {
    id: '1234',
    method: parts.method,
    path: parts.path,
    host: parts.authority,
    scheme: 'https',
    protocol: 'HTTP/1.1',
    ...(parts.rawBody ? { raw_body: parts.body } : { body: Buffer.from(parts.body).toString('utf8') }),
    ...(size === undefined ? {} : { size: Number.isNaN(size) ? '9223372036854775807' : String(size) }),
    ...(parts.rawHeaders ? { header_map: { headers } } : {}),
  };
  const extensions = parts.policyName === undefined ? {} : { countersign_policy: parts.policyName };
  return encodeCheckRequest({
    attributes: {
      source: { certificate, principal: 'CN=x' },
      request: { http },
      context_extensions: { other: 'x', ...extensions },
      tls_session: {},
    },
  });
}

/** A response as tests look at it; headers by name, each name once or the reading throws. */
export interface ReadResponse {
  readonly grpcCode: number;
  /** Undefined for an allow. */
  readonly httpStatus: number | undefined;
  readonly set: ReadonlyMap<string, string>;
  readonly removed: readonly string[];
  /** The JSON body of a refusal. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

interface FullResponse {
  readonly status?: { readonly code?: number };
  readonly denied_response?: {
    readonly status?: { readonly code?: number };
    readonly headers?: readonly HeaderOption[];
    readonly body?: string;
  };
  readonly ok_response?: {
    readonly headers?: readonly HeaderOption[];
    readonly headers_to_remove?: readonly string[];
  };
  readonly dynamic_metadata?: {
    readonly fields?: Readonly<Record<string, { readonly stringValue?: string }>>;
  };
}

interface HeaderOption {
  readonly header?: { readonly key?: string; readonly value?: string; readonly raw_value?: Uint8Array };
}

/** Bytes that begin every response: status { code }, written out even where it is 0. */
const STATUS_FIELD = /^0a0208(00|07)/;

/** Decodes a response strictly: anything that Envoy would read as an allow by default throws. */
export function readResponse(response: Uint8Array): ReadResponse {
  const written = STATUS_FIELD.exec(Buffer.from(response).toString('hex'));
  if (written === null) throw new Error('status.code is not written out');
  const decoded = FullCheckResponse.toObject(FullCheckResponse.decode(response), {
    enums: Number,
  }) as FullResponse;
  const { denied_response: denied, ok_response: ok } = decoded;
  const grpcCode = decoded.status?.code ?? NaN;
  if ((denied === undefined) === (ok === undefined)) throw new Error('not exactly one of denied and ok');
  if ((grpcCode === 0) !== (ok !== undefined)) throw new Error('status and answer contradict each other');
  const httpStatus = denied?.status?.code;
  if (denied !== undefined && (httpStatus === undefined || httpStatus < 401 || httpStatus > 503))
    throw new Error(`a denial with the status ${String(httpStatus)}`);
  return {
    grpcCode,
    httpStatus,
    set: headersOf(denied?.headers ?? ok?.headers ?? []),
    removed: ok?.headers_to_remove ?? [],
    body: denied === undefined ? undefined : (JSON.parse(denied.body ?? '') as Record<string, unknown>),
    metadata: metadataOf(decoded),
  };
}

function headersOf(options: readonly HeaderOption[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const { header } of options) {
    if (header?.key === undefined || header.value === undefined || header.raw_value !== undefined)
      throw new Error('a header without key and value, or with raw_value');
    if (headers.has(header.key)) throw new Error(`${header.key} is set twice`);
    headers.set(header.key, header.value);
  }
  return headers;
}

function metadataOf({ dynamic_metadata: struct }: FullResponse): Record<string, string> {
  const entries = Object.entries(struct?.fields ?? {}).map(([key, value]): [string, string] => {
    if (value.stringValue === undefined) throw new Error(`${key} is no string in the metadata`);
    return [key, value.stringValue];
  });
  return Object.fromEntries(entries);
}
