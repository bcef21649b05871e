/** What Envoy Gateway makes of `k8s/envoy-gateway`, run by both Envoy lines before a real verifier: what is refused and what passes. */
import { describeGateway } from './cases/describe-cases.js';
import { rulesTold } from './support/doctor.js';
import { envoyOfLine, type EnvoyLine } from './support/envoy-line.js';
import { throughEnvoyGateway } from './support/envoy-gateway/static-bootstrap.js';
import { throughExtProc } from './support/front.js';
import { PROTOCOLS } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf } from './support/world.js';

let stage: Stage;

describe.each<EnvoyLine>(['current', '1.36'])('a Gateway of Envoy Gateway on the line %s', (line) => {
  beforeAll(async () => {
    stage = await Stage.open({
      envoyBinary: envoyOfLine(line),
      patchConfiguration: (document) => throughExtProc(worldConfiguration(document)),
      patchBootstrap: throughEnvoyGateway,
    });
  }, 180_000);
  afterAll(() => stage.close(), 90_000);

  describeGateway(() => stage);

  test('a body above the limit of the gateway does not arrive', async () => {
    const { a } = worldOf(stage.federation.credentials);
    for (const bytes of [1_500_000, 2_090_000, 2_200_000, 5_000_000]) {
      const long = { ...telemetry({ by: a }), body: Buffer.alloc(bytes, 0x20) };
      for (const protocol of PROTOCOLS) {
        const { answer, arrivals } = await stage.exchange(protocol, long);
        expect([answer.status, arrivals]).toEqual([413, []]);
      }
    }
  });

  // Envoy Gateway lets nobody name the authority of a health check, and the name of its cluster is none (docs/envoy-gateway.md).
  test('countersign doctor misses the health check alone, and what Envoy 1.36.2 lacks', () => {
    expect([...new Set(rulesTold(stage))]).toEqual(line === 'current' ? ['CSD704'] : ['CSD704', 'CSD710']);
  });
});
