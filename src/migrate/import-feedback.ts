/** The feedback keys of an environment: carried over when every one of them can sign, and else none. */
import { dirname, resolve } from 'node:path';
import { zeroize } from '../crypto/private-key.js';
import { quoteText } from '../json/escape-text.js';
import type { ImportContext } from './import-context.js';
import type { ImportedFederation } from './import-federation.js';
import { loadPrivateKeyFile } from '../config/files/private-key-file.js';
import { keyId } from '../config/schema/schema-common.js';

/** What was read; unusable when the context has problems. */
export interface ImportedFeedback {
  /** `kid` to the absolute path of its key file. */
  readonly keys: ReadonlyMap<string, string>;
  readonly activeKid: string | undefined;
  /** Whether every key can sign as it is. Where not, the notes say what to mend. */
  readonly isUsable: boolean;
}

const keysName = 'VV_TG_FEEDBACK_ED25519_KEYS_JSON';
const activeName = 'VV_TG_FEEDBACK_ACTIVE_KID';

/**
 * Reads the keys, with a note for each that cannot sign. `file` is the environment file's path, from which the
 * others are found. With a part of the keys, other keys would sign than the gateway's: so it is all or none.
 */
export function readFeedback(
  context: ImportContext,
  file: string,
  federation: ImportedFederation,
): ImportedFeedback {
  const keys = new Map<string, string>();
  let isUsable = true;
  for (const [kid, value] of context.textMap(keysName, 'kid to key file') ?? []) {
    const path = resolve(dirname(file), value);
    const fault = isKeyItself(value) ? inlineKey : faultOf(kid, path, federation);
    if (!isKeyItself(value)) keys.set(kid, path);
    if (fault === undefined) continue;
    isUsable = false;
    context.note(keysName, `${quoteText(kid)} is not carried over: ${fault}`);
  }
  const active = readActiveKid(keys, context);
  if (active.ok && isUsable && keys.size > 0) return { keys, activeKid: active.kid, isUsable };
  context.note(keysName, keys.size > 0 ? mendFirst : noKeys);
  return { keys, activeKid: active.kid, isUsable: false };
}

const mendFirst =
  'becomes comments: until they are mended, answers to feedback queries pass as they come, with what the old gateway signed';
const noKeys =
  'gives no key: answers to feedback queries pass as they come, and are signed here as soon as feedback.keys names one';
const inlineKey = 'its value looks like the key itself, which belongs in a file of mode 0600';

/** 32 bytes as base64 or hex, PKCS#8, or PEM: never to be printed. */
function isKeyItself(value: string): boolean {
  return /^[A-Za-z0-9+/_-]{40,}={0,2}$/.test(value) || value.includes('-----') || /[\n\0{]/.test(value);
}

function faultOf(kid: string, path: string, federation: ImportedFederation): string | undefined {
  if (!keyId.safeParse(kid).success)
    return 'its id is not [A-Za-z0-9._-]{1,64}: rename it, here and at the consumers';
  const loaded = loadPrivateKeyFile(path);
  if (!loaded.ok) return `its file ${path} ${loaded.message}: ${loaded.remedy}`;
  const publicKey = Buffer.from(loaded.key.publicKey.raw).toString('base64');
  zeroize(loaded.key);
  const isRequestKey = publicKey === federation.requestKey || publicKey === federation.bundleKey;
  return isRequestKey ? 'it is the key of the requests: make one for feedback alone' : undefined;
}

/** The id as it is set; not `ok` when it is the id of none of the keys. */
function readActiveKid(
  keys: ReadonlyMap<string, string>,
  context: ImportContext,
): { readonly ok: boolean; readonly kid: string | undefined } {
  const kid = context.value(activeName);
  if (kid === undefined && keys.size > 1) context.note(activeName, 'is not set: the last of the keys signs');
  const ok = kid === undefined || keys.has(kid);
  if (!ok) context.note(activeName, `is the id of no key file in ${keysName}`);
  return { ok, kid };
}
