/** What two verifiers over one Redis say of themselves. */
import { join } from 'node:path';
import { fetchPage } from '../../../tools/local-federation/health.js';
import { askHealth } from '../../../src/envoy/health/client.js';
import { until } from '../../support/until.js';
import type { Twins } from './twins.js';

/** For two processes that start on a machine that does other things. */
const PATIENCE_MILLISECONDS = 40_000;

interface Readiness {
  readonly components: readonly { readonly name: string; readonly reason?: string }[];
}

/** What is wrong with each verifier, by its readiness; undefined where it is ready. */
export function reasonsOf(twins: Twins): Promise<(string | undefined)[]> {
  return Promise.all(
    twins.adminUrls.map(async (url) => {
      const page = await fetchPage(`${url}/readyz`).catch(() => undefined);
      if (page === undefined) return 'nobody answers';
      const { status, body } = page;
      if (status === 200) return undefined;
      const { components } = JSON.parse(body) as Readiness;
      const faults = components.filter(({ reason }) => reason !== undefined);
      return faults.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    }),
  );
}

/** Both verifiers say what is wrong, tell Envoy so, and live. */
export async function expectUnready(twins: Twins, reason: RegExp): Promise<void> {
  await until(
    `both say ${reason}`,
    async () => (await reasonsOf(twins)).every((one) => one !== undefined && reason.test(one)),
    { atMostMs: PATIENCE_MILLISECONDS },
  );
  for (const url of twins.adminUrls) expect((await fetchPage(`${url}/livez`)).status).toBe(200);
  for (const name of ['verifier', 'second'])
    for (const service of ['', 'countersign.nonce_store']) {
      const socketPath = join(twins.stage.federation.layout.run, `${name}.sock`);
      const health = await askHealth({ socketPath, service, timeoutMilliseconds: 2_000 });
      expect(health.kind).toBe('not_serving');
    }
}

/** Resolves when both are ready. */
export function untilReady(twins: Twins): Promise<void> {
  return until('both are ready', async () => (await reasonsOf(twins)).every((one) => one === undefined), {
    atMostMs: PATIENCE_MILLISECONDS,
  });
}

/** Resolves when claims whose outcome was unknown have been taken back. */
export async function untilSettled(twins: Twins): Promise<void> {
  await until('nothing is owed', async () =>
    (await twins.metric('countersign_nonce_withdrawals_owed')).every((count) => count === 0),
  );
}

/** Up to which timestamp each of them refuses, Unix seconds. */
export function floorsOf(twins: Twins): Promise<readonly number[]> {
  return twins.metric('countersign_nonce_floor_seconds');
}

/** Whether every floor is higher than it was. */
export function haveRisen(before: readonly number[], now: readonly number[]): boolean {
  return now.every((floor, verifier) => floor > before[verifier]!);
}
