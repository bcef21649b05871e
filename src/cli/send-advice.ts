/** What to do after a request that failed or was refused. The gateway tells little on purpose; the caller's side knows more. */
import type { SendFailure } from '../client/send-failure.js';
import type { CollectedAnswer } from '../client/send-signed.js';
import { DECISION_HEADER } from '../protocol/header-names.js';
import { type RefusalDetails, answerDecision, retryAdvice } from '../client/refusal-answer.js';
import { isForClients } from '../crypto/certificate.js';

/** What went wrong, and what to do. */
export interface Explanation {
  readonly message: string;
  readonly remedy: string;
}

const MAYBE_DELIVERED =
  'send the same bytes with the same --timestamp and --nonce again: a 409 then says that the first copy was let through';
/** Of a query, of which the answer is wanted: a 409 is none, and another query does nothing twice. */
const ASK_AGAIN =
  'send the query again, without --nonce: a query changes nothing, and its first nonce may be spent';

/** Whether the application may have got the request all the same. */
export function mayHaveArrived({ code }: SendFailure): boolean {
  return code === 'connection_broken' || code === 'timed_out' || code === 'answer_too_large';
}

/** What was sent, and how. */
interface Sent {
  readonly url: string;
  /** The client certificate. */
  readonly certificate: Uint8Array;
  /** Whether it only asks: then the same thing may be asked twice. */
  readonly isQuery: boolean;
}

/** The sentences. */
export function explainFailure(failure: SendFailure, { url, certificate, isQuery }: Sent): Explanation {
  const maybeDelivered = isQuery ? ASK_AGAIN : MAYBE_DELIVERED;
  switch (failure.code) {
    case 'url_refused':
      return explainUrl(failure.reason, url);
    case 'tls_material':
      return explainTlsMaterial(failure.reason);
    case 'server_not_trusted':
      return explainTrust(failure.reason, url);
    case 'refused_in_handshake':
      return explainAlert(failure.reason, certificate);
    case 'not_tls':
      return { message: `${url} does not speak TLS`, remedy: 'check the port: it must be the TLS listener' };
    case 'no_connection':
      return explainConnection(failure.reason, url);
    case 'connection_broken':
      return {
        message: `the connection broke before the answer (${failure.reason})`,
        remedy: maybeDelivered,
      };
    case 'timed_out':
      return {
        message: `no answer within ${failure.timeoutMilliseconds / 1000} s`,
        remedy: maybeDelivered,
      };
    case 'answer_too_large':
      return {
        message: `the answer is longer than ${failure.maxAnswerBytes} bytes`,
        remedy: 'check that the URL is that of the gateway; if it is, the request may have been let through',
      };
    case 'redirected':
      return {
        message: `HTTP ${failure.status}: a redirect to ${failure.location ?? 'nowhere'} was refused`,
        remedy: 'send to the right URL; a signed request never follows a redirect',
      };
  }
}

/** OpenSSL's words for a chain that does not lead to the CA that we were given. */
const OTHER_ISSUER = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE)/;

function explainTlsMaterial(reason: string): Explanation {
  const remedy =
    'give PEM files with --ca, --cert and --tls-key, and the key that belongs to the certificate';
  if (reason.endsWith('_MISMATCH'))
    return {
      message: 'the client key is not that of the client certificate',
      remedy: `${remedy}; the key that signs (--signing-key) is another one`,
    };
  return { message: `CA, client certificate or client key cannot be used (${reason})`, remedy };
}

function explainUrl(reason: 'not_a_url' | 'not_https' | 'has_credentials', url: string): Explanation {
  switch (reason) {
    case 'not_a_url':
      return { message: `${url} is not a URL`, remedy: 'write it whole: https://host:port/path' };
    case 'not_https':
      return {
        message: 'the URL is not https',
        remedy: 'write https://: signed requests go over mutual TLS only',
      };
    case 'has_credentials':
      return {
        message: 'the URL holds a user name or password',
        remedy: 'leave them out of the URL: the certificate and the signing key say who you are',
      };
  }
}

