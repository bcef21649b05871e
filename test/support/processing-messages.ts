/** ProcessingRequests written and ProcessingResponses read by Envoy's full definitions, not by our own code. */
import { loadEnvoyDefinitions } from './envoy-definitions.js';

const full = loadEnvoyDefinitions('envoy/service/ext_proc/v3/external_processor.proto');
export const FullProcessingRequest = full.lookupType('envoy.service.ext_proc.v3.ProcessingRequest');
export const FullProcessingResponse = full.lookupType('envoy.service.ext_proc.v3.ProcessingResponse');

/**
 * Serialises a ProcessingRequest given as a plain object with the field names of the definitions, and
 * `ProtocolConfiguration.response_body_mode`, which is younger than they are.
 */
export function encodeProcessingRequest(message: Record<string, unknown>, responseBodyMode?: number): Buffer {
  const known = FullProcessingRequest.encode(FullProcessingRequest.fromObject(message)).finish();
  if (responseBodyMode === undefined) return Buffer.from(known);
  const config = responseBodyMode === 0 ? [] : [0x10, responseBodyMode];
  return Buffer.concat([known, Buffer.from([0x5a, config.length, ...config])]);
}

/** A google.protobuf.Struct of texts. */
export function textStruct(values: Readonly<Record<string, string | undefined>>): object {
  const told = Object.entries(values).filter(([, value]) => value !== undefined);
  return { fields: Object.fromEntries(told.map(([key, stringValue]) => [key, { stringValue }])) };
}

/** What Envoy sends at the beginning, as a test changes it. */
export interface HeadersParts {
  /** Names and values; `:status` among them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly endOfStream: boolean;
  /** Under the verifier's namespace; undefined: an empty metadata context, as Envoy sends it without. */
  readonly context: Readonly<Record<string, string | undefined>> | undefined;
  readonly codeDetails: string | undefined;
  /** 2 is BUFFERED. */
  readonly responseBodyMode: number | undefined;
  readonly observed: boolean;
}

/** The first message of a stream, as Envoy 1.36 and 1.40 were seen to send it. */
export function headersMessage(parts: HeadersParts): Buffer {
  const headers = parts.headers.map(([key, value]) =>
    value === '' ? { key } : { key, raw_value: Buffer.from(value, 'latin1') },
  );
  const attributes = textStruct({ 'response.code_details': parts.codeDetails, 'request.id': 'envoy-id' });
  return encodeProcessingRequest(
    {
      response_headers: {
        headers: { headers },
        ...(parts.endOfStream && { end_of_stream: true }),
      },
      metadata_context: metadata(parts.context),
      attributes: { 'envoy.filters.http.ext_proc': attributes },
      ...(parts.observed && { observability_mode: true }),
    },
    parts.responseBodyMode,
  );
}

/** The second one. */
export function bodyMessage(body: Buffer | string, endOfStream = true): Buffer {
  return encodeProcessingRequest({
    response_body: { body: Buffer.from(body), ...(endOfStream && { end_of_stream: true }) },
    metadata_context: {},
  });
}

function metadata(context: HeadersParts['context']): object {
  if (context === undefined) return {};
  const own = { ...textStruct(context) };
  return { filter_metadata: { 'envoy.filters.http.ext_authz': own } };
}

/** A response as tests look at it. */
export interface ReadProcessingResponse {
  readonly kind: 'headers' | 'body' | 'immediate';
  /** Undefined but for an immediate response. */
  readonly status: number | undefined;
  readonly set: ReadonlyMap<string, string>;
  readonly removed: readonly string[];
  /** The text of the new body; undefined where the old one goes on. */
  readonly body: string | undefined;
  readonly details: string | undefined;
}

interface HeaderOption {
  readonly header?: { readonly key?: string; readonly value?: string; readonly raw_value?: Uint8Array };
  readonly append?: unknown;
}

interface Mutation {
  readonly set_headers?: readonly HeaderOption[];
  readonly remove_headers?: readonly string[];
}

interface Common {
  readonly response?: {
    readonly header_mutation?: Mutation;
    readonly body_mutation?: { readonly body?: Uint8Array };
  };
}

interface FullResponse {
  readonly response_headers?: Common;
  readonly response_body?: Common;
  readonly immediate_response?: {
    readonly status?: { readonly code?: number };
    readonly headers?: Mutation;
    readonly body?: Uint8Array;
    readonly details?: string;
  };
}

/** Decodes a response strictly: what Envoy would read otherwise than it was meant throws. */
export function readProcessingResponse(response: Uint8Array): ReadProcessingResponse {
  const decoded = FullProcessingResponse.toObject(FullProcessingResponse.decode(response), {
    enums: Number,
  }) as FullResponse;
  const [only, another] = Object.keys(decoded);
  if (another !== undefined) throw new Error('more than one response');
  if (only === 'immediate_response') return readImmediate(decoded.immediate_response ?? {});
  const common = decoded.response_headers ?? decoded.response_body;
  if (common?.response === undefined) throw new Error('neither headers nor body nor immediate');
  const { header_mutation: mutation, body_mutation: bodyMutation } = common.response;
  return {
    kind: decoded.response_headers === undefined ? 'body' : 'headers',
    status: undefined,
    ...headersOf(mutation),
    body: bodyMutation === undefined ? undefined : textOf(bodyMutation.body),
    details: undefined,
  };
}

function readImmediate(immediate: NonNullable<FullResponse['immediate_response']>): ReadProcessingResponse {
  const status = immediate.status?.code;
  if (status === undefined || status < 400) throw new Error(`an immediate response of ${String(status)}`);
  return {
    kind: 'immediate',
    status,
    ...headersOf(immediate.headers),
    body: textOf(immediate.body),
    details: immediate.details,
  };
}

function textOf(body: Uint8Array | undefined): string {
  return Buffer.from(body ?? []).toString();
}

function headersOf(mutation: Mutation = {}): Pick<ReadProcessingResponse, 'set' | 'removed'> {
  const set = new Map<string, string>();
  for (const { header, append } of mutation.set_headers ?? []) {
    if (header?.key === undefined || header.raw_value === undefined || header.value !== undefined)
      throw new Error('a header without key and raw_value, or with value');
    if (append !== undefined) throw new Error(`${header.key} would be added`);
    if (set.has(header.key)) throw new Error(`${header.key} is set twice`);
    set.set(header.key, textOf(header.raw_value));
  }
  return { set, removed: mutation.remove_headers ?? [] };
}
