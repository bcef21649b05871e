/**
 * SHA-256 (FIPS 180-4 §6.2), synchronous, for places without Node's: Web Crypto's is asynchronous, and tweetnacl has
 * SHA-512 alone. For public texts of a few hundred bytes; no secret goes through it.
 */

const ROUND_CONSTANTS = firstPrimes(64).map((prime) => rootFraction(prime, 3n));
const INITIAL_STATE = firstPrimes(8).map((prime) => rootFraction(prime, 2n));
const BLOCK_BYTES = 64;

/** The first 32 bits of the fraction of a root (§4.2.2, §5.3.3). Exact: `Math.cbrt` may differ between engines. */
function rootFraction(radicand: number, degree: bigint): number {
  const scaled = BigInt(radicand) << (32n * degree);
  let root = 0n;
  for (let bit = 1n << 37n; bit > 0n; bit >>= 1n) if ((root + bit) ** degree <= scaled) root += bit;
  return Number(BigInt.asIntN(32, root));
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate += 1)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  return primes;
}

/** The hash of some bytes: 64 lower-case hex digits. */
export function sha256Hex(message: Uint8Array): string {
  const padded = pad(message);
  const state = Int32Array.from(INITIAL_STATE);
  const schedule = new Int32Array(64);
  for (let start = 0; start < padded.byteLength; start += BLOCK_BYTES) {
    expand(schedule, padded, start);
    compress(state, schedule);
  }
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** The message, a one bit, zeros, and its length in bits as 64 bits, in whole blocks (§5.1.1). */
function pad(message: Uint8Array): DataView {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  return view;
}

function expand(schedule: Int32Array, message: DataView, start: number): void {
  for (let t = 0; t < 16; t += 1) schedule[t] = message.getInt32(start + 4 * t);
  for (let t = 16; t < 64; t += 1) {
    const [w2, w7, w15, w16] = [schedule[t - 2], schedule[t - 7], schedule[t - 15], schedule[t - 16]];
    const sum = smallSigma(w2 ?? 0, 17, 19, 10) + (w7 ?? 0) + smallSigma(w15 ?? 0, 7, 18, 3) + (w16 ?? 0);
    schedule[t] = sum;
  }
}

function compress(state: Int32Array, schedule: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let t = 0; t < 64; t += 1) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const t1 = (h + bigSigma(e, 6, 11, 25) + choice + (ROUND_CONSTANTS[t] ?? 0) + (schedule[t] ?? 0)) | 0;
    const t2 = (bigSigma(a, 2, 13, 22) + majority) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => {
    state[index] = (state[index] ?? 0) + word;
  });
}

function rotateRight(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function bigSigma(word: number, first: number, second: number, third: number): number {
  return rotateRight(word, first) ^ rotateRight(word, second) ^ rotateRight(word, third);
}

function smallSigma(word: number, first: number, second: number, shift: number): number {
  return rotateRight(word, first) ^ rotateRight(word, second) ^ (word >>> shift);
}
