import { peerOf } from '../../../../src/envoy/ext-authz/check-method.js';
import { checkMessage, encodeCheckRequest } from '../../../support/check-messages.js';
import { telemetryParts } from '../../../support/signed-request.js';

const pem = (signature: string): string =>
  `-----BEGIN%20CERTIFICATE-----%0A${'MIIB'.repeat(200)}${signature.repeat(20)}%0A-----END%20CERTIFICATE-----%0A`;

describe('peerOf', () => {
  it('tells certificates apart by their ends, and one from nothing else', () => {
    const [a, again, b] = ['AbC+', 'AbC+', 'xYz='].map((signature) =>
      peerOf(checkMessage(telemetryParts(), pem(signature))),
    );
    expect([a === again, a === b, (a ?? '').length < 200]).toEqual([true, false, true]);
  });

  it.each<[string, Buffer]>([
    ['a request without a certificate', checkMessage(telemetryParts(), '')],
    ['a request without a source', encodeCheckRequest({ attributes: { request: {} } })],
    ['a request without attributes', encodeCheckRequest({ attributes: {} })],
    ['no bytes', Buffer.alloc(0)],
    ['a cut message', Buffer.from([0x0a, 0x05])],
    ['bytes that are no message', Buffer.from('not protobuf at all')],
  ])('puts %s into the lane of all such', (_what, message) => {
    expect(peerOf(message)).toBe('');
  });
});
