/** What the verifier vouches for, read from the headers that only it can have set (docs/wire-contract.md#what-the-application-receives). */

/** Facts about a request that Countersign let through. Everything else in the request is the caller's word. */
export interface VerifiedContext {
  /** Countersign's id of the decision; producers get it back as `request_id`. */
  readonly requestId: string;
  readonly identity: string;
  readonly tenant: string;
  readonly operator: string;
  /** 64 lower-case hex digits; absent on routes whose bodies carry none. */
  readonly attestation: string | undefined;
}

type DistinctHeaders = Readonly<Record<string, readonly string[] | undefined>>;

/** The one non-empty value of a header; a header that came twice is nobody's word, so it counts as absent. */
function single(headers: DistinctHeaders, name: string): string | undefined {
  const values = headers[name];
  const [value] = values ?? [];
  return values?.length === 1 && value !== '' ? value : undefined;
}

/**
 * Reads the verified headers of a signed route (`IncomingMessage.headersDistinct`).
 * Undefined when one is missing or doubled: then the request did not come past the verifier, and is to be refused.
 */
export function readVerifiedContext(headers: DistinctHeaders): VerifiedContext | undefined {
  const requestId = single(headers, 'x-countersign-request-id');
  const identity = single(headers, 'x-countersign-identity');
  const tenant = single(headers, 'x-countersign-tenant');
  const operator = single(headers, 'x-countersign-operator');
  if (requestId === undefined || identity === undefined) return undefined;
  if (tenant === undefined || operator === undefined) return undefined;
  return { requestId, identity, tenant, operator, attestation: single(headers, 'x-countersign-attestation') };
}

/** Whether any request id of the verifier is there: for routes that the operator signed without a JSON body. */
export function verifiedRequestId(headers: DistinctHeaders): string | undefined {
  return single(headers, 'x-countersign-identity') === undefined
    ? undefined
    : single(headers, 'x-countersign-request-id');
}
