/** The `audit` section: at least one place for the records, and the key of the log, which is for checkpoints alone. */
import { zeroize } from '../../crypto/private-key.js';
import { equalBytes } from '../../crypto/bytes.js';
import type { PublicKey } from '../../crypto/public-key.js';
import { allKeys } from '../../feedback/feedback-settings.js';
import { quoteText } from '../../json/escape-text.js';
import { PIPE_ATOMIC_BYTES } from '../../storage/output/standard-stream.js';
import type { Snapshot } from '../../verify/snapshot.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { AuditLogSettings, AuditSettings } from '../settings.js';
import { compileMirror, compileWitnesses } from './audit-holders.js';
import { compileOtlp } from './audit-otlp.js';
import type { ConfigurationNode } from './context.js';
import { appendedFileFault, directoryFault } from './writable-paths.js';

type AuditInput = ConfigurationInput['audit'];

/** Compiles the section; faults are noted. */
export function compileAudit(input: AuditInput, workers: number, node: ConfigurationNode): AuditSettings {
  const { onFailure, durability } = input;
  judgePlaces(input, workers, node);
  return {
    sink: compileSink(input, node),
    log: input.log && compileLog(input.log, node.at('log')),
    otlp: input.otlp && compileOtlp(input.otlp, input.log !== undefined, node.at('otlp')),
    onFailure,
    durability,
  };
}

function judgePlaces(
  { file, stdout = false, log, durability }: AuditInput,
  workers: number,
  node: ConfigurationNode,
): void {
  if (stdout && file !== undefined)
    node.problem('names two places for the records', 'give either file, or stdout: true');
  if (!stdout && file === undefined && log === undefined)
    node.problem('names no place for the records', 'give file, stdout: true or log');
  if (stdout && workers > 1)
    node
      .at('stdout')
      .problem(
        `is one pipe for ${workers} workers, which takes no more than ${PIPE_ATOMIC_BYTES} bytes whole: records could be torn`,
        'give a file, or run one worker',
      );
  if (durability === 'machine' && stdout && file === undefined && log === undefined)
    node
      .at('durability')
      .problem(
        'is machine, and nobody can wait until the reader of standard output has a record on disk',
        'give a file or a log, or set it to process',
      );
}

function compileSink({ file, stdout }: AuditInput, node: ConfigurationNode): AuditSettings['sink'] {
  if (stdout === true) return { kind: 'stdout' };
  if (file === undefined) return undefined;
  const path = node.load.resolve(file);
  node.at('file').noteFaultOfPlace(() => appendedFileFault(path));
  return { kind: 'file', path };
}

/** Undefined when the key cannot be had, which is noted. */
function compileLog(
  { directory, origin, keyFile, retentionDays, mirror, witnesses }: NonNullable<AuditInput['log']>,
  node: ConfigurationNode,
): AuditLogSettings | undefined {
  const path = node.load.resolve(directory);
  node.at('directory').noteFaultOfPlace(() => directoryFault(path));
  const key = node.at('keyFile').readPrivateKey(keyFile);
  if (key === undefined && !node.load.isOffline) return undefined;
  const publicKey = Uint8Array.from(key?.publicKey.raw ?? []);
  // Whoever signs reads it again: the configuration of a worker needs no key that it does not use.
  if (key !== undefined) zeroize(key);
  return {
    directory: path,
    origin,
    keyFile: node.load.resolve(keyFile),
    publicKey,
    retentionDays,
    mirror: mirror && compileMirror(mirror, node.at('mirror')),
    witnesses: witnesses && compileWitnesses(witnesses, { origin, publicKey }, node.at('witnesses')),
  };
}

/** Holds the key of the log against all others: who signs requests or answers could forge a checkpoint (docs/security-requirements.md#4). */
export function judgeAuditKey({ log }: AuditSettings, snapshot: Snapshot, node: ConfigurationNode): void {
  if (log === undefined) return;
  const { identities, feedback } = snapshot;
  const isOurs = ({ raw }: PublicKey): boolean => equalBytes(raw, log.publicKey);
  const remedy = 'make a key for the log alone, with `countersign keygen --audit-origin`';
  for (const { name, keys } of identities.values())
    if (keys.some(({ publicKey }) => isOurs(publicKey)))
      node.problem(`is the key that ${quoteText(name)} signs its requests with`, remedy);
  const signing = feedback === undefined ? [] : allKeys(feedback);
  const kid = signing.find(({ publicKey }) => isOurs(publicKey))?.kid;
  if (kid !== undefined) node.problem(`is the feedback key ${quoteText(kid)}`, remedy);
}
