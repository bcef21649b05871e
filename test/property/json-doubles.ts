import type { Chance } from './json-documents.js';

const view = new DataView(new ArrayBuffer(8));

function fromBits(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

function neighbour(value: number, steps: number): number {
  view.setFloat64(0, value);
  return fromBits(BigInt.asUintN(64, view.getBigUint64(0) + BigInt(steps)));
}

/** One double of each of the shapes where printing goes wrong, or of random bits. */
function anyDouble(chance: Chance): number {
  const sign = chance.below(2) === 0 ? 1 : -1;
  switch (chance.below(8)) {
    case 0:
      return sign * neighbour(10 ** (chance.below(617) - 308), chance.below(5) - 2);
    case 1:
      return sign * neighbour(2 ** (chance.below(2_098) - 1_074), chance.below(5) - 2);
    case 2:
      return sign * fromBits(BigInt(chance.word()) >> BigInt(chance.below(32)));
    case 3:
      return (sign * chance.below(10 ** (1 + chance.below(15)))) / 10 ** chance.below(20);
    case 4:
      return sign * (2 ** 53 + chance.below(64) - 32) * 2 ** chance.below(8);
    case 5:
      return sign * 10 ** (chance.pick([15, 16, 17, -3, -4, -5]) + chance.next());
    default:
      return fromBits((BigInt(chance.word()) << 32n) | BigInt(chance.word()));
  }
}

/** A float lexeme of a finite double, in one of the ways to write it. */
function spell(value: number, chance: Chance): string {
  switch (chance.below(4)) {
    case 0:
      return value.toExponential(16);
    case 1:
      return value.toExponential().replace('e+', 'E');
    case 2:
      return Math.abs(value) < 1e21 && Math.abs(value) > 1e-80
        ? value.toFixed(chance.below(100) + 1)
        : `${value}e0`.replace(/(e.*)e0$/, '$1');
    default:
      return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : `${value}`;
  }
}

/** Lexemes of finite doubles without end; each of them is a JSON float. */
export function* doubleLexemes(chance: Chance): Generator<string, never> {
  for (;;) {
    const value = anyDouble(chance);
    if (Number.isFinite(value)) yield spell(value, chance);
  }
}
