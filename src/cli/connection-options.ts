/** What the commands that send have in common: the mutual TLS connection. */
import type { Command } from 'commander';
import type { ClientTls } from '../client/send-signed.js';
import { readPemFile, readPrivateFile } from './files.js';
import { wholeNumber } from './option-values.js';

const DEFAULT_TIMEOUT_SECONDS = 8;
const MAX_TIMEOUT_SECONDS = 3600;

/** Options of the connection, as commander gives them. */
export interface ConnectionOptions {
  readonly ca: string;
  readonly cert: string;
  readonly tlsKey: string;
  /** Seconds. */
  readonly timeout: number;
}

/** Adds them, and the key that signs the request, which must not be taken for that of the connection. */
export function addConnectionOptions(command: Command): Command {
  return command
    .requiredOption('--ca <file>', 'CA of the server, PEM; no other is trusted')
    .requiredOption('--cert <file>', 'the client certificate, PEM; its fingerprint is stated in the headers')
    .requiredOption(
      '--key, --tls-key <file>',
      'the private key of the client certificate, PEM; --key is its old name',
    )
    .requiredOption('--signing-key <file>', 'the Ed25519 private key that signs the request')
    .option(
      '--timeout <seconds>',
      'give up after that long',
      wholeNumber(1, MAX_TIMEOUT_SECONDS),
      DEFAULT_TIMEOUT_SECONDS,
    );
}

/** Reads CA, certificate and key. Any of them may be a pipe, which gives its bytes once: whoever needs them takes these. */
export function readTls({
  ca,
  cert,
  tlsKey,
}: ConnectionOptions): ClientTls & { readonly certificate: Buffer } {
  return {
    ca: readPemFile(ca, 'the CA'),
    certificate: readPemFile(cert, 'the client certificate'),
    privateKey: readPrivateFile(tlsKey, 'the client key'),
  };
}
