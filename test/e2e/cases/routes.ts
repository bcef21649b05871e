/** Paths, methods and protocol games: whatever Envoy makes of them, no request may pass under a path it was not judged for. */
import { PATHS } from '../../../tools/local-federation/bodies.js';
import { adding, type Outgoing } from '../support/outgoing.js';
import { feedback, telemetry } from '../support/requests.js';
import type { World } from '../support/world.js';
import {
  notFound,
  refusal,
  unauthenticated,
  wrongMethod,
  type AllowCase,
  type RefusalCase,
  type UnaskedCase,
} from './case.js';

const at =
  (path: string) =>
  ({ a }: World): Outgoing => ({ ...telemetry({ by: a }), path });

const elsewhere: RefusalCase[] = [
  '/',
  '/internal/v1/unknown',
  '/internal/v1/telemetry/',
  '/internal/v1/telemetry/x',
  '/internal/v1/telemetry.json',
  '/internal/v1/Telemetry',
  '/INTERNAL/V1/TELEMETRY',
  '/internal/v1/telemetry;x=1',
  '/internal/v1;x=1/telemetry',
  '/internal/v1/telemetry%20',
  '/internal/v1/telemetry%3Bx',
  '/internal/v1/telemetry%3Fx',
  '/internal/v1/telemetr%C3%BD',
  '/internal/v1/%2574elemetry',
  '/_reference/requests',
].map((path) => refusal(`${path} is nobody's path`, notFound('no_policy'), at(path)));

const queries: RefusalCase[] = ['?', '?x=1', '?/../', '??'].map((query) =>
  refusal(
    `the unsigned query "${query}" is refused`,
    notFound('query_not_allowed'),
    at(`${PATHS.telemetry}${query}`),
  ),
);

const methods: RefusalCase[] = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'].map(
  (method) =>
    refusal(`the method ${method} is refused where only POST is served`, wrongMethod, ({ a }) => ({
      ...telemetry({ by: a }),
      method,
    })),
);

const games: RefusalCase[] = [
  refusal(
    'a method in small letters is another method',
    wrongMethod,
    ({ a }) => ({ ...telemetry({ by: a }), method: 'post' }),
    'HTTP/2',
  ),
  refusal(
    'two Host lines are refused',
    unauthenticated('authority_ambiguous'),
    ({ a }) => adding(telemetry({ by: a }), ['Host', 'elsewhere.example']),
    'HTTP/1.1',
  ),
  refusal('an authority with a comma is refused', unauthenticated('authority_ambiguous'), ({ a }) => ({
    ...telemetry({ by: a }),
    authority: 'localhost,elsewhere.example',
  })),
  refusal(
    'telemetry sent to the route of graphs is not taken for one',
    { status: 422, client: 'invalid_body', audit: 'body_contract' },
    at(PATHS.graph),
  ),
  refusal(
    'a feedback query sent to the route of telemetry is not taken for one',
    { status: 422, client: 'invalid_body', audit: 'body_contract' },
    ({ a }) => ({
      ...feedback({ by: a }),
      path: PATHS.telemetry,
    }),
  ),
];

/** One reading of a path for Envoy, the verifier and the application: it is judged, and arrives, as normalised. */
export const NORMALISED_CASES: readonly AllowCase[] = [
  '//internal/v1/telemetry',
  '/internal//v1///telemetry',
  '/internal/./v1/telemetry',
  '/internal/x/../v1/telemetry',
  '/../internal/v1/telemetry',
  '/internal/x/%2e%2e/v1/telemetry',
  '/internal/%2E/v1/telemetry',
  '/internal/v1/%74elemetry',
  '/internal\\v1\\telemetry',
].map((path) => ({
  title: `${path} is judged and arrives as normalised`,
  status: 202,
  make: at(path),
  arrivesAs: PATHS.telemetry,
}));

const unasked = (
  title: string,
  status: number,
  client: string,
  make: UnaskedCase['make'],
  on?: UnaskedCase['on'],
): UnaskedCase => ({
  title,
  status,
  client,
  make,
  ...(on !== undefined && { on }),
});

const upgrade =
  (protocol: string) =>
  ({ a }: World): Outgoing =>
    adding(
      { ...telemetry({ by: a }), method: 'GET', body: Buffer.alloc(0), framing: 'none' },
      ['Connection', 'Upgrade'],
      ['Upgrade', protocol],
    );

const underscored =
  (name: string) =>
  ({ a }: World): Outgoing =>
    adding(telemetry({ by: a }), [name, 'producer-b']);

/** Refused before the verifier is asked. */
export const UNASKED_CASES: readonly UnaskedCase[] = [
  ...['%2f', '%2F', '%5c', '%5C'].map((slash) =>
    unasked(`a path with ${slash} in it is refused`, 400, 'bad_request', at(`/internal${slash}v1/telemetry`)),
  ),
  unasked('a path with a zero byte in it is refused', 400, 'bad_request', at(`${PATHS.telemetry}%00`)),
  unasked(
    'a method in small letters is refused',
    400,
    'bad_request',
    ({ a }) => ({ ...telemetry({ by: a }), method: 'post' }),
    'HTTP/1.1',
  ),
  ...['x_telemetry_nonce', 'x_countersign_identity', 'x_service_identity'].flatMap((name) => [
    unasked(
      `the header name ${name}, with underscores, is refused`,
      400,
      'bad_request',
      underscored(name),
      'HTTP/1.1',
    ),
    unasked(`the header name ${name}, with underscores, ends the stream`, 0, '', underscored(name), 'HTTP/2'),
  ]),
  unasked('an upgrade to websocket is refused', 403, 'not_accepted', upgrade('websocket'), 'HTTP/1.1'),
  unasked(
    'an upgrade to websocket in other capitals is refused',
    403,
    'not_accepted',
    upgrade('WebSocket'),
    'HTTP/1.1',
  ),
  {
    ...unasked('CONNECT is refused', 404, 'not_found', ({ a }) => ({
      ...telemetry({ by: a }),
      method: 'CONNECT',
      path: 'localhost:443',
      authority: 'localhost:443',
      body: Buffer.alloc(0),
      framing: 'none',
    })),
    byExtProc: { status: 401, client: 'unauthenticated', audit: 'upgrade_refused' },
  },
  unasked(
    'OPTIONS * is refused',
    404,
    'not_found',
    ({ a }) => ({ ...telemetry({ by: a }), method: 'OPTIONS', path: '*' }),
    'HTTP/1.1',
  ),
];

/** Refused by the verifier. */
export const ROUTE_CASES: readonly RefusalCase[] = [...elsewhere, ...queries, ...methods, ...games];
