/** Our fragments in an Envoy of somebody else: what is refused and what passes there, on both lines. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import { describeSlice } from './cases/describe-cases.js';
import { envoyOfLine, type EnvoyLine } from './support/envoy-line.js';
import { throughExtProc, type Front } from './support/front.js';
import { expectAllowed } from './support/expectations.js';
import { PROTOCOLS } from './support/outgoing.js';
import { envoyConfig, fromFiles, ownBootstrapText, spliced } from './support/own-envoy/splice.js';
import { feedback, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf } from './support/world.js';

let stage: Stage;

const open =
  (line: EnvoyLine, patchBootstrap: (bootstrap: string) => string, front: Front = 'ext_authz') =>
  async () => {
    const envoyBinary = envoyOfLine(line);
    const patchConfiguration = (document: ConfigurationDocument): ConfigurationDocument =>
      front === 'ext_proc' ? throughExtProc(worldConfiguration(document)) : worldConfiguration(document);
    stage = await Stage.open({ patchConfiguration, envoyBinary, patchBootstrap });
  };

describe.each<EnvoyLine>(['current', '1.36'])(
  'the fragments in a bootstrap of somebody else, on the line %s',
  (line) => {
    beforeAll(open(line, spliced), 180_000);
    afterAll(() => stage.close(), 90_000);

    describeSlice(() => stage);

    test('what was there before is there still', async () => {
      const { a } = worldOf(stage.federation.credentials);
      const { answer } = await stage.exchange('HTTP/2', telemetry({ by: a }));
      expect(answer.headers.get('x-served-by')).toBe('orders-gateway');
    });

    test('Envoy itself puts our listener beside that of somebody else', async () => {
      const { directory } = stage;
      const binary = await findEnvoy(stage.federation.layout, envoyOfLine(line));
      const own = join(directory, 'own-envoy.yaml');
      writeFileSync(own, ownBootstrapText(directory));
      const parts = envoyConfig(directory, '--only', 'listener,clusters', '--address', '127.0.0.2');
      const validate = (text: string) =>
        spawnSync(binary, ['--mode', 'validate', '-l', 'warning', '-c', own, '--config-yaml', text], {
          encoding: 'utf8',
        });
      expect(validate(parts)).toMatchObject({ status: 0, stderr: '' });
      expect(validate(parts.replaceAll('cluster: upstream', 'cluster: nowhere'))).toMatchObject({
        status: 1,
      });
    });
  },
);

describe.each<[EnvoyLine, Front]>([
  ['current', 'ext_authz'],
  ['current', 'ext_proc'],
  ['1.36', 'ext_authz'],
])('the same as resources of a control plane, on the line %s by %s', (line, front) => {
  beforeAll(open(line, fromFiles, front), 180_000);
  afterAll(() => stage.close(), 90_000);

  test.each(PROTOCOLS)('over %s a signed request passes once, and its answer is signed', async (protocol) => {
    const { a } = worldOf(stage.federation.credentials);
    const outgoing = feedback({ by: a });
    expectAllowed(await stage.exchange(protocol, outgoing), outgoing, 200);
    const again = await stage.exchange(protocol, outgoing);
    expect([again.answer.status, again.records.map(({ code }) => code)]).toEqual([409, ['replayed_nonce']]);
  });
});
