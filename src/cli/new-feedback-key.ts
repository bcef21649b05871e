/** The key that `rotate-key --feedback` adds: made beside the old one, or in a file or a source already. */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { NewItem } from '../config/edit/scalar-text.js';
import { encodePrivateKey, generateKeyPair, zeroize } from '../crypto/private-key.js';
import { encodePublicKey } from '../crypto/public-key.js';
import { CliFault, type CliWorld, ExitCode } from './command.js';
import type { EditFlags, OpenConfiguration } from './edit-configuration.js';
import { readSigningKey, writeSecretLike } from './files.js';
import { readPublicKeyArgument } from './public-key-argument.js';
import { isoTime } from './text.js';

/** What the command line says of a feedback key. */
export interface FeedbackOptions extends EditFlags {
  readonly tenant?: string;
  readonly kid?: string;
  readonly announce?: number;
  /** Unix milliseconds. */
  readonly at?: number;
  readonly overlap?: number;
  readonly activate?: string;
  readonly privateKeyFile?: string;
  readonly source?: string;
  readonly key?: string;
  readonly keyVersion?: number;
  readonly publicKey?: string;
}

/** One key as the file has it. */
export interface KeyData {
  readonly kid: string;
  readonly privateKeyFile?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

export interface DomainData {
  /** Absent where `keys.rotation` makes them. */
  readonly keys?: readonly KeyData[];
  readonly activeKid?: string;
  readonly delegation?: object;
}

export interface FeedbackData extends DomainData {
  readonly tenants?: Readonly<Record<string, DomainData>>;
}

/** A key that is about to be in the file. */
export interface Made {
  readonly kid: string;
  readonly item: NewItem;
  /** Base64 of its public half; of a dry run undefined where it would have been made. */
  readonly publicKey: string | undefined;
  /** Absolute path of the file that is to be made. */
  readonly unmade?: string;
}

/** Makes it, or reads what was made. */
export function makeKey(
  world: CliWorld,
  open: OpenConfiguration,
  domain: DomainData,
  options: FeedbackOptions,
): Made {
  const folder = dirname(resolve(open.file));
  if (options.source !== undefined) return remoteKey(open, world, options);
  if (options.privateKeyFile !== undefined) {
    const kid = options.kid ?? freeKid(open, world.nowMs(), () => false);
    const own = readSigningKey(options.privateKeyFile);
    const publicKey = encodePublicKey(own.publicKey, 'base64').trim();
    zeroize(own);
    const path = pathFrom(folder, resolve(options.privateKeyFile));
    return {
      kid,
      item: [
        ['kid', kid],
        ['privateKeyFile', path],
      ],
      publicKey,
    };
  }
  const beside = domain.keys?.findLast(({ privateKeyFile }) => privateKeyFile !== undefined)?.privateKeyFile;
  if (beside === undefined)
    throw new CliFault(
      'no key of this domain is in a file, so nobody knows where a new one belongs',
      'give --private-key-file, or --source, --key and --public-key',
      ExitCode.refused,
    );
  const pathOf = (kid: string): string => join(dirname(beside), `${kid}.key`);
  const kid = options.kid ?? freeKid(open, world.nowMs(), (one) => existsSync(resolve(folder, pathOf(one))));
  const unmade = resolve(folder, pathOf(kid));
  const item: NewItem = [
    ['kid', kid],
    ['privateKeyFile', pathOf(kid)],
  ];
  if (options.dryRun) return { kid, item, publicKey: undefined, unmade };
  return { kid, item, unmade, publicKey: writeNewKey(world, unmade, resolve(folder, beside)) };
}

/** Base64 of the public half. */
function writeNewKey(world: CliWorld, path: string, like: string): string {
  const seed = world.randomBytes(32);
  const key = generateKeyPair(seed);
  seed.fill(0);
  try {
    writeSecretLike(path, encodePrivateKey(key, 'pem'), like, 'choose another --kid, or move that file away');
    return encodePublicKey(key.publicKey, 'base64').trim();
  } finally {
    zeroize(key);
  }
}

function remoteKey(open: OpenConfiguration, world: CliWorld, options: FeedbackOptions): Made {
  const { source = '', key = '', keyVersion } = options;
  const kid = options.kid ?? freeKid(open, world.nowMs(), () => false);
  const publicKey = readPublicKeyArgument(options.publicKey ?? '');
  const item: NewItem = [
    ['kid', kid],
    ['source', source],
    ['key', key],
    ...(keyVersion === undefined ? [] : [['version', keyVersion] as const]),
    ['publicKey', publicKey],
  ];
  return { kid, item, publicKey };
}

/** As the configuration would name it: relative where it lies below. */
function pathFrom(folder: string, absolute: string): string {
  const path = relative(folder, absolute);
  return path.startsWith('..') || isAbsolute(path) ? absolute : path;
}

/** `fb-` and the day; an id is of one key in the whole file, and of none that has been. */
function freeKid({ data }: OpenConfiguration, nowMs: number, isTaken: (kid: string) => boolean): string {
  const { feedback } = data as { readonly feedback: FeedbackData };
  const domains = [feedback, ...Object.values(feedback.tenants ?? {})];
  const taken = new Set(domains.flatMap(({ keys = [] }) => keys.map(({ kid }) => kid)));
  const day = `fb-${isoTime(nowMs).slice(0, 10).replaceAll('-', '')}`;
  for (let count = 1; ; count += 1) {
    const kid = count === 1 ? day : `${day}-${count}`;
    if (!taken.has(kid) && !isTaken(kid)) return kid;
  }
}
