/** The application that Envoy stands before: from a request whose body has been read to an answer. */
import type { IncomingMessage } from 'node:http';
import { notFound, refusal, type Answer } from './answer.js';
import type { RecordStore } from './record-store.js';
import { SIGNED_ROUTES } from './signed-routes.js';
import { readVerifiedContext, verifiedRequestId } from './verified-context.js';

/** Unsigned paths that the federation declares as pass-through, so that they can be tried. */
const PAGES = /^\/(?:login$|portal\/|api\/v1\/)/;

function parseJson(body: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(body.toString('utf8')) as unknown };
  } catch {
    return undefined;
  }
}

/** Everything that is not a route of the profile: the pages, and policies of the operator's own. */
function answerOther(message: IncomingMessage, path: string): Answer {
  const requestId = verifiedRequestId(message.headersDistinct);
  if (requestId !== undefined) return { status: 200, body: { accepted: true, request_id: requestId } };
  return PAGES.test(path) ? { status: 200, body: { page: path, signed: false } } : notFound();
}

/**
 * Answers one request. On a signed route it believes the verified headers alone and refuses with 403 when they
 * are missing, whoever asks: being reachable is no proof of having been verified.
 */
export async function answerRequest(
  message: IncomingMessage,
  body: Buffer,
  store: RecordStore,
): Promise<Answer> {
  const [path = '/'] = (message.url ?? '/').split('?', 1);
  const route = SIGNED_ROUTES.get(path);
  if (route === undefined) return answerOther(message, path);
  const context = readVerifiedContext(message.headersDistinct);
  if (context === undefined) return refusal(403, 'unverified_request', 'The verified headers are missing.');
  if (message.method !== 'POST') return refusal(405, 'method_not_allowed', 'Only POST.', context.requestId);
  const json = parseJson(body);
  if (json === undefined) return refusal(422, 'invalid_json', 'The body is not JSON.', context.requestId);
  return route({ context, body: json.value, receivedAtMs: Date.now() }, store);
}
