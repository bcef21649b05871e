/** Each way in which sending fails, as a sentence with its remedy. */
import type { SendFailure } from '../client/send-failure.js';

/** What went wrong, and what to do. */
export interface Explanation {
  readonly message: string;
  readonly remedy: string;
}

const MAYBE_DELIVERED =
  'send the same bytes with the same --timestamp and --nonce again: a 409 then says that the first copy was let through';

/** Whether the application may have got the request all the same. */
export function mayHaveArrived({ code }: SendFailure): boolean {
  return code === 'connection_broken' || code === 'timed_out' || code === 'answer_too_large';
}

/** The sentences; `url` is the one that was asked for. */
export function explainFailure(failure: SendFailure, url: string): Explanation {
  switch (failure.code) {
    case 'url_refused':
      return explainUrl(failure.reason, url);
    case 'tls_material':
      return {
        message: `CA, client certificate or client key cannot be used (${failure.reason})`,
        remedy: 'give PEM files with --ca, --cert and --tls-key, and the key that belongs to the certificate',
      };
    case 'server_not_trusted':
      return explainTrust(failure.reason, url);
    case 'refused_in_handshake':
      return explainAlert(failure.reason);
    case 'not_tls':
      return { message: `${url} does not speak TLS`, remedy: 'check the port: it must be the TLS listener' };
    case 'no_connection':
      return explainConnection(failure.reason, url);
    case 'connection_broken':
      return {
        message: `the connection broke before the answer (${failure.reason})`,
        remedy: MAYBE_DELIVERED,
      };
    case 'timed_out':
      return {
        message: `no answer within ${failure.timeoutMilliseconds / 1000} s`,
        remedy: MAYBE_DELIVERED,
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
function explainAlert(reason: string): Explanation {
  const message = `the server refused our side of the TLS handshake (${reason})`;
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
