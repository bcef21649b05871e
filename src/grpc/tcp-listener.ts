/**
 * A TCP listener beside the Unix socket, for callers who cannot mount that: with TLS in which both sides show a
 * certificate, or without on loopback, where each call shows a secret. What it accepts is served by `GrpcServer`.
 */
import { constants } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import { hasClientName } from './client-names.js';
import { TlsConnection } from './tls-connection.js';
import { peerOf, UnknownConnections, type ConnectionRefusal } from './unknown-connections.js';

/** All connections, known and unknown. */
const MAX_CONNECTIONS = 1_024;
const HANDSHAKE_MILLISECONDS = 5_000;
/**
 * Said in full, so that no `--tls-min-v1.0` or `--tls-cipher-list` in the environment decides it. RFC 9113, 9.2.2: with
 * HTTP/2 none but these of TLS 1.2 (Envoy's clients speak it unless they are told otherwise).
 */
const TLS_CONTEXT = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
  ].join(':'),
  honorCipherOrder: true,
  // Nobody comes in by a ticket on a certificate that is no longer taken.
  secureOptions: constants.SSL_OP_NO_TICKET,
  // An authority that another one has signed is one, too.
  allowPartialTrustChain: true,
} as const;

const TLS_SERVER = {
  requestCert: true,
  rejectUnauthorized: true,
  ALPNProtocols: ['h2'],
  handshakeTimeout: HANDSHAKE_MILLISECONDS,
} as const;

/** With what TLS is spoken, and with whom. */
export interface TlsMaterial {
  /** PEM, the server's own certificate first. */
  readonly certificate: string;
  readonly privateKey: () => string;
  /** PEM of those whose clients are taken. */
  readonly clientAuthority: string;
  /** One of them has to be in the client's certificate. */
  readonly clientNames: readonly string[];
}

/** Why a connection or a call was not taken. */
export type TcpRefusal = ConnectionRefusal | 'handshake' | 'client_name' | 'secret';

interface TcpListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls: TlsMaterial | undefined;
  /** Whether a connection that TLS has admitted has shown all that is asked for. Plain TCP never shows anything. */
  readonly isKnownByTls: () => boolean;
  /** Serves a connection; it says by `isKnown` that its caller has shown who it is. */
  readonly take: (connection: Duplex, isKnown: () => void) => void;
  readonly refused: (reason: TcpRefusal) => void;
}

export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #server: Server;
  readonly #unknown: UnknownConnections;
  readonly #tlsServer: TlsServer | undefined;
  #clientNames: readonly string[] = [];

  /** Throws OpenSSL's error for what is no key or certificate. */
  constructor(options: TcpListenerOptions) {
    this.#options = options;
    this.#unknown = new UnknownConnections(options.refused, () => performance.now());
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('drop', () => options.refused('connections'));
    if (options.tls !== undefined) this.#tlsServer = this.#openTls(options.tls);
  }

  /** Rejects with the system's error. */
  listen(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
  }

  /** New connections are met with these; those that are open stay as they are. Throws as the constructor does. */
  renew(tls: TlsMaterial): void {
    this.#tlsServer?.setSecureContext(contextOf(tls));
    this.#clientNames = tls.clientNames;
  }

  /** Handshakes under way end by the authority that they began with: where that is taken no longer, they are to begin anew. */
  closeUnknown(): void {
    this.#unknown.closeAll();
  }

  /** Takes no connection any more. Those that are open go on. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }

  #openTls(tls: TlsMaterial): TlsServer {
    const server = createTlsServer({ ...TLS_SERVER, ...contextOf(tls) });
    server.on('secureConnection', (socket) => this.#admit(socket));
    server.on('tlsClientError', (_error, socket) => {
      this.#options.refused('handshake');
      socket.destroy();
    });
    this.#clientNames = tls.clientNames;
    return server;
  }

  #accept(socket: Socket): void {
    // A broken connection is the peer's affair.
    socket.on('error', () => undefined);
    if (!this.#unknown.add(socket)) return;
    if (this.#tlsServer !== undefined) this.#tlsServer.emit('connection', socket);
    else this.#take(socket, socket);
  }

  #admit(socket: TLSSocket): void {
    socket.on('error', () => undefined);
    const certificate = socket.getPeerX509Certificate();
    if (!socket.authorized || certificate === undefined || !hasClientName(certificate, this.#clientNames)) {
      this.#options.refused('client_name');
      socket.destroy();
      return;
    }
    this.#take(new TlsConnection(socket), socket);
    if (this.#options.isKnownByTls()) this.#unknown.isKnown(peerOf(socket));
  }

  #take(connection: Duplex, socket: Socket): void {
    const peer = peerOf(socket);
    this.#options.take(connection, () => this.#unknown.isKnown(peer));
  }
}

function contextOf({ certificate, privateKey, clientAuthority }: TlsMaterial): SecureContextOptions {
  return { ...TLS_CONTEXT, cert: certificate, key: privateKey(), ca: clientAuthority };
}
