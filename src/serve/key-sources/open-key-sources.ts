/** The sources of one process, from the settings to signatures: opened at the start, followed at reloads, and told of. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { readBoundedText } from '../../config/files/read-file.js';
import { maxKeyFileBytes, readSecretFile } from '../../config/files/private-key-file.js';
import type { FileFault } from '../../config/files/read-file.js';
import { fastVerifier } from '../../crypto/engines.js';
import type { RemoteFeedbackKey } from '../../feedback/feedback-key.js';
import { allKeys } from '../../feedback/feedback-settings.js';
import { refuseAnswer, type AnswerRefusal } from '../../feedback/refusal-code.js';
import type { KeyObserver } from '../../keys/guarded-key.js';
import { openKeySources, opener, type OpenKeySource } from '../../keys/open-sources.js';
import { SigningSources } from '../../keys/signing-sources.js';
import { addKeySourceMetrics, keySourceCounts } from '../../observability/key-sources-view.js';
import type { Snapshot } from '../../verify/snapshot.js';
import { systemClock as clock } from '../clocks.js';
import type { LifeRecords } from '../life-records.js';
import type { LiveConfiguration } from '../reload/live-configuration.js';

/** What they work with. */
interface KeySourcesOptions {
  readonly live: LiveConfiguration;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly life: Pick<LifeRecords, 'keySource'>;
  /** Default: those of the field. */
  readonly open?: OpenKeySource | undefined;
}

/** Opens them, and tests the keys that are in force; whoever is away comes later. Throws a sentence when one never can be opened. */
export async function startKeySources({
  live,
  logger,
  registry,
  life,
  open = sourceOpener(logger),
}: KeySourcesOptions): Promise<SigningSources> {
  const { sources } = live.started.settings.keys;
  const signing = new SigningSources({
    sources: await openKeySources(sources, open),
    verifier: fastVerifier(),
    observer: observer({ logger, registry, life, hasSources: sources.length > 0 }),
    monotonicMs: clock.monotonicMs,
  });
  addKeySourceMetrics(registry, signing);
  signing.follow(remoteKeys(live.snapshot, clock.nowMs()));
  live.onSwap(() => signing.follow(remoteKeys(live.snapshot, clock.nowMs())));
  return signing;
}

/** The keys of a snapshot that stay in a source and may still sign. */
export function remoteKeys({ feedback }: Pick<Snapshot, 'feedback'>, nowMs: number): RemoteFeedbackKey[] {
  const keys = feedback === undefined ? [] : allKeys(feedback);
  return keys.filter((key) => key.kind === 'remote').filter(({ notAfterMs }) => nowMs < notAfterMs);
}

/** A signature of a source, or the refusal of the answer. Never rejects. */
export async function signRemotely(
  signing: Pick<SigningSources, 'sign'>,
  key: RemoteFeedbackKey,
  message: Uint8Array,
  tenant: string,
): Promise<Uint8Array | AnswerRefusal> {
  const answer = await signing.sign(key, message, tenant);
  if (answer.ok) return answer.bytes;
  return refuseAnswer('signer_unavailable', `the source ${key.reference.source}: ${answer.reason}`);
}

/** How the sources of the field are opened. */
export function sourceOpener(logger: Pick<Logger, 'warn'>): OpenKeySource {
  return opener({
    readSecret: (path) => textOf(readSecretFile(path)),
    readText: (path) => textOf(readBoundedText(path, maxKeyFileBytes)),
    report: (message, members) => logger.warn(members, message),
  });
}

function textOf(read: { readonly ok: true; readonly bytes: Buffer } | FileFault): string {
  if (!read.ok) throw new Error(read.message);
  const text = read.bytes.toString('utf8');
  read.bytes.fill(0);
  return text;
}

function observer({
  logger,
  registry,
  life,
  hasSources,
}: Pick<KeySourcesOptions, 'logger' | 'registry' | 'life'> & { readonly hasSources: boolean }): KeyObserver {
  const counts = hasSources ? keySourceCounts(registry) : undefined;
  return {
    up: ({ kid, reference: { source } }) => {
      logger.info({ kid, source }, 'a key of a source signs');
      life.keySource('key_source.recovered', { source, kid });
    },
    down: ({ kid, reference: { source } }, reason) => {
      logger.error({ kid, source, reason }, 'A KEY OF A SOURCE DOES NOT SIGN: its answers are withheld');
      life.keySource('key_source.fault', { source, kid, reason });
    },
    result: ({ reference: { source } }, result, seconds) => counts?.result(source, result, seconds),
  };
}
