/** What is kept for long, out of Node's pool of short buffers: a view into it would keep the whole of it (`Buffer.poolSize`). */
export function unpooledCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
