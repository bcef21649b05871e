/** A source of signatures in memory that does what a test says: sign, hang, lie, be away, be slow. */
import { generateKeyPair, type PrivateKey } from '../../src/crypto/private-key.js';
import { selectSigner } from '../../src/crypto/signing.js';
import { RemoteFeedbackKey, type KeyReference } from '../../src/feedback/feedback-key.js';
import type { KeySource, KeySourceAnswer, KeySourceFault } from '../../src/keys/key-source.js';

const signer = selectSigner();
const always = { notBeforeMs: -Infinity, notAfterMs: Infinity };

/** What it does when it is asked for a signature with one key. */
export type Conduct =
  | 'signs'
  | 'hangs'
  | 'rejects'
  | 'signs with another key'
  | 'signs something else'
  | 'gives 63 bytes'
  | 'gives 65 bytes'
  | 'has another public half'
  | { readonly fault: KeySourceFault }
  | { readonly slowMilliseconds: number };

const pairs = new Map<string, PrivateKey>();

/** The private key behind a name, the same in every source. */
export function pairOf(key: string, version = 1): PrivateKey {
  const name = `${key}/${version}`;
  const known = pairs.get(name) ?? generateKeyPair(Buffer.from(name.padEnd(32, '.').slice(0, 32)));
  pairs.set(name, known);
  return known;
}

/** A feedback key of a source, pinned rightly. */
export function remoteKey(
  kid: string,
  key = kid,
  { source = 'fake', version = 1, validity = always } = {},
): RemoteFeedbackKey {
  return new RemoteFeedbackKey(kid, pairOf(key, version).publicKey, { source, key, version }, validity);
}

export class FakeKeySource implements KeySource {
  readonly name: string;
  readonly kind = 'vault';
  readonly maxMessageBytes: number;
  /** By the name of the key. */
  readonly conducts = new Map<string, Conduct>();
  /** Of every call that asked for a signature, in their order. */
  readonly asked: string[] = [];
  /** How often a public half was asked for: the first question of each test. */
  keysAsked = 0;
  /** Tokens that there were. */
  tokens = 1;
  /** How many calls it has not come to an end with, and how many at most. */
  underWay = 0;
  mostUnderWay = 0;
  readonly #known: (key: string) => boolean;
  readonly #hanging = new Set<(answer: KeySourceAnswer) => void>();
  #closed = false;

  constructor(name = 'fake', maxMessageBytes = 65_536, known: (key: string) => boolean = () => true) {
    this.name = name;
    this.maxMessageBytes = maxMessageBytes;
    this.#known = known;
  }

  sign(reference: KeyReference, message: Uint8Array): Promise<KeySourceAnswer> {
    this.asked.push(reference.key);
    return this.#settling(this.#signed(reference, message));
  }

  publicKey({ key, version }: KeyReference): Promise<KeySourceAnswer> {
    this.keysAsked += 1;
    const conduct = this.conducts.get(key) ?? 'signs';
    if (conduct === 'hangs') return this.#hang();
    const pair = conduct === 'has another public half' ? pairOf(key, 99) : pairOf(key, version);
    return Promise.resolve(this.#fault(key) ?? { ok: true, bytes: pair.publicKey.raw });
  }

  credentials(): number {
    return this.tokens;
  }

  /** Lets every call that hangs fail. */
  release(): void {
    for (const settle of this.#hanging) settle({ ok: false, fault: 'away', reason: 'was let go of' });
    this.#hanging.clear();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.release();
    return Promise.resolve();
  }

  async #settling(answer: Promise<KeySourceAnswer>): Promise<KeySourceAnswer> {
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      return await answer;
    } finally {
      this.underWay -= 1;
    }
  }

  async #signed({ key, version }: KeyReference, message: Uint8Array): Promise<KeySourceAnswer> {
    const conduct = this.conducts.get(key) ?? 'signs';
    const fault = this.#fault(key);
    if (fault !== undefined) return fault;
    if (message.length > this.maxMessageBytes)
      return { ok: false, fault: 'too_large', reason: 'is too long' };
    if (conduct === 'hangs') return this.#hang();
    if (conduct === 'rejects') throw new Error('a defect');
    if (typeof conduct === 'object' && 'slowMilliseconds' in conduct)
      await new Promise((resolve) => setTimeout(resolve, conduct.slowMilliseconds));
    const pair = conduct === 'signs with another key' ? pairOf('another') : pairOf(key, version);
    const signed = signer.sign(pair, conduct === 'signs something else' ? Buffer.from('else') : message);
    if (conduct === 'gives 63 bytes') return { ok: true, bytes: signed.subarray(0, 63) };
    if (conduct === 'gives 65 bytes') return { ok: true, bytes: Buffer.concat([signed, Buffer.alloc(1)]) };
    return { ok: true, bytes: signed };
  }

  #fault(key: string): KeySourceAnswer | undefined {
    if (this.#closed) return { ok: false, fault: 'away', reason: 'is closed' };
    if (!this.#known(key)) return { ok: false, fault: 'refused', reason: 'has no such key' };
    const conduct = this.conducts.get(key);
    if (typeof conduct !== 'object' || !('fault' in conduct)) return undefined;
    return { ok: false, fault: conduct.fault, reason: `says ${conduct.fault}` };
  }

  #hang(): Promise<KeySourceAnswer> {
    return new Promise((resolve) => this.#hanging.add(resolve));
  }
}
