/** Every table of cases through the Envoy that this project runs. */
import { describeAllCases } from './cases/describe-cases.js';
import { Stage } from './support/stage.js';
import { worldConfiguration } from './support/world.js';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
}, 120_000);
afterAll(() => stage.close(), 90_000);

describeAllCases(() => stage);