/** Only some alerts are about our certificate; a gateway that has no certificate of its own sends one as well. */
function explainAlert(reason: string, certificate: Uint8Array): Explanation {
  const message = `the server refused our side of the TLS handshake (${reason})`;
  if (!isForClients(certificate))
    return {
      message: `${message}; the certificate of --cert is none for clients: its extended key usage lacks clientAuth`,
      remedy: "give the client's certificate with --cert and its key with --tls-key, not those of a server",
    };
  if (/CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR/.test(reason))
    return {
      message,
      remedy: 'use a client certificate of the CA that the gateway trusts, and one that has not expired',
    };
  if (reason.includes('PROTOCOL_VERSION'))
    return {
      message,
      remedy: 'check that the server speaks TLS 1.2 or 1.3, and that nothing between does less',
    };
  return {
    message,
    remedy: 'look into the log of the gateway: it ended the handshake, and does not say why',
  };
}

function explainTrust(reason: string, url: string): Explanation {
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      message: `the certificate of the server is for another name than that in ${url}`,
      remedy: 'send to a name that the certificate holds (`countersign fingerprint CERT` shows whose it is)',
    };
  if (reason === 'CERT_HAS_EXPIRED')
    return {
      message: 'a certificate of the server, or the CA, has expired',
      remedy: 'renew it there; if it has not expired, set the clock of this machine',
    };
  if (reason === 'CERT_NOT_YET_VALID')
    return {
      message: 'the certificate of the server is not valid yet',
      remedy: 'compare the clocks of both machines',
    };
  if (OTHER_ISSUER.test(reason))
    return {
      message: `the certificate of the server is not of the given CA (${reason})`,
      remedy: 'give the CA that signed it with --ca',
    };
  return {
    message: `the certificate of the server is not acceptable (${reason})`,
    remedy: 'have the server use another certificate; the reason is in the words of OpenSSL',
  };
}

function explainConnection(reason: string, url: string): Explanation {
  if (reason === 'ECONNREFUSED')
    return { message: `nobody listens at ${url}`, remedy: 'start the gateway, or correct host and port' };
  if (reason === 'ENOTFOUND' || reason === 'EAI_AGAIN')
    return { message: `the host of ${url} has no address`, remedy: 'correct the name, or look at DNS' };
  return {
    message: `no connection to ${url} (${reason})`,
    remedy: 'check the network and the firewalls on the way',
  };
}

/** A smaller difference is within every gateway's window, and the date header has whole seconds only. */
const NOTABLE_SECONDS = 10;

/** What a hint is made of. */
interface HintInput {
  readonly answer: CollectedAnswer;
  readonly refusal: RefusalDetails;
  readonly timestampSeconds: number;
  readonly nowMs: number;
  /** As in {@link Sent}. */
  readonly isQuery: boolean;
}

/** One sentence that is true of this answer and whoever gave it; `undefined` where the refusal says all there is. */
export function refusalHint(input: HintInput): string | undefined {
  const decision = answerDecision(input.answer.headers);
  switch (decision) {
    case 'refused':
      return gatewayHint(input);
    case 'undecided':
      return gatewayHint(input) ?? FINAL;
    case 'let_through':
      if (input.refusal.code === 'feedback_refused') return WITHHELD;
      if (input.answer.headers.get(DECISION_HEADER) === 'pass_through') return PASSED_THROUGH;
      return input.isQuery ? UNANSWERED : MAY_HAVE_ARRIVED;
    case 'unknown':
      return input.answer.status >= 500 ? NOT_REFUSED : NOT_OURS;
  }
}

const NOT_OURS =
  'no gateway of ours says that it refused this: it is the answer of the application, or of another proxy';
const NOT_REFUSED =
  'no gateway of ours says that it refused this: the request may have taken effect, and its nonce may be spent';
const MAY_HAVE_ARRIVED =
  'the gateway let this request through, and cannot say whether the application got it: wait a second, and send the same bytes with the same --timestamp and --nonce; they are let in if nothing of this copy was sent, else a 409 names it; a new request (without --nonce) may do the thing twice';
