/** Every table of cases with ext_proc in the place of ext_authz: the same answers, records and arrivals. */
import { describeAllCases } from './cases/describe-cases.js';
import { throughExtProc } from './support/front.js';
import { Stage } from './support/stage.js';
import { worldConfiguration } from './support/world.js';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({
    patchConfiguration: (document) => throughExtProc(worldConfiguration(document)),
  });
}, 120_000);
afterAll(() => stage.close(), 90_000);

describeAllCases(() => stage, 'ext_proc');
