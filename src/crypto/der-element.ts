/** The elements of DER (X.690 §10.1), found without copying. Runs anywhere: no Node built-in and no Buffer. */

/** One element with a low tag: where it begins, where its content does, and where both end. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/**
 * Reads the element at `start`, with a definite, minimal length of up to three bytes.
 * @param limit where the surrounding element ends; the element may not reach beyond.
 */
export function readElement(der: Uint8Array, start: number, limit: number): DerElement | undefined {
  const tag = der[start] ?? 0;
  const first = der[start + 1] ?? 0xff;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const contentStart = start + 2 + lengthBytes;
  if (first === 0x80 || lengthBytes > 3 || contentStart > limit) return undefined;
  const longLength = der.subarray(start + 2, contentStart).reduce((value, byte) => value * 256 + byte, 0);
  const length = lengthBytes === 0 ? first : longLength;
  const isMinimal = lengthBytes === 0 || length >= (lengthBytes === 1 ? 0x80 : 256 ** (lengthBytes - 1));
  const end = contentStart + length;
  return isMinimal && end <= limit ? { tag, start, contentStart, end } : undefined;
}

/** The only element of a text, which must leave no byte over, if it has this tag. */
export function readWhole(der: Uint8Array, tag: number): DerElement | undefined {
  const element = readElement(der, 0, der.length);
  return element?.tag === tag && element.end === der.length ? element : undefined;
}

/** The elements inside another, if they fill it exactly. At most eight: more than any structure that we read. */
export function readChildren(der: Uint8Array, parent: DerElement): readonly DerElement[] | undefined {
  const children: DerElement[] = [];
  for (let at = parent.contentStart; at < parent.end;) {
    const child = readElement(der, at, parent.end);
    if (child === undefined || children.length === 8) return undefined;
    children.push(child);
    at = child.end;
  }
  return children;
}
