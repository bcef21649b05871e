/** Every table of cases through the other Envoy line that is supported: a later or an earlier one may differ. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/local-federation/layout.js';
import { atBothFamilies, describeAddresses } from './cases/addresses.js';
import { describeAllCases } from './cases/describe-cases.js';
import { Stage } from './support/stage.js';
import { worldConfiguration } from './support/world.js';

let stage: Stage;

beforeAll(async () => {
  const script = join(repositoryRoot(), 'scripts', 'envoy.sh');
  const output = execFileSync(script, ['--version-line', '1.36'], { encoding: 'utf8' });
  const envoyBinary = output.trimEnd().split('\n').at(-1);
  stage = await Stage.open({
    envoyBinary,
    patchConfiguration: (document) => atBothFamilies(worldConfiguration(document)),
  });
}, 180_000);
afterAll(() => stage.close(), 90_000);

describeAllCases(() => stage);
describeAddresses(() => stage);