/** Whether Envoy answered, and then the nonce may have been given back, or the signer, which spends it: what helps is the same. */
const UNANSWERED = `the gateway let this query through, and had no answer that it could vouch for: wait a second, and ${ASK_AGAIN}; where it goes on, the reason is in the audit log of the gateway`;
const PASSED_THROUGH =
  'the gateway passes this route through, and cannot say whether the application got this request; no nonce was claimed: the same bytes may do the thing twice';
const WITHHELD =
  "the application's answer could not be vouched for; the reason is in the audit log of the gateway, and the nonce of this request is spent";
const FILL = 'send it with --fill, which puts the signed timestamp and nonce into the body';
const MAY_BE_SENT_AGAIN =
  'this request was not let through: the same bytes may be sent again, with the same --timestamp and --nonce';
const FINAL =
  'this request was not let through, and the same bytes would be answered alike: correct it, and send another one';

/** Of an answer after which it is certain that this copy was not let through. */
function gatewayHint(input: HintInput): string | undefined {
  const { answer, refusal } = input;
  if (retryAdvice(answer.status, answerDecision(answer.headers)) === 'retry') return MAY_BE_SENT_AGAIN;
  if (refusal.pointer === '/timestamp' || refusal.pointer === '/nonce') return FILL;
  switch (answer.status) {
    case 401:
      return unauthorizedHint(input);
    case 404:
      return 'the path has no policy, can be read in two ways, or carries a query where none is allowed: correct it, or have a policy added';
    case 405:
      return 'the path has no policy for this method: send with --method one that is allowed, or have a policy added';
    case 409:
      if (input.isQuery) return `this nonce is spent: ${ASK_AGAIN}`;
      return 'this nonce is spent: if the request that is named above was a copy of this one, it was let through and is not to be sent again: the status that it was answered with, once known, is named too; a new request is sent without --nonce';
    case 413:
      return 'the body is longer than is taken here, and the same bytes would be answered alike: send less at once, or have maxBodyBytes raised';
    case 415:
      return refusal.code === 'unsupported_media_type'
        ? 'say with --content-type what the route takes'
        : undefined;
    default:
      return undefined;
  }
}

function unauthorizedHint({ answer, refusal, timestampSeconds, nowMs }: HintInput): string | undefined {
  switch (refusal.code) {
    case 'unauthenticated':
      return unauthenticatedHint(answer.headers.get('date'), timestampSeconds, nowMs, adviceFor(refusal));
    case 'body_mismatch':
      return 'the body must repeat timestamp and nonce of the headers: --fill sets them';
    case 'metadata_mismatch':
      return 'signed_metadata must repeat tenant_id, operator_id and campaign_id of the body';
    default:
      return undefined;
  }
}

const CHECK =
  'check identity, pinned certificate, signing key and kid; the precise reason is in the audit log of the gateway';

/** For whoever can read the audit log. An id that a shell could read otherwise is not repeated. */
function adviceFor({ requestId }: RefusalDetails): string {
  const id = requestId !== undefined && PLAIN_ID.test(requestId) ? requestId : 'ID';
  return `${CHECK}, where \`countersign why ${id}\` finds it`;
}

const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,127}$/;

/** A difference of the clocks is named first, and not as the one reason: how wide the window is, is not told. */
function unauthenticatedHint(
  date: string | undefined,
  timestampSeconds: number,
  nowMs: number,
  advice: string,
): string {
  const serverMs = date === undefined ? NaN : Date.parse(date);
  const aheadSeconds = Math.round(timestampSeconds - serverMs / 1000);
  if (Math.abs(aheadSeconds) > NOTABLE_SECONDS)
    return `the signed timestamp is ${Math.abs(aheadSeconds)} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} the server's clock${clockRemark(serverMs, nowMs)}; if that is within the gateway's window, ${advice}`;
  return advice;
}

function clockRemark(serverMs: number, nowMs: number): string {
  return Math.abs(nowMs - serverMs) > NOTABLE_SECONDS * 1000 ? ': set the clock of this machine' : '';
}
