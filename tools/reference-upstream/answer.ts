/** An answer as a value, and the two shapes that every route shares. */

/** What is sent back; the body is serialised as JSON unless it is text. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A refusal in the same shape as the verifier's, so that producers need to know only one. */
export function refusal(
  status: number,
  code: string,
  message: string,
  requestId: string | null = null,
): Answer {
  return {
    status,
    body: { request_id: requestId, status: 'rejected', data: null, errors: [{ code, message }] },
  };
}

/** The answer where nothing is served. */
export function notFound(): Answer {
  return refusal(404, 'not_found', 'The application has nothing here.');
}
