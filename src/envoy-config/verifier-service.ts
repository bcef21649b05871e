/** How Envoy's filters call the verifier, and when they may ask another one instead (envoy.config.core.v3.GrpcService). */
import type { BootstrapOptions } from './options.js';
import { duration, extension, note, type Section } from './yaml-text.js';

/** Two further tries leave the dead one behind; a third would find nobody else in most places. */
const FURTHER_TRIES = 2;
/** A pause is random and at most this long, doubled at the second: the verifier's deadline hardly moves. */
const PAUSE_MILLISECONDS = 5;
const OTHER_HOST_ATTEMPTS = 5;

/**
 * By default it is the name of the cluster, and gateways and meshes have names with `/` and `|`, which are no host: nghttp2
 * resets such a call before any code of the verifier runs. So it is always said.
 */
export const VERIFIER_AUTHORITY = 'countersign';

/** Where checks go, and where answers go to be signed: the same sockets, by connections of their own. */
export const VERIFIER_CLUSTER = 'verifier';
export const SIGNER_CLUSTER = 'signer';

/** `grpc_service` of a filter whose calls go to the verifier by `cluster`, with the longest that one may take. */
export function verifierService(
  { verifierSocketPaths }: BootstrapOptions,
  cluster: typeof VERIFIER_CLUSTER | typeof SIGNER_CLUSTER,
  timeoutMilliseconds: number,
): Section {
  return {
    envoy_grpc: { cluster_name: cluster, authority: VERIFIER_AUTHORITY },
    timeout: duration(timeoutMilliseconds),
    ...(verifierSocketPaths.length > 1 && { retry_policy: askAnother(timeoutMilliseconds) }),
  };
}

/**
 * Only what no verifier has begun to judge: a second call would find its own nonce used. To a socket on which nobody
 * listens nothing was sent, and a stream that was refused was not read (RFC 9113, 8.7). A connection that breaks
 * with the call on it is neither. Envoy takes the longest pause for the time that one try may take, too (seen on
 * 1.36 and 1.40), so it is that of the call.
 */
function askAnother(timeoutMilliseconds: number): unknown {
  const policy = {
    retry_on: 'connect-failure,refused-stream',
    num_retries: FURTHER_TRIES,
    retry_back_off: {
      base_interval: duration(PAUSE_MILLISECONDS),
      max_interval: note('also the limit of each try', duration(timeoutMilliseconds)),
    },
    retry_host_predicate: [
      extension(
        'envoy.retry_host_predicates.previous_hosts',
        'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
        {},
      ),
    ],
    host_selection_retry_max_attempts: OTHER_HOST_ATTEMPTS,
  };
  return note('Another verifier is asked only where the first cannot have begun to judge.', policy);
}
