/** The shapes of the sections about the process itself: sockets, stores, limits, Envoy. */
import { z } from 'zod';
import { DEFAULT_HEADER_NAMES, type SecurityHeaderNames } from '../../protocol/header-names.js';
import { redisSchema } from './redis.js';
import {
  bodyBytes,
  filePath,
  hostHeaderName,
  hostText,
  integer,
  MAX_RETENTION_SECONDS,
  port,
  textLike,
} from './schema-common.js';

const headerName = (role: keyof SecurityHeaderNames, what: string) =>
  textLike(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, 'must be a header name: letters, digits and hyphens')
    .default(DEFAULT_HEADER_NAMES[role])
    .describe(`The header with ${what}.`);

/** `admin`: metrics, health and the rest. */
export const adminSchema = z
  .strictObject({
    host: hostText.default('127.0.0.1').describe('The address; anything but loopback is a warning.'),
    port: integer(0, 65_535).default(9902).describe('The TCP port; 0 takes a free one.'),
    allowedHosts: z
      .array(hostHeaderName)
      .max(16)
      .default([])
      .describe(
        'Names in `Host` that are answered besides `localhost`, `host` itself and the address that a connection came in by; without a port.',
      ),
  })
  .describe('The admin endpoint: metrics and health.')
  .prefault({});

/** `metrics`: the port for scrapers. */
export const metricsSchema = z
  .strictObject({
    host: hostText.describe('The address: `::` takes all of both families, `0.0.0.0` those of IPv4 alone.'),
    port: integer(0, 65_535).default(9903).describe('The TCP port; 0 takes a free one.'),
    allowedHosts: z
      .array(hostHeaderName)
      .max(16)
      .default([])
      .describe(
        'Names in `Host` that are answered besides `localhost`, `host` itself and the address that a connection came in by; without a port.',
      ),
  })
  .describe(
    'A port of its own for scrapers, with `/metrics` alone. What is there names policies, identities and their keys; whoever reaches it may read it. Default: none.',
  );

/** `log`: operational messages, which are not the audit. */
export const logSchema = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('The least level that is written.'),
  })
  .describe('Operational log on standard error.')
  .prefault({});

/** `nonces`: what remembers that a request was here already. */
export const noncesSchema = z
  .strictObject({
    store: z
      .enum(['lmdb', 'redis', 'memory'])
      .default('lmdb')
      .describe(
        '`lmdb` survives restarts and serves the workers of one machine; `redis` several machines; `memory` neither.',
      ),
    directory: filePath.optional().describe('lmdb: its directory, on a local disk. Default: `state/nonces`.'),
    redis: redisSchema.optional(),
    maxEntries: integer(1, 1_000_000_000)
      .default(1_000_000)
      .describe('Nonces held at once; full means refuse. With `memory` at most 16000000.'),
    maxEntriesPerIdentity: integer(1, 1_000_000_000)
      .optional()
      .describe('The same for one identity. Default: `maxEntries`.'),
    durability: z
      .enum(['machine', 'process'])
      .optional()
      .describe(
        'lmdb only: how a claim survives. `process` (default): on its own when processes die; after a machine restart, by refusing what could have been let in before. `machine`: each batch waits for the disk.',
      ),
    retentionSeconds: integer(1, MAX_RETENTION_SECONDS)
      .optional()
      .describe(
        'Keeps nothing longer: only held against every window, which it has to reach (past + future skew + 1 s). How long a nonce is kept follows from the windows.',
      ),
  })
  .describe('The nonce store.')
  .prefault({});

