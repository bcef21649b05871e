/** Which addresses lead nowhere but to this machine. */
import { isIP } from 'node:net';

/** Whether an IP address or a host name is loopback. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
