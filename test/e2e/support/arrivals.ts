/** Reading what the application saw. */
import type { Arrival, Seen } from './stage.js';

/** The headers that only the verifier can have set. */
export const VERIFIED = [
  'identity',
  'assurance',
  'kid',
  'cert-sha256',
  'tenant',
  'operator',
  'attestation',
  'policy',
  'request-id',
].map((name) => `x-countersign-${name}`);

/** The one request that arrived. */
export function arrivalOf({ arrivals }: Seen): Arrival {
  const [arrival] = arrivals;
  if (arrival === undefined || arrivals.length > 1) throw new Error(`${arrivals.length} requests arrived`);
  return arrival;
}

/** All values under a name, in any case. */
export function values(arrival: Arrival, name: string): string[] {
  return arrival.headers
    .filter(([other]) => other.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}

/** The names of ours that arrived, spelled either way, in lower case. */
export const ours = (arrival: Arrival): string[] =>
  arrival.headers.map(([name]) => name.toLowerCase()).filter((name) => /^x[-_]countersign/.test(name));