/** `limits`: what one process takes on. */
export const limitsSchema = z
  .strictObject({
    maxBodyBytes: bodyBytes
      .default(1_048_576)
      .describe('The largest body in bytes: Envoy sends no more, no policy takes more.'),
    maxConcurrentChecks: integer(1, 1_000_000)
      .default(1024)
      .describe('Checks under way at once; the next one gets 503.'),
    claimMarginMilliseconds: integer(0, 60_000)
      .default(50)
      .describe("A nonce is not claimed with less than this left of Envoy's deadline."),
    checkTimeoutMilliseconds: integer(10, 60_000)
      .default(1000)
      .describe(
        'The deadline of a check that comes without one; in Envoy the timeout of ext_authz, and of ext_proc half a second less than message_timeout.',
      ),
    drainMilliseconds: integer(0, 600_000)
      .default(10_000)
      .describe('How long stopping may take after SIGTERM, the delay included; what is left then is cut.'),
    drainDelayMilliseconds: integer(0, 600_000)
      .optional()
      .describe(
        'How long a verifier that stops goes on serving while its health says no, so that Envoy turns to another; not waited for when nobody is connected. Default: 1500, or `drainMilliseconds` where that is less.',
      ),
  })
  .describe('Bounds on what one process takes on.')
  .prefault({});

/** `headers`: the names of the security headers. */
export const headersSchema = z
  .strictObject({
    identity: headerName('identity', "the caller's name"),
    certificateSha256: headerName('certificateSha256', "the caller's own claim of its certificate"),
    timestamp: headerName('timestamp', 'the time of signing, Unix seconds'),
    nonce: headerName('nonce', 'the one-time token'),
    signature: headerName('signature', 'the Ed25519 signature, base64'),
    kid: headerName('kid', 'the id of the key'),
  })
  .describe('Names of the security headers, in any case.')
  .prefault({});

const endpoint = (what: string) =>
  z.strictObject({
    address: hostText.describe(`The address of ${what}.`),
    port: port.describe(`The TCP port of ${what}.`),
  });

/** Where Envoy listens. That these are IP addresses is checked with the ports, in `addresses.ts`. */
const listening = (what: string) =>
  z.strictObject({
    address: z
      .union([hostText, z.array(hostText).min(1).max(8)], {
        error: 'must be an IP address, or a list of one to eight',
      })
      .describe(
        `The IP address of ${what}, or a list of them. \`0.0.0.0\` is every IPv4 address, \`::\` every IPv6 address and no other; \`['0.0.0.0', '::']\` is both.`,
      ),
    port: port.describe(`The TCP port of ${what}.`),
  });

const perSecond = integer(0, 1_000_000);

/** `envoy`: what `countersign envoy-config` renders. */
export const envoySchema = z
  .strictObject({
    listener: listening('the TLS listener').describe('Where producers connect.'),
    health: listening('the health listener')
      .optional()
      .describe('A listener that tells nothing but health. Default: none.'),
    admin: endpoint("Envoy's admin endpoint").describe(
      "Envoy's own admin endpoint, an IP address; keep it on loopback.",
    ),
    upstream: endpoint('the application').describe('The application behind Envoy.'),
    tls: z
      .strictObject({
        certificateFile: filePath.describe('The certificate of the listener, PEM.'),
        privateKeyFile: filePath.describe('Its private key, PEM; closed to other users (mode 0600 or 0640).'),
        clientCaFile: filePath.describe('The CA of the client certificates, PEM.'),
        sdsDirectory: filePath.default('run/sds').describe('Where the SDS files for Envoy are written.'),
        clientCertificate: z
          .enum(['required', 'optional'])
          .default('required')
          .describe(
            'Whether TLS comes without a client certificate. `optional`: it may, and then only `passThrough` policies answer; one that is shown has to be good all the same.',
          ),
      })
      .describe('Files of the TLS listener.'),
    front: z
      .enum(['ext_authz', 'ext_proc'])
      .default('ext_authz')
      .describe(
        "The filter that asks the verifier. `ext_proc`, which needs `listen.extProcVerify`, brings request and answer on one stream, and on Envoy 1.36 the certificate's hash alone.",
      ),
    accessLog: filePath.default('audit/access.ndjson').describe("Envoy's access log, JSON."),
    flood: z
      .strictObject({
        requestsPerSecondPerConnection: perSecond
          .default(10_000)
          .describe('Requests per second from one connection; 0 is no limit.'),
        connectionsPerSecond: perSecond.default(2_000).describe('New connections per second; 0 is no limit.'),
      })
      .describe('A guard before anything is verified.')
      .prefault({}),
  })
  .describe('What `countersign envoy-config` renders. Default: absent.');
