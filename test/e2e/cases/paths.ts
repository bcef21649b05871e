/** Paths that can be read in two ways, on routes that nothing else checks: they do not reach the application. */
import { signedBytes } from '../support/requests.js';
import type { Outgoing } from '../support/outgoing.js';
import type { World } from '../support/world.js';
import { notFound, refusal, type PassThroughCase, type RefusalCase } from './case.js';

/** A certificate, as the listener demands one, and no signature. */
const page =
  (path: string, method = 'GET') =>
  ({ a }: World): Outgoing => ({
    over: a,
    method,
    path,
    headers: [],
    body: Buffer.alloc(0),
    framing: 'none',
  });

const notNormal = notFound('path_not_normal');

const unsigned: RefusalCase[] = [
  '/portal/%2e%2e;/internal/v1/telemetry',
  '/portal/%2e%2e;x=1/internal/v1/telemetry',
  '/portal/..%3b/internal/v1/telemetry',
  '/portal/..%3B/internal/v1/telemetry',
  '/portal/..%c0%afinternal/v1/telemetry',
  '/portal/%252e%252e%252finternal/v1/telemetry',
  '/portal/%25%32%65%25%32%65/internal/v1/telemetry',
  '/portal/x;y=1/z',
  '/portal/.%20/x',
  '/portal/..%20/internal/v1/telemetry',
  '/portal/.../internal/v1/telemetry',
  '/portal/%EF%BC%8E%EF%BC%8E/internal/v1/telemetry',
  '/portal/%u002e%u002e/internal/v1/telemetry',
  '/portal/%ff',
  '/portal/%',
  '/portal/a%0d%0ab',
  '/portal/a%7f',
  '/portal/a%E2%80%A8',
].map((path) => refusal(`${path} is refused behind a pass-through`, notNormal, page(path)));

const others: RefusalCase[] = [
  refusal(
    'POST /portal/%2e%2e;/internal/v1/telemetry is refused behind a pass-through',
    notNormal,
    page('/portal/%2e%2e;/internal/v1/telemetry', 'POST'),
  ),
  refusal('%252e is refused on a signed prefix too', notNormal, ({ a }) =>
    signedBytes({ by: a }, '/tree/%252e%252e/notes', Buffer.from('text')),
  ),
  ...[
    '/portal/Sealed',
    '/portal/sealed/',
    '/portal/sealed%20',
    '/portal/sealed.',
    '/portal/%73EALED%3Fx',
  ].map((path) =>
    refusal(`${path}, another spelling of a signed route, is no page of the portal`, notNormal, page(path)),
  ),
];

/** Refused, though no policy asks for a signature there. */
export const PATH_CASES: readonly RefusalCase[] = [...unsigned, ...others];

const reaches = (path: string, more: Partial<PassThroughCase> = {}): PassThroughCase => ({
  title: `${path} reaches the application as it is`,
  make: page(path),
  ...more,
});

/** What a portal may be asked for. */
export const PASS_THROUGH_CASES: readonly PassThroughCase[] = [
  '/portal/',
  '/portal/a%20b',
  '/portal/caf%C3%A9',
  '/portal/caf%c3%a9',
  '/portal/user%40example.org',
  '/portal/100%25',
  '/portal/.well-known/x',
  '/portal/a..b/..c',
  '/portal/sealed-envelopes',
  '/portal/x?q=..;/%2e%2e/%252e;%c0%af//',
]
  .map((path) => reaches(path))
  .concat([
    reaches('/portal/"<>', { arrivesAs: '/portal/%22%3C%3E' }),
    // What the owner of this route has asked for, with a reason.
    ...['/raw/%252e%252e%252fx', '/raw/..%3b/x', '/raw/..%c0%afx', '/raw/a;b'].map((path) => reaches(path)),
  ]);

/** Bytes above ASCII: HTTP/1.1 has no place for them in a target; over HTTP/2 Envoy escapes them. */
export const HIGH_BYTES: PassThroughCase = {
  title: 'a raw byte above ASCII arrives escaped',
  make: page('/portal/caf\u00c3\u00a9'),
  arrivesAs: '/portal/caf%C3%A9',
  on: 'HTTP/2',
};
