/** The shape of `nonces.redis`. */
import { z } from 'zod';
import { filePath, hostText, integer, textLike } from './schema-common.js';

const address = textLike(
  /^(?:[0-9A-Za-z._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/,
  'must be host:port, such as redis.internal:6379 or [::1]:6379; not a URL',
);

const addresses = (what: string) =>
  z
    .array(address)
    .min(1)
    .max(64)
    .describe(`host:port of ${what}; some are enough, the others are found through them.`);

const user = (of: string) =>
  textLike(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters without spaces')
    .optional()
    .describe(`The ACL user ${of}. Default: the server's default user.`);

const passwordFile = filePath
  .optional()
  .describe('A file with the password alone; closed to other users (mode 0600 or 0640).');

/** `nonces.redis`: exactly one of `address`, `sentinel` and `cluster`. */
export const redisSchema = z
  .strictObject({
    address: address.optional().describe('One server, host:port.'),
    sentinel: z
      .strictObject({
        master: textLike(
          /^[A-Za-z0-9._-]{1,64}$/,
          'must be the name of a master, as the sentinels have it',
        ).describe('The name of the master.'),
        addresses: addresses('sentinels'),
        username: user('of the sentinels'),
        passwordFile,
      })
      .optional()
      .describe('The master that sentinels name.'),
    cluster: z
      .strictObject({ addresses: addresses('nodes') })
      .optional()
      .describe('A Redis Cluster.'),
    database: integer(0, 15).default(0).describe('The number of the database; 0 in a cluster.'),
    username: user('of Redis'),
    passwordFile,
    tls: z
      .strictObject({
        caFile: filePath
          .optional()
          .describe('Authorities, PEM. Default: those that Node was built with; the environment adds none.'),
        certificateFile: filePath.optional().describe('Our own certificate, PEM.'),
        privateKeyFile: filePath.optional().describe('Its key, PEM; closed to other users.'),
        serverName: hostText
          .optional()
          .describe("The name in the servers' certificates. Default: the host that was connected to."),
      })
      .optional()
      .describe('TLS, to sentinels as well. Default: absent, plain TCP.'),
    keyPrefix: textLike(
      /^[A-Za-z0-9._-]{1,64}$/,
      'must be 1 to 64 letters, digits, dots, underscores or hyphens',
    )
      .default('countersign')
      .describe('Begins every key. Verifiers share their nonces when they share it.'),
    timeoutMilliseconds: integer(5, 10_000)
      .default(200)
      .describe('How long one command may take; more is answered 503. A check may take four of them.'),
    waitReplicas: integer(0, 16)
      .default(0)
      .describe('Replicas that must have a claim before it counts (WAIT); 0 asks none.'),
    maxClockDifferenceMilliseconds: integer(100, 30_000)
      .default(2_000)
      .describe('How far the clocks of verifier and Redis may lie apart; more is answered 503.'),
  })
  .describe('redis only: where it is, and how it is spoken to.');

/** The section after its defaults. */
export type RedisInput = z.output<typeof redisSchema>;
