/** The shape of `listen`: where Envoy finds the verifier. */
import { z } from 'zod';
import { filePath, port, textLike } from './schema-common.js';

/** DNS names and URIs, as a certificate has them; no wildcard, and nothing that would make two names of one. */
const clientName = textLike(
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[a-z][a-z0-9+.-]{0,15}:\/\/[\x21\x23-\x26\x28-\x2b\x2d-\x7e]{1,2000})$/,
  'must be a DNS name or a URI, such as spiffe://cluster.local/ns/gateways/sa/edge',
);

const tcpTlsSchema = z
  .strictObject({
    certificateFile: filePath.describe('The certificate of the verifier, PEM, its chain behind it.'),
    privateKeyFile: filePath.describe('Its private key, PEM; closed to other users (mode 0600 or 0640).'),
    clientCaFile: filePath.describe('The authorities whose clients may connect, PEM.'),
    clientNames: z
      .array(clientName)
      .min(1)
      .max(64)
      .describe(
        "Names in a client's certificate, DNS or URI, of which it has to have one; compared whole, without wildcards.",
      ),
  })
  .describe('TLS in which both sides show a certificate. Demanded where `host` is not loopback.');

/** `listen.tcp`: for callers who cannot mount the socket. */
const tcpSchema = z
  .strictObject({
    host: textLike(/^[0-9A-Fa-f.:]{2,45}$/, 'must be an IP address')
      .default('127.0.0.1')
      .describe('The IP address; anything but loopback demands `tls`. `::` is every address, IPv4 too.'),
    port: port.describe('The TCP port; of several workers each has its own, counted up from this one.'),
    tls: tcpTlsSchema.optional(),
    sharedSecretFile: filePath
      .optional()
      .describe(
        'A file with a secret that every call shows in its metadata: 32 to 256 visible ASCII characters in a line of their own; two lines while it is changed. Closed to other users (mode 0600 or 0640).',
      ),
    sharedSecretHeader: textLike(
      /^(?!grpc-|.*-bin$)[a-z][a-z0-9-]{0,63}$/,
      'must be a name of gRPC metadata: small letters, digits and hyphens, not grpc-… and not …-bin',
    )
      .default('x-countersign-secret')
      .describe('The metadata with the secret.'),
  })
  .describe(
    'A TCP listener beside the socket, for gateways that cannot mount it. It has `tls`, or `sharedSecretFile`, or both. Default: absent.',
  );

/** The section as the file says it. */
export type TcpInput = z.output<typeof tcpSchema>;

/** `listen`: the socket for Envoy. */
export const listenSchema = z
  .strictObject({
    socket: filePath.describe(
      'The Unix socket on which Envoy reaches the verifier; at most 107 bytes as an absolute path.',
    ),
    extProcVerify: z
      .boolean()
      .default(false)
      .describe(
        'Whether requests may be judged by way of ext_proc, too, for gateways whose ext_authz hands on neither certificate nor raw bytes. Policies are then chosen by method and path. Unless `envoy.front` is `ext_proc`, bodies need a `content-length`.',
      ),
    tcp: tcpSchema.optional(),
  })
  .describe('Where Envoy finds the verifier.');
