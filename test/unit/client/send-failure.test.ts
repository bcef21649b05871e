import { classifyTransportError, errorCode } from '../../../src/client/send-failure.js';

const nodeError = (code: string, message = '') => Object.assign(new Error(message), { code });
const protocolError = (reason: string) =>
  nodeError('EPROTO', `write EPROTO 80:error:0A00:SSL routines:ssl3_read_bytes:${reason}:../ssl/rec.c:1:`);

describe('classifyTransportError', () => {
  it.each([
    ['an untrusted issuer', nodeError('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), false, 'server_not_trusted'],
    ['a self-signed chain', nodeError('SELF_SIGNED_CERT_IN_CHAIN'), false, 'server_not_trusted'],
    ['an expired certificate', nodeError('CERT_HAS_EXPIRED'), false, 'server_not_trusted'],
    ['another name', nodeError('ERR_TLS_CERT_ALTNAME_INVALID'), false, 'server_not_trusted'],
    [
      'an alert by code',
      nodeError('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
      true,
      'refused_in_handshake',
    ],
    ['an alert by message', protocolError('tlsv1 alert protocol version'), false, 'refused_in_handshake'],
    ['plain text by message', protocolError('wrong version number'), false, 'not_tls'],
    ['plain text by code', nodeError('ERR_SSL_PACKET_LENGTH_TOO_LONG'), false, 'not_tls'],
    ['a refused connection', nodeError('ECONNREFUSED'), false, 'no_connection'],
    ['an unknown host', nodeError('ENOTFOUND'), false, 'no_connection'],
    ['a time-out of the system once connected', nodeError('ETIMEDOUT'), true, 'connection_broken'],
    ['a reset', nodeError('ECONNRESET'), true, 'connection_broken'],
    ['something else', protocolError('bad signature'), true, 'connection_broken'],
  ])('sorts %s', (_title, error, connected, code) => {
    expect(classifyTransportError(error, connected).code).toBe(code);
  });
});

describe('errorCode', () => {
  it.each<[string, unknown, string]>([
    ['the code', nodeError('ECONNRESET'), 'ECONNRESET'],
    ['of several addresses, the first', new AggregateError([nodeError('ECONNREFUSED')]), 'ECONNREFUSED'],
    ['the name where there is no code', new TypeError('x'), 'TypeError'],
    ['unknown for what is no error', 'text', 'unknown'],
    ['unknown for nothing', null, 'unknown'],
  ])('gives %s', (_title, error, code) => {
    expect(errorCode(error)).toBe(code);
  });
});
