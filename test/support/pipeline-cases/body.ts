/** Time and whole body. */
import { changed, header, type PipelineCase, smallFirst } from './case.js';
import { bundleParts, NOW_SECONDS, profilePolicy, setHeader, signedParts } from '../signed-request.js';

export const freshnessCases: readonly PipelineCase[] = [
  {
    title: 'a timestamp one second before the window',
    code: 'timestamp_outside_window',
    parts: () => signedParts({ timestamp: String(NOW_SECONDS - 31) }),
  },
  {
    title: 'a timestamp one second after the window',
    code: 'timestamp_outside_window',
    parts: () => signedParts({ timestamp: String(NOW_SECONDS + 21) }),
  },
  {
    title: 'a timestamp in milliseconds of eleven digits',
    code: 'timestamp_outside_window',
    parts: () => signedParts({ timestamp: '17640000005' }),
  },
  {
    title: 'a stale bundle where the policy wants it once',
    code: 'timestamp_outside_window',
    parts: () => bundleParts(),
    snapshot: { policies: [profilePolicy('federation.verify', { once: true })] },
  },
];

export const bodyCases: readonly PipelineCase[] = [
  {
    title: 'a body that Envoy marked as partial',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'true'),
  },
  {
    title: 'a body with an empty mark',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', ''),
  },
  {
    title: 'a body marked False',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'False'),
  },
  {
    title: 'a body that is marked twice',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'false', 'false'),
  },
  {
    title: 'a body that is marked whole and partial',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'false', 'true'),
  },
  {
    title: 'a body without a mark',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body'),
  },
  {
    title: 'an empty body that is marked partial',
    code: 'body_not_whole',
    parts: () => {
      const parts = signedParts({ body: '' });
      setHeader(parts, 'x-envoy-auth-partial-body', 'true');
      return parts;
    },
  },
  {
    title: 'a size over the bytes that arrived',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = parts.body.length + 1)),
  },
  {
    title: 'a size under the bytes that arrived',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = parts.body.length - 1)),
  },
  {
    title: 'a body without a size',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = undefined)),
  },
  {
    title: 'a size that is no exact number',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = NaN)),
  },
  {
    title: 'a size without a body',
    code: 'body_not_whole',
    parts: () => ({ ...signedParts({ body: '' }), declaredSize: 1 }),
  },
  { title: 'another content-length', code: 'body_not_whole', parts: header('content-length', '1') },
  {
    title: 'a content-length without a body',
    code: 'body_not_whole',
    parts: () => {
      const parts = signedParts({ body: '' });
      setHeader(parts, 'content-length', '5');
      return parts;
    },
  },
  ...['+', '0', ' ', '0x', '-'].map((prefix): PipelineCase => ({
    title: `a content-length that begins with ${JSON.stringify(prefix)}`,
    code: 'body_not_whole',
    parts: changed((parts) => setHeader(parts, 'content-length', `${prefix}${parts.body.length}`)),
  })),
  {
    title: 'two content-lengths of one value',
    code: 'body_not_whole',
    parts: changed((parts) =>
      setHeader(parts, 'content-length', String(parts.body.length), String(parts.body.length)),
    ),
  },
  {
    title: 'two content-lengths joined by a comma',
    code: 'body_not_whole',
    parts: changed((parts) =>
      setHeader(parts, 'content-length', `${parts.body.length},${parts.body.length}`),
    ),
  },
  {
    title: 'a body of one byte over the policy',
    code: 'body_too_large',
    parts: () => signedParts({ body: '123456789' }),
    snapshot: smallFirst,
  },
];
