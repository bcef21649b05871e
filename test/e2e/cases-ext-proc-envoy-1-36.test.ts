/** Every table of cases with ext_proc in the place of ext_authz, through the other Envoy line that is supported. */
import { describeAllCases } from './cases/describe-cases.js';
import { envoyOfLine } from './support/envoy-line.js';
import { throughExtProc } from './support/front.js';
import { Stage } from './support/stage.js';
import { worldConfiguration } from './support/world.js';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({
    envoyBinary: envoyOfLine('1.36'),
    patchConfiguration: (document) => throughExtProc(worldConfiguration(document)),
  });
}, 180_000);
afterAll(() => stage.close(), 90_000);

describeAllCases(() => stage, 'ext_proc');
