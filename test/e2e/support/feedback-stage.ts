/** A federation whose application is the test's, with the feedback route of the profile and one that takes any method. */
import type { ConfigurationDocument } from '../../../tools/local-federation/configuration.js';
import { envoyOfLine, type EnvoyLine } from './envoy-line.js';
import { through, type Front } from './front.js';
import type { Outgoing } from './outgoing.js';
import { signedBytes, telemetry } from './requests.js';
import { ScriptedApplication } from './scripted-application.js';
import { Stage } from './stage.js';
import { worldOf, type World } from './world.js';

/** The longest answer that is signed. */
export const MAX_ANSWER_BYTES = 300_000;
/** The largest request; by default Envoy would hold an answer to the same limit. */
export const MAX_BODY_BYTES = 4_096;

const ANY_METHOD = '/adjustments';

function configuration(
  document: ConfigurationDocument,
  more: FeedbackStageOptions['feedback'],
): ConfigurationDocument {
  return {
    ...document,
    limits: { maxBodyBytes: MAX_BODY_BYTES },
    ...(document.feedback && {
      feedback: { ...document.feedback, maxAnswerBytes: MAX_ANSWER_BYTES, ...more },
    }),
    policies: [
      ...document.policies,
      {
        name: 'adjustments',
        match: { methods: ['POST', 'HEAD'], path: ANY_METHOD },
        body: { json: { operator: '/operator_id', tenant: '/tenant_id' } },
        answer: { signed: true },
      },
    ],
  };
}

export interface FeedbackStage {
  readonly stage: Stage;
  readonly application: ScriptedApplication;
  readonly world: World;
  /** For consumers: kid → public key. */
  readonly keyring: string;
  readonly close: () => Promise<void>;
}

export interface FeedbackStageOptions {
  readonly front?: Front;
  /** Of the feedback section, beside what is there. */
  readonly feedback?: Partial<NonNullable<ConfigurationDocument['feedback']>>;
  /** For a verifier that is; called last. */
  readonly patchConfiguration?: (document: ConfigurationDocument) => ConfigurationDocument;
  /** For an Envoy that is set up otherwise. */
  readonly patchBootstrap?: (bootstrap: string) => string;
}

/** Starts both. */
export async function openFeedbackStage(
  line: EnvoyLine,
  {
    front = 'ext_authz',
    feedback,
    patchConfiguration = (document) => document,
    patchBootstrap,
  }: FeedbackStageOptions = {},
): Promise<FeedbackStage> {
  const application = await ScriptedApplication.start();
  const stage = await Stage.open({
    envoyBinary: envoyOfLine(line),
    upstream: application.address,
    patchConfiguration: (document) => patchConfiguration(through(front, configuration(document, feedback))),
    ...(patchBootstrap && { patchBootstrap }),
  });
  return {
    stage,
    application,
    world: worldOf(stage.federation.credentials),
    keyring: stage.federation.environment.COUNTERSIGN_FEEDBACK_KEYRING_JSON,
    close: async () => {
      await stage.close();
      await application.close();
    },
  };
}

/** A signed HEAD with a body that names its operator: all that a query is, but for the method. */
export function headQuery({ a }: World): Outgoing {
  const { body } = telemetry({ by: a });
  return { ...signedBytes({ by: a }, ANY_METHOD, body), method: 'HEAD' };
}
