/**
 * What a public key must be before it is trusted: a canonical point of edwards25519, of prime order.
 *
 * Engines differ in which odd keys they take (docs: threat model), so none of them is asked. This arithmetic
 * is slow and not constant-time on purpose: keys are public, and each is judged once, when it is loaded.
 * Runs anywhere: no Node built-in and no Buffer. Source: RFC 8032 §5.1, and SP 800-186 §3.2.3.
 */

const P = 2n ** 255n - 19n;
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const COFACTOR = 8n;

function modP(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function powerModP(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = modP(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = modP(result * square);
    square = modP(square * square);
  }
  return result;
}

const D = modP(-121665n * powerModP(121666n, P - 2n));
const SQRT_MINUS_ONE = powerModP(2n, (P - 1n) / 4n);

/** Extended coordinates (RFC 8032 §5.1.4): x = X/Z, y = Y/Z, xy = T/Z. */
interface Point {
  readonly X: bigint;
  readonly Y: bigint;
  readonly Z: bigint;
  readonly T: bigint;
}

const IDENTITY: Point = { X: 0n, Y: 1n, Z: 1n, T: 0n };

/** The complete addition law of RFC 8032 §5.1.4: right for every pair of points, equal ones included. */
function add(p: Point, q: Point): Point {
  const a = modP((p.Y - p.X) * (q.Y - q.X));
  const b = modP((p.Y + p.X) * (q.Y + q.X));
  const c = modP(2n * p.T * q.T * D);
  const d = modP(2n * p.Z * q.Z);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return { X: modP(e * f), Y: modP(g * h), Z: modP(f * g), T: modP(e * h) };
}

function multiply(point: Point, scalar: bigint): Point {
  let result = IDENTITY;
  let addend = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = add(result, addend);
    addend = add(addend, addend);
  }
  return result;
}

function isIdentity(point: Point): boolean {
  return point.X === 0n && point.Y === point.Z;
}

/** A square root of u/v, or `undefined` if there is none (RFC 8032 §5.1.3, steps 2 and 3). */
function squareRootOfRatio(u: bigint, v: bigint): bigint | undefined {
  const x = modP(u * v ** 3n * powerModP(u * v ** 7n, (P - 5n) / 8n));
  const check = modP(v * x * x);
  if (check === u) return x;
  return check === modP(-u) ? modP(x * SQRT_MINUS_ONE) : undefined;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Why 32 bytes are no acceptable public key. Closed; see `key-fault.ts` for the sentences. */
export type PointFault = 'non_canonical' | 'not_on_curve' | 'small_order' | 'mixed_order';

/** RFC 8032 §5.1.3, with both of its canonicity rules: y < p, and no negative zero for x. */
function decodePoint(encoded: Uint8Array): Point | PointFault {
  const number = littleEndian(encoded);
  const sign = number >> 255n;
  const y = number & (2n ** 255n - 1n);
  if (y >= P) return 'non_canonical';
  const root = squareRootOfRatio(modP(y * y - 1n), modP(D * y * y + 1n));
  if (root === undefined) return 'not_on_curve';
  if (root === 0n && sign === 1n) return 'non_canonical';
  const x = (root & 1n) === sign ? root : P - root;
  return { X: x, Y: y, Z: 1n, T: modP(x * y) };
}

/**
 * Judges the 32 bytes of a public key: canonical, on the curve, not of small order, of prime order.
 * Takes some milliseconds. Proves nothing about who holds the private half.
 * @param encoded exactly 32 bytes; any other length is a defect of the caller and throws.
 * @returns `undefined` when the key is acceptable.
 */
export function findPointFault(encoded: Uint8Array): PointFault | undefined {
  if (encoded.length !== 32) throw new RangeError('an encoded point has 32 bytes');
  const point = decodePoint(encoded);
  if (typeof point === 'string') return point;
  if (isIdentity(multiply(point, COFACTOR))) return 'small_order';
  return isIdentity(multiply(point, GROUP_ORDER)) ? undefined : 'mixed_order';
}
