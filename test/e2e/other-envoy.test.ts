/** An Envoy that is set up wrongly: the verifier refuses to judge what it was not given properly, and says why. */
import { readFileSync, writeFileSync } from 'node:fs';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import { envoyPlan } from '../../tools/local-federation/plans.js';
import { startProcess } from '../../tools/local-federation/processes.js';
import { until } from '../support/until.js';
import { adding, PROTOCOLS, type Outgoing, type Protocol } from './support/outgoing.js';
import { expectRefusal } from './support/expectations.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

let stage: Stage;
let world: World;
let healthyBootstrap: string;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
  healthyBootstrap = readFileSync(stage.federation.layout.envoyFile, 'utf8');
}, 120_000);
afterAll(() => stage.close(), 90_000);

/** Replaces a line of the bootstrap that has to be there. */
const swap =
  (from: RegExp, to: string) =>
  (bootstrap: string): string => {
    if (!from.test(bootstrap)) throw new Error(`the bootstrap has no ${String(from)}`);
    return bootstrap.replace(from, to);
  };

/**
 * Restarts Envoy alone, with another bootstrap. Not by `Stage.change`, which waits for a federation that is healthy:
 * what is wrong here is wrong for its health question too.
 */
async function rewire(patch: (text: string) => string): Promise<void> {
  const { layout } = stage.federation;
  const bootstrap = patch(healthyBootstrap);
  writeFileSync(layout.envoyFile, bootstrap);
  await stage.federation.interrupt('envoy');
  const binary = await findEnvoy(layout, undefined);
  await startProcess(layout, envoyPlan(layout, binary, [bootstrap]), 'caller');
  await until(
    'the verifier is asked',
    async () => (await stage.exchange('HTTP/1.1', signed())).records.length > 0,
  );
}

/** Makes the verifier believe `x-forwarded-client-cert`, as behind a trusted hop. */
const trustHop = (): Promise<void> =>
  stage.change({
    patchConfiguration: (document) => ({
      ...worldConfiguration(document),
      forwardedClientCert: 'trusted-hop',
    }),
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

// Fault: envoy-misconfigured
test.each(PROTOCOLS)(
  'without encode_raw_headers duplicates could hide: refused over %s',
  async (protocol) => {
    await rewire(swap(/encode_raw_headers: true/, 'encode_raw_headers: false'));
    const seen = await stage.exchange(protocol, signed());
    expectRefusal(seen, malformed);
    expect(seen.records[0]?.detail).toContain('encode_raw_headers');
  },
);

// Fault: envoy-misconfigured
test.each(PROTOCOLS)('without pack_as_bytes the body is text: refused over %s', async (protocol) => {
  await rewire(swap(/pack_as_bytes: true/, 'pack_as_bytes: false'));
  const seen = await stage.exchange(protocol, signed());
  expectRefusal(seen, malformed);
  expect(seen.records[0]?.detail).toContain('pack_as_bytes');
});

// Fault: envoy-misconfigured
test.each(PROTOCOLS)(
  'without include_peer_certificate nobody is known: refused over %s',
  async (protocol) => {
    await rewire(swap(/include_peer_certificate: true/, 'include_peer_certificate: false'));
    expectRefusal(await stage.exchange(protocol, signed()), unauthenticated('certificate_missing'));
  },
);

// Fault: envoy-misconfigured
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

// Fault: envoy-misconfigured
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

// Fault: envoy-misconfigured
describe('where a hop before Envoy is declared to be trusted', () => {
  const forwarded = (value: string): Outgoing => adding(signed(), ['X-Forwarded-Client-Cert', value]);

  beforeAll(async () => {
    await trustHop();
    await rewire(
      swap(/forward_client_cert_details: SANITIZE/, 'forward_client_cert_details: ALWAYS_FORWARD_ONLY'),
    );
  }, 120_000);

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
