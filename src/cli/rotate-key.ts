/** `countersign rotate-key`: a new feedback key, or a new request key of an identity, and an end for the old ones. */
import { isDeepStrictEqual } from 'node:util';
import type { NewItem } from '../config/edit/scalar-text.js';
import { parsePublicKey } from '../crypto/public-key.js';
import { KID, UUID, IDENTITY } from '../protocol/syntax.js';
import type { VerificationKey } from '../verify/snapshot.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { addConfigurationFile, configurationAction } from './configuration.js';
import { commitEdits, openConfiguration, reportEdit, TAKEN_OVER } from './edit-configuration.js';
import { collecting, matching, wholeNumber } from './option-values.js';
import { readPublicKeyArgument } from './public-key-argument.js';
import type { FeedbackOptions } from './new-feedback-key.js';
import { rotateFeedbackKey } from './rotate-feedback-key.js';
import { endedLines, endedMembers, identityNamed, succeed } from './rotate-identity.js';
import { isoTime } from './text.js';
import { setBackSchedule } from './set-back-schedule.js';
import { clockReading, duration, pointOfTime } from './time-value.js';

type Purpose = VerificationKey['purposes'][number];

interface RotateKeyOptions extends FeedbackOptions {
  readonly feedback?: true;
  readonly identity?: string;
  readonly purpose?: readonly Purpose[];
  readonly clockIs?: number;
}

const DEFAULT_OVERLAP_MILLISECONDS = 14 * 86_400_000;

async function rotateKey(world: CliWorld, file: string, options: RotateKeyOptions): Promise<ExitCode> {
  const { feedback, identity, tenant, purpose } = options;
  if ((feedback === true) === (identity !== undefined))
    throw usageFault(
      'rotate-key rotates a feedback key or a key of an identity',
      'give one of --feedback and --identity',
    );
  if (options.clockIs !== undefined)
    return setBackSchedule(world, file, { ...options, clockIs: clockAlone(options, options.clockIs) });
  if (identity === undefined) {
    if (purpose !== undefined) throw usageFault('--purpose is of keys of identities', 'leave it out');
    return rotateFeedbackKey(world, file, options);
  }
  const { announce, at, activate, privateKeyFile, source, key, keyVersion, publicKey } = options;
  const others = [tenant, announce, at, activate, privateKeyFile, source, key, keyVersion];
  if (publicKey === undefined || others.some((value) => value !== undefined))
    throw usageFault(
      'a key of an identity is given by --public-key, and may have --kid, --purpose and --overlap',
      'give those alone',
    );
  return rotateRequestKey(world, file, { ...options, identity, publicKey });
}

/** The moment, where nothing is said of a key. */
function clockAlone(options: RotateKeyOptions, clockIs: number): number {
  const allowed: readonly string[] = ['feedback', 'tenant', 'dryRun', 'json', 'clockIs', 'config'];
  if (options.feedback !== true || Object.keys(options).some((name) => !allowed.includes(name)))
    throw usageFault('--clock-is makes no key', 'give it with --feedback, and --tenant or --dry-run');
  return clockIs;
}

async function rotateRequestKey(
  world: CliWorld,
  file: string,
  options: RotateKeyOptions & { readonly identity: string; readonly publicKey: string },
): Promise<ExitCode> {
  const publicKey = readPublicKeyArgument(options.publicKey);
  const open = await openConfiguration(world, file, options);
  if (open === undefined) return ExitCode.refused;
  const nowMs = world.nowMs();
  const placed = identityNamed(open, options.identity);
  const { keys } = placed.identity;
  refuseKnown(keys, publicKey);
  const purposes = purposesOf(keys, options.purpose);
  const kid = options.kid ?? freeKid(keys, nowMs);
  const item: NewItem = [
    ['kid', kid],
    ['publicKey', publicKey],
    ...(isDeepStrictEqual(purposes, ['request']) ? [] : [['purposes', purposes] as const]),
  ];
  const isReplaced = (key: VerificationKey): boolean => key.purposes.every((one) => purposes.includes(one));
  // What signs other things than the new one goes on: as if it had ended, nothing ends it.
  const earlier = keys.map((key) => ({
    what: `key ${key.kid}`,
    notBeforeMs: key.notBeforeMs,
    notAfterMs: isReplaced(key) ? key.notAfterMs : Number.NEGATIVE_INFINITY,
  }));
  const entry = { list: 'keys', item, notBeforeMs: -Infinity, notAfterMs: Infinity } as const;
  const overlapMs = options.overlap ?? DEFAULT_OVERLAP_MILLISECONDS;
  const { edits, ended } = succeed(placed, entry, { earlier, nowMs, overlapMs });
  const edited = await commitEdits(world, open, edits, options);
  if (edited === undefined) return ExitCode.refused;
  reportEdit(world, open, edited, {
    ...options,
    lines: [
      `key ${kid} of ${options.identity} counts from the next reload on`,
      ...endedLines(ended),
      `the producer signs with it, and says its id where it sends one (X-Telemetry-Kid: ${kid})`,
      ...(options.dryRun ? [] : [TAKEN_OVER]),
    ],
    members: { identity: options.identity, kid, public_key: publicKey, ended: endedMembers(ended) },
  });
  return ExitCode.good;
}

