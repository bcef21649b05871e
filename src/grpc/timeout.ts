/** The `grpc-timeout` header (gRPC over HTTP/2, *Requests*): at most eight digits and a unit. */

const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/;
const MILLISECONDS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds; undefined when the header is absent or is none. */
export function parseTimeout(header: string | undefined): number | undefined {
  const [, digits, unit] = TIMEOUT.exec(header ?? '') ?? [];
  const scale = MILLISECONDS[unit ?? ''];
  return scale === undefined ? undefined : Number(digits) * scale;
}
