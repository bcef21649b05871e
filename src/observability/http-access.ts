/**
 * Who may ask the admin port, and that of the metrics. A page in a browser reaches what its machine reaches, under a name
 * of its own (DNS rebinding) or as a request of a foreign origin; neither is answered (docs/security-requirements.md#46).
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback } from '../config/compile/addresses.js';

/** What decides, besides the request. */
export interface HttpAccess {
  /** The address or name that is listened on. */
  readonly host: string;
  /** Further names, lower case, without a port. */
  readonly allowedHosts?: readonly string[];
}

/** Why a request is not answered: 421 is a name that is not ours (RFC 9110, 15.5.20), 403 somebody else's page. */
interface HttpDenial {
  readonly status: 403 | 421;
  readonly reason: string;
}

/** `name`, `name:port`, `[v6]:port`; what else a Host header may hold names nothing of ours. */
const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?$/;

/** Undefined where the request may be answered. `section`: of the configuration, which names who may ask besides. */
export function denialOf(
  request: IncomingMessage,
  section: 'admin' | 'metrics',
  access: HttpAccess,
): HttpDenial | undefined {
  const { host = '', origin, 'sec-fetch-site': site } = request.headers;
  const name = HOST.exec(host.toLowerCase())?.[1];
  if (name === undefined || !isOurs(name, request.socket.localAddress, access))
    return { status: 421, reason: `not a name of this port; list it in ${section}.allowedHosts\n` };
  const isForeign = origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`;
  // Absent from programs; `none` is an address that somebody typed.
  const isSentByForeign = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (isForeign || isSentByForeign) return { status: 403, reason: 'not for pages of another origin\n' };
  return undefined;
}

/** An address that the connection came in by is no name that a page could choose: probes and scrapers use it. */
function isOurs(
  name: string,
  localAddress: string | undefined,
  { host, allowedHosts = [] }: HttpAccess,
): boolean {
  const bare = name.replace(/^\[|\]$/g, '');
  if (isLoopback(bare) || allowedHosts.includes(bare)) return true;
  if (isIP(bare) === 0) return bare === host.toLowerCase();
  return bare === unmapped(localAddress);
}

/** An IPv4 address as such, where a socket for both has it in the form of an IPv6 one. */
export function unmapped(address = ''): string {
  return address.replace(/^::ffff:/, '');
}
