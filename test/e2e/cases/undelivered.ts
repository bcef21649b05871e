/** The application goes away for longer than Envoy tries, under load, and comes back: no event is lost, and none arrives twice. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import type { ConfigurationDocument } from '../../../tools/local-federation/configuration.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { ComingApplication } from '../support/coming-application.js';
import { envoyOfLine, type EnvoyLine } from '../support/envoy-line.js';
import { LANES, PatientLoad } from '../support/patient-load.js';
import { crash } from '../support/signals.js';
import { Stage } from '../support/stage.js';
import { Twins } from '../support/twins.js';
import { VerifierProcess } from '../support/verifier-process.js';
import { withWorkers } from '../support/workers.js';
import { worldOf, type World } from '../support/world.js';

const ABSENCES = 2;
/** Longer than the retries of `hurried`. */
const AWAY_MILLISECONDS = 1_000;
/** Events that meet nobody in each absence, at least. */
const LEAST_REFUSED = 12;

/** Envoy gives up within a fraction of a second; the retries stay as they are in kind and number. */
function hurried(bootstrap: string): string {
  return bootstrap
    .replaceAll('base_interval: 0.1s', 'base_interval: 0.01s')
    .replaceAll('max_interval: 1s', 'max_interval: 0.02s');
}

/** As an Envoy that was set up before there was an access log stream: nobody tells the verifier. */
function untold(bootstrap: string): string {
  const document = parse(hurried(bootstrap), (key, value: unknown) =>
    key === 'access_log' && Array.isArray(value)
      ? (value as { readonly name: string }[]).filter(({ name }) => !name.endsWith('_grpc'))
      : value,
  ) as unknown;
  return stringify(document);
}

const patient = (document: ConfigurationDocument): ConfigurationDocument => ({
  ...document,
  freshness: { pastSkewSeconds: 300 },
  // A queue on a busy machine is not what is asked about.
  limits: { checkTimeoutMilliseconds: 5_000 },
});

/** Load, absences under it, and then until every event is settled. */
async function absences(
  application: ComingApplication,
  load: PatientLoad,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  for (let absence = 0; absence < ABSENCES; absence++) {
    const arrived = application.journal.length;
    await until('events arrive', () => application.journal.length > arrived + LEAST_REFUSED);
    await application.go();
    await Promise.all([sleep(AWAY_MILLISECONDS), meanwhile()]);
    await application.come();
  }
  await load.stop();
}

function expectNoneTwice(application: ComingApplication): void {
  expect(new Set(application.journal).size).toBe(application.journal.length);
}

/**
 * Every event is in the journal of the application, but for those that had been sent on connections which it cut just then:
 * of them nobody can know, and their producers are told so by a 409 with the 503.
 */
function expectNoneLost(application: ComingApplication, load: PatientLoad): void {
  const arrived = new Set(application.journal);
  const missing = load.events.filter(({ nonce }) => !arrived.has(nonce));
  expect(missing.map(({ answers }) => told(answers.at(-1)!)).filter((last) => last !== '409 503')).toEqual(
    [],
  );
  expect(missing.length).toBeLessThanOrEqual(ABSENCES * LANES);
  expect(load.events.map(({ answers }) => told(answers.at(-1)!))).not.toContain('409 undefined');
  const comeAgain = load.with(503, 'allow').filter(({ answers }) => answers.at(-1)?.status === 202);
  expect(comeAgain.length).toBeGreaterThan(LANES);
}

function told({ status, body }: { readonly status: number; readonly body: string }): string {
  if (status !== 409) return String(status);
  const { errors } = JSON.parse(body) as { errors: readonly { readonly first_status?: number }[] };
  return `409 ${String(errors[0]?.first_status)}`;
}

/** `line`: of Envoy. */
export function describeUndelivered(line: EnvoyLine): void {
  const envoyBinary = envoyOfLine(line);
  let application: ComingApplication;
  let stage: Stage | undefined;
  let world: World;
  const open = async (options: Parameters<typeof Stage.open>[0] = {}): Promise<PatientLoad> => {
    stage = await Stage.open({
      envoyBinary,
      upstream: application.address,
      patchConfiguration: patient,
      patchBootstrap: hurried,
      ...options,
    });
    world = worldOf(stage.federation.credentials);
    return new PatientLoad([stage.door], world);
  };

  beforeEach(async () => {
    application = await ComingApplication.start();
  });
  afterEach(async () => {
    await stage?.close();
    stage = undefined;
    await application.go();
  }, 90_000);

  // Fault: upstream-away
  test('lmdb: no event is lost, and none arrives twice', async () => {
    const load = await open();
    await absences(application, load);
    expectNoneTwice(application);
    expectNoneLost(application, load);
  }, 300_000);

  test('two workers: whoever was told, and whoever the copy comes to', async () => {
    const load = await open(withWorkers(2, { patchConfiguration: patient }));
    await absences(application, load);
    expectNoneTwice(application);
    expectNoneLost(application, load);
  }, 300_000);

  test('the verifier is killed meanwhile: none arrives twice', async () => {
    const load = await open();
    await absences(application, load, async () => {
      await crash(stage!, 'verifier');
      await stage!.federation.resume('verifier');
    });
    expectNoneTwice(application);
  }, 300_000);

  test('nobody tells the verifier: what met nobody gets 503 and then 409, and none arrives twice', async () => {
    const load = await open({ patchBootstrap: untold });
    await absences(application, load);
    expectNoneTwice(application);
    const refused = load.with(503, 'allow');
    expect(refused.length).toBeGreaterThanOrEqual(LEAST_REFUSED);
    expect(new Set(refused.map(({ answers }) => told(answers.at(-1)!)))).toEqual(new Set(['409 undefined']));
  }, 300_000);
}

/** Over the Envoy of the newest line. */
export function describeUndeliveredReplaced(): void {
  // Fault: rolling-replacement
  test('the verifier is replaced in each absence: what Envoy had told the former one is not lost', async () => {
    const application = await ComingApplication.start();
    const stage = await Stage.open({
      upstream: application.address,
      patchConfiguration: patient,
      patchBootstrap: hurried,
    });
    const { configurationFile, run } = stage.federation.layout;
    const processes: VerifierProcess[] = [];
    const replace = async (): Promise<void> => {
      const former = processes.at(-1);
      processes.push(
        new VerifierProcess({
          configurationFile,
          logFile: join(run, 'further-verifiers.log'),
          replace: true,
        }),
      );
      await until(
        'the former verifier is gone',
        () => former?.hasEnded ?? stage.federation.pid('verifier') === undefined,
      );
    };
    try {
      const load = new PatientLoad([stage.door], worldOf(stage.federation.credentials));
      await absences(application, load, replace);
      expectNoneTwice(application);
      expectNoneLost(application, load);
    } finally {
      await Promise.all(processes.map((process) => process.stop()));
      await stage.close();
      await application.go();
    }
  }, 300_000);
}

/** Over the Envoy of the newest line, which has a listener for each verifier. */
export function describeUndeliveredTwins(): void {
  test('two verifiers over Redis: a copy at the other one', async () => {
    const application = await ComingApplication.start();
    const redis = await RedisServer.start();
    const twins = await Twins.open({
      redis: redis.address,
      upstream: application.address,
      patchConfiguration: patient,
      patchBootstrap: hurried,
    });
    try {
      const load = new PatientLoad(twins.doors, twins.world);
      await absences(application, load);
      expectNoneTwice(application);
      expectNoneLost(application, load);
    } finally {
      await twins.close();
      await redis.remove();
      await application.go();
    }
  }, 300_000);
}
