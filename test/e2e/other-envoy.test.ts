/** An Envoy that is set up wrongly: the verifier refuses to judge what it was not given properly, and says why. */
import { adding, PROTOCOLS, type Outgoing, type Protocol } from './support/outgoing.js';
import { expectRefusal } from './support/expectations.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
}, 60_000);
afterAll(() => stage.close(), 30_000);

/** Replaces a line of the bootstrap that has to be there. */
const swap =
  (from: RegExp, to: string) =>
  (bootstrap: string): string => {
    if (!from.test(bootstrap)) throw new Error(`the bootstrap has no ${String(from)}`);
    return bootstrap.replace(from, to);
  };

const rewire = (
  patchBootstrap: (text: string) => string,
  forwardedClientCert: 'ignore' | 'trusted-hop' = 'ignore',
) =>
  stage.change({
    patchBootstrap,
    patchConfiguration: (document) => ({ ...worldConfiguration(document), forwardedClientCert }),
  });

const malformed = { status: 503, client: 'unavailable', audit: 'check_malformed' } as const;
const unauthenticated = (
  audit: 'certificate_missing' | 'certificate_malformed' | 'certificate_sources_disagree' | 'upgrade_refused',
) => ({ status: 401, client: 'unauthenticated', audit }) as const;

const signed = (): Outgoing => telemetry({ by: world.a });
const upgraded = (): Outgoing =>
  adding(
    { ...signed(), method: 'GET', body: Buffer.alloc(0), framing: 'none' },
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
  );

test.each(PROTOCOLS)(
  'without encode_raw_headers duplicates could hide: refused over %s',
  async (protocol) => {
    await rewire(swap(/encode_raw_headers: true/, 'encode_raw_headers: false'));
    const seen = await stage.exchange(protocol, signed());
    expectRefusal(seen, malformed);
    expect(seen.records[0]?.detail).toContain('encode_raw_headers');
  },
);

test.each(PROTOCOLS)('without pack_as_bytes the body is text: refused over %s', async (protocol) => {
  await rewire(swap(/pack_as_bytes: true/, 'pack_as_bytes: false'));
  const seen = await stage.exchange(protocol, signed());
  expectRefusal(seen, malformed);
  expect(seen.records[0]?.detail).toContain('pack_as_bytes');
});

test.each(PROTOCOLS)(
  'without include_peer_certificate nobody is known: refused over %s',
  async (protocol) => {
    await rewire(swap(/include_peer_certificate: true/, 'include_peer_certificate: false'));
    expectRefusal(await stage.exchange(protocol, signed()), unauthenticated('certificate_missing'));
  },
);

test.each(PROTOCOLS)(
  'where Envoy demands no client certificate the verifier does: refused over %s',
  async (protocol) => {
    await rewire(swap(/require_client_certificate: true/, 'require_client_certificate: false'));
    expectRefusal(
      await stage.exchange(protocol, { ...signed(), over: {} }),
      unauthenticated('certificate_missing'),
    );
  },
);

describe('where Envoy would forward an upgrade', () => {
  beforeAll(() =>
    rewire(
      swap(
        /codec_type: AUTO/,
        'codec_type: AUTO\n                upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: CONNECT}]',
      ),
    ),
  );

  test('a websocket over HTTP/1.1 is refused', async () => {
    expectRefusal(await stage.exchange('HTTP/1.1', upgraded()), unauthenticated('upgrade_refused'));
  });
});

describe('where a hop before Envoy is declared to be trusted', () => {
  const forwarded = (value: string): Outgoing => adding(signed(), ['X-Forwarded-Client-Cert', value]);

  beforeAll(() =>
    rewire(
      swap(/forward_client_cert_details: SANITIZE/, 'forward_client_cert_details: ALWAYS_FORWARD_ONLY'),
      'trusted-hop',
    ),
  );

  test.each(PROTOCOLS)('its word against the handshake is refused over %s', async (protocol: Protocol) => {
    expectRefusal(
      await stage.exchange(protocol, forwarded(`Hash=${world.b.certificateSha256}`)),
      unauthenticated('certificate_sources_disagree'),
    );
  });

  test.each(PROTOCOLS)('a malformed word is refused over %s', async (protocol: Protocol) => {
    expectRefusal(
      await stage.exchange(protocol, forwarded('Subject="CN=producer-a"')),
      unauthenticated('certificate_malformed'),
    );
  });
});
