/**
 * `countersign drain`: has Envoy say goodbye before the processes are told to stop. Envoy's image has neither shell
 * nor curl, so this is what a preStop hook runs (docs/envoy-behaviour.md#21).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliFault, type CliWorld, ExitCode, type Register, examples } from './command.js';
import { fetchPage } from '../observability/admin-client.js';
import { httpUrl, wholeNumber } from './option-values.js';

interface DrainOptions {
  readonly envoyAdmin: URL;
  readonly seconds: number;
}

const ANSWER_MILLISECONDS = 2_000;
const MAX_SECONDS = 3_600;

/**
 * The steps, in their order: load balancers are told by the health listener first; then every connection is asked
 * to end, while new ones are still taken, as it takes a while until nobody comes any more. `skip_exit` keeps the
 * listeners open for those.
 */
const STEPS = ['/healthcheck/fail', '/drain_listeners?graceful&skip_exit'] as const;

async function drain(world: CliWorld, { envoyAdmin, seconds }: DrainOptions): Promise<ExitCode> {
  for (const step of STEPS) await post(new URL(step, envoyAdmin));
  world.out(`Envoy fails its health checks and asks its clients to leave; waiting ${seconds} s\n`);
  await sleep(seconds * 1000);
  const left = await requestsUnderWay(envoyAdmin);
  world.out(left === undefined ? 'Envoy has ended\n' : `${left} requests are under way\n`);
  return ExitCode.good;
}

async function post(url: URL): Promise<void> {
  const remedy = "give the address of Envoy's admin endpoint, as in envoy.admin of the configuration";
  const page = await fetchPage('POST', url, ANSWER_MILLISECONDS).catch((error: unknown) => {
    throw new CliFault(`${url.href}: ${error instanceof Error ? error.message : String(error)}`, remedy);
  });
  if (page.status !== 200) throw new CliFault(`${url.href} answered ${page.status}`, remedy);
}

/** Of all listeners but the admin endpoint's own, which is asked; undefined when Envoy is gone. */
async function requestsUnderWay(envoyAdmin: URL): Promise<number | undefined> {
  const url = new URL('/stats?filter=^http\\..*downstream_rq_active$', envoyAdmin);
  try {
    const { body } = await fetchPage('GET', url, ANSWER_MILLISECONDS);
    const counts = [...body.matchAll(/^http\.(?!admin\.).*: ([0-9]+)$/gm)].map(([, count]) => Number(count));
    return counts.reduce((sum, count) => sum + count, 0);
  } catch {
    return undefined;
  }
}

/** Adds the command. */
export const registerDrain: Register = (program, session) => {
  program
    .command('drain')
    .description('have Envoy fail its health checks and send its clients away, and wait')
    .requiredOption('-e, --envoy-admin <url>', "Envoy's admin endpoint: http://127.0.0.1:9901", httpUrl)
    .option(
      '--seconds <number>',
      'how long to wait for the clients to leave',
      wholeNumber(0, MAX_SECONDS),
      15,
    )
    .addHelpText('after', examples('countersign drain --envoy-admin http://127.0.0.1:9901 --seconds 15'))
    .action(session.action((world, options: DrainOptions) => drain(world, options)));
};
