/** The bare TLS connection under every client that writes its bytes itself. */
import { connect, type TLSSocket } from 'node:tls';
import type { Door, TlsIdentity } from './outgoing.js';

/** Connects as a producer does, and speaks this protocol and no other. The caller hears its events, errors included. */
export function openTls(door: Door, over: TlsIdentity, protocol: 'http/1.1' | 'h2'): TLSSocket {
  return connect({
    host: door.address ?? '127.0.0.1',
    port: door.port,
    servername: 'localhost',
    ca: door.authority,
    ...(over.certificate !== undefined && { cert: over.certificate, key: over.certificateKey }),
    ALPNProtocols: [protocol],
  });
}
