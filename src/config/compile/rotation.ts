/** `keys.rotation`: the schedule, and the keys that it has made, read from its directory. */
import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { equalBytes } from '../../crypto/bytes.js';
import { LocalFeedbackKey } from '../../feedback/feedback-key.js';
import type { RotationSchedule } from '../../feedback/rotation.js';
import {
  domainDirectory,
  keyFileName,
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
  OWN_KEY_FILE,
  parseManifest,
  type ManifestKey,
} from '../../keys/rotation/manifest.js';
import { BAD_MANIFEST_REMEDY, LOST_MANIFEST_REMEDY } from '../../keys/rotation/round.js';
import { durationMs, type RotationInput } from '../schema/rotation.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { RotationSettings } from '../settings.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { directoryFault } from './writable-paths.js';

/** A file that changed is noticed and taken over within two seconds. */
const LEAST_ANNOUNCE_MILLISECONDS = 3_000;
/** An answer may be on its way for this long (docs/wire-contract.md#a-signed-answer). */
const ANSWER_AGE_MILLISECONDS = 300_000;
/** Ten years. */
const MOST_EVERY_MILLISECONDS = 3_653 * 86_400_000;

/** The settings; undefined where nothing is rotated. Faults are noted. */
export function compileRotation(input: ConfigurationInput, load: LoadContext): RotationSettings | undefined {
  const { rotation } = input.keys;
  if (rotation === undefined) return undefined;
  const node = load.at('keys', 'rotation');
  const directory = load.resolve(rotation.directory);
  node.at('directory').noteFaultOfPlace(() => directoryFault(directory));
  judgeUse(input, node);
  return { directory, schedule: compileSchedule(rotation, node) };
}

function compileSchedule(rotation: RotationInput, node: ConfigurationNode): RotationSchedule {
  const [everyMs, announceMs, overlapMs] = [rotation.every, rotation.announce, rotation.overlap].map(
    durationMs,
  ) as [number, number, number];
  if (announceMs < LEAST_ANNOUNCE_MILLISECONDS)
    node
      .at('announce')
      .problem(
        'is shorter than a new key takes to come into force',
        'set it to 3s or more; 2d suits most consumers',
      );
  if (announceMs + overlapMs >= everyMs)
    node
      .at('every')
      .problem('is not longer than announce and overlap together', 'raise it, or lower one of those');
  if (everyMs > MOST_EVERY_MILLISECONDS)
    node.at('every').problem('is longer than ten years', 'set it to 3653d or less');
  if (overlapMs < ANSWER_AGE_MILLISECONDS)
    node
      .at('overlap')
      .warn('is shorter than the 300 s for which consumers take an answer: one that arrives late is refused');
  return { everyMs, announceMs, overlapMs };
}

function judgeUse({ feedback, nonces }: ConfigurationInput, node: ConfigurationNode): void {
  if (feedback === undefined) {
    node.problem(
      'there is no "feedback" section, so no answer is signed',
      'add `feedback: {}`, or remove it',
    );
    return;
  }
  const domains = [feedback, ...Object.values(feedback.tenants)];
  if (domains.every(({ activeKid }) => activeKid !== undefined))
    node.warn('rotates nothing: every signing domain has an activeKid');
  if (nonces.store === 'redis')
    node.warn(
      'nonces.store is redis, so there may be several verifiers: each would make keys of its own. Run one, or rotate with `countersign rotate-key` for all of them',
    );
}

/** A key and the place in the file that it is there for. */
interface RotatedKey {
  readonly key: LocalFeedbackKey;
  readonly node: ConfigurationNode;
}

/**
 * The keys that the schedule has made for one domain; none before its first round. Undefined, with a sentence noted,
 * where they cannot be read: then nobody signs for this domain, and the others go on.
 */
export function readRotatedKeys(
  tenant: string | undefined,
  { directory: root }: RotationSettings,
  load: LoadContext,
): readonly RotatedKey[] | undefined {
  const directory = domainDirectory(root, tenant);
  const node = load.at('keys', 'rotation', 'directory');
  const keys = readDomain(directory, load);
  if (!('message' in keys)) return keys.map((key) => ({ key, node }));
  load.noteKeyDirectoryFault(node, keys.message, keys.remedy);
  return undefined;
}

interface Fault {
  readonly message: string;
  readonly remedy: string;
}

function readDomain(directory: string, load: LoadContext): readonly LocalFeedbackKey[] | Fault {
  const path = join(directory, MANIFEST_NAME);
  const file = load.read(path, MAX_MANIFEST_BYTES);
  if (!file.ok && file.reason === 'missing')
    return hasKeys(directory) ? { message: `the file ${path} is missing`, remedy: LOST_MANIFEST_REMEDY } : [];
  if (!file.ok) return { message: `the file ${path} ${file.message}`, remedy: file.remedy };
  const parsed = parseManifest(file.bytes.toString('utf8'));
  if (!parsed.ok) return { message: `the file ${path} ${parsed.message}`, remedy: BAD_MANIFEST_REMEDY };
  const keys: LocalFeedbackKey[] = [];
  for (const entry of parsed.manifest.keys) {
    const key = readKey(entry, directory, load);
    if ('message' in key) return key;
    keys.push(key);
  }
  return keys;
}

/** A directory without a list and with keys has lost its list. */
function hasKeys(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => OWN_KEY_FILE.test(name));
  } catch {
    return false;
  }
}

function readKey(entry: ManifestKey, directory: string, load: LoadContext): LocalFeedbackKey | Fault {
  const path = join(directory, keyFileName(entry.kid));
  const read = load.readPrivateKey(path);
  if (!read.ok) return { message: `the file ${path} ${read.message}`, remedy: read.remedy };
  if (equalBytes(read.key.publicKey.raw, entry.publicKey))
    return new LocalFeedbackKey(entry.kid, read.key, entry);
  return {
    message: `the file ${path} is another key than ${MANIFEST_NAME} says`,
    remedy: BAD_MANIFEST_REMEDY,
  };
}
