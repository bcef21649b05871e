/** Thumbprints of keys (RFC 7638), against RFC 8037 and against a second way to compute them. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { decodeBase64Url } from '../../../src/crypto/bytes.js';
import { jwkThumbprint } from '../../../src/crypto/public-key.js';

test('RFC 8037, appendix A.3: the thumbprint of the example key', () => {
  const raw = decodeBase64Url('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo');
  expect(raw && jwkThumbprint(raw)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

test('RFC 7638 §3.2: the required members alone, in the order of their names, without white space', () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes, (raw) => {
      const x = Buffer.from(raw).toString('base64url');
      const text = `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`;
      expect(jwkThumbprint(raw)).toBe(createHash('sha256').update(text).digest('base64url'));
    }),
  );
});