function refuseKnown(keys: readonly VerificationKey[], publicKey: string): void {
  const parsed = parsePublicKey(publicKey);
  const known = parsed.ok && keys.find((key) => key.publicKey.fingerprint === parsed.key.fingerprint);
  if (known) throw new CliFault(`this is the key ${known.kid} already`, 'give the new key', ExitCode.refused);
}

/** Of the keys that it takes the place of, where those agree. */
function purposesOf(
  keys: readonly VerificationKey[],
  given: readonly Purpose[] | undefined,
): readonly Purpose[] {
  if (given !== undefined) return [...new Set(given)];
  const sorted = keys.map(({ purposes }) => [...purposes].sort());
  const [first = ['request']] = sorted;
  if (sorted.every((purposes) => isDeepStrictEqual(purposes, first))) return keys[0]?.purposes ?? ['request'];
  throw new CliFault(
    'the keys of this identity are for different purposes',
    'say what the new one is for: --purpose request, --purpose bundle, or both',
    ExitCode.refused,
  );
}

/** `k-` and the day. */
function freeKid(keys: readonly VerificationKey[], nowMs: number): string {
  const day = `k-${isoTime(nowMs).slice(0, 10).replaceAll('-', '')}`;
  const taken = new Set(keys.map(({ kid }) => kid));
  let kid = day;
  for (let count = 2; taken.has(kid); count += 1) kid = `${day}-${count}`;
  return kid;
}

/** Adds the command. */
export const registerRotateKey: Register = (program, session) => {
  const command = program
    .command('rotate-key')
    .description(
      'add a key to a configuration and end those before it, so that no request and no answer is lost',
    );
  addConfigurationFile(command)
    .option('--feedback', 'a key that signs answers')
    .option('--tenant <uuid>', 'with --feedback: of this tenant alone', matching(UUID))
    .option('--identity <name>', 'a key that this identity signs its requests with', matching(IDENTITY))
    .option('--kid <id>', 'the id of the new key (default: fb- or k- and the day)', matching(KID))
    .option(
      '--announce <duration>',
      'with --feedback: how long it is published before it signs (default: 2d)',
      duration,
    )
    .option(
      '--at <time>',
      'with --feedback: when it begins to sign, instead',
      pointOfTime(() => session.world.nowMs()),
    )
    .option(
      '--overlap <duration>',
      'how long the old keys count after that (default: 2d, of identities 14d)',
      duration,
    )
    .option(
      '--activate <kid>',
      'with --feedback, where the file has activeKid: let that key sign from now on',
      matching(KID),
    )
    .option('--private-key-file <file>', 'with --feedback: this key, instead of making one')
    .option('--source <name>', 'with --feedback: a key of this source of keys.sources')
    .option('--key <name>', 'with --source: what the source calls it')
    .option('--key-version <number>', 'with --source, of Vault: its version', wholeNumber(1, 1_000_000))
    .option('--public-key <file or text>', 'with --identity or --source: the public key')
    .option(
      '--purpose <purpose>',
      'with --identity: what it may sign, request or bundle; may be repeated (default: as the old ones)',
      collecting(/^(?:request|bundle)$/),
    )
    .option(
      '--clock-is <time>',
      'with --feedback: the lists of keys.rotation are ahead, as the clock was; it says this moment now, and is right',
      clockReading,
    )
    .option('-n, --dry-run', 'change nothing; print what would be changed as a unified diff')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign rotate-key countersign.yaml --feedback --dry-run',
        'countersign rotate-key countersign.yaml --feedback --announce 7d --overlap 1d',
        'countersign rotate-key countersign.yaml --identity producer-a --public-key producer-a-2027.pub',
      ),
    )
    .action(configurationAction(session, rotateKey));
};
