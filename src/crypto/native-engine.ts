/**
 * The optional engine: ed25519-dalek in `native/`, built by `make native` and in the image (docs/adr/0046-native-engine.md).
 * Nothing needs it and nothing fetches it; what is there and is no good is told, and not used.
 */
import { createRequire } from 'node:module';
import type { Ed25519Engine } from './ed25519.js';
import { findWrongAnswer } from './self-test.js';

/** A key whose point was read once. */
interface NativeKey {
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** What `native/src/lib.rs` exports. */
export interface NativeModule {
  readonly PublicKey: new (raw: Uint8Array) => NativeKey;
}

/** The engine, or why one that is there is not used; neither, where none was built. */
export type NativeChoice =
  { readonly engine: Ed25519Engine } | { readonly engine: undefined; readonly fault: string | undefined };

/** ed25519-dalek as an engine: 2.4 times as fast as libsodium with AVX-512, 1.5 times with AVX2. */
export function createNativeEngine({ PublicKey }: NativeModule): Ed25519Engine {
  /** Reading a point takes a fifth of a verification. 200 bytes each, freed with the array that the key is kept in. */
  const keys = new WeakMap<Uint8Array, NativeKey>();
  const keyFor = (raw: Uint8Array): NativeKey => {
    const cached = keys.get(raw);
    if (cached !== undefined) return cached;
    const key = new PublicKey(raw);
    keys.set(raw, key);
    return key;
  };
  return {
    name: 'ed25519-dalek',
    verify: (signature, message, publicKey) => keyFor(publicKey).verify(message, signature),
  };
}

/**
 * Loads it and asks it for the known answers, some milliseconds. Never throws.
 * @param load how the module is loaded; replaced in tests only.
 */
export function chooseNative(load: () => unknown = loadNative): NativeChoice {
  let loaded: unknown;
  try {
    loaded = load();
  } catch (error) {
    return { engine: undefined, fault: isNotBuilt(error) ? undefined : `does not load: ${messageOf(error)}` };
  }
  if (!isNativeModule(loaded)) return { engine: undefined, fault: 'is not what make native builds' };
  const engine = createNativeEngine(loaded);
  const wrong = findWrongAnswer(engine);
  return wrong === undefined ? { engine } : { engine: undefined, fault: `gives a wrong verdict of ${wrong}` };
}

/** The same path from the sources and from what is compiled: `imports` of package.json. */
function loadNative(): unknown {
  return createRequire(import.meta.url)('#native-engine') as unknown;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isNotBuilt(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
}

function isNativeModule(candidate: unknown): candidate is NativeModule {
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    'PublicKey' in candidate &&
    typeof candidate.PublicKey === 'function'
  );
}
