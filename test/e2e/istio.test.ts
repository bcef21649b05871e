/** What Istio makes of `k8s/istio`, run by both Envoy lines before a real verifier: what is refused and what passes. */
import { describeGateway } from './cases/describe-cases.js';
import { rulesTold } from './support/doctor.js';
import { envoyOfLine, type EnvoyLine } from './support/envoy-line.js';
import { through } from './support/front.js';
import { throughIstio, type IstioVariant } from './support/istio/static-bootstrap.js';
import { PROTOCOLS } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf } from './support/world.js';

let stage: Stage;

describe.each<[IstioVariant, EnvoyLine]>([
  ['ext-proc', 'current'],
  ['ext-proc', '1.36'],
  ['ext-authz', 'current'],
  ['ext-authz', '1.36'],
])('a gateway of Istio that asks by %s, on the line %s', (variant, line) => {
  beforeAll(async () => {
    const front = variant === 'ext-proc' ? 'ext_proc' : 'ext_authz';
    stage = await Stage.open({
      envoyBinary: envoyOfLine(line),
      patchConfiguration: (document) => through(front, worldConfiguration(document)),
      patchBootstrap: throughIstio(variant),
    });
  }, 180_000);
  afterAll(() => stage.close(), 90_000);

  describeGateway(() => stage);

  test.each(PROTOCOLS)('over %s a body above the limit does not arrive', async (protocol) => {
    const { a } = worldOf(stage.federation.credentials);
    const long = { ...telemetry({ by: a }), body: Buffer.alloc(3_000_000, 0x20) };
    const { answer, arrivals } = await stage.exchange(protocol, long);
    expect([answer.status, arrivals]).toEqual([413, []]);
  });

  test('countersign doctor has nothing to say of it, but for what Envoy 1.36.2 lacks', () => {
    expect(rulesTold(stage)).toEqual(line === 'current' ? [] : ['CSD710']);
  });
});
