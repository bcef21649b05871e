/** What an operator decides about the Envoy in front of the verifier; all else follows from the design. */
import type { EnvoySettings } from '../config/settings.js';
import { CHECK_NAMESPACE, PROCESSOR_NAMESPACE } from '../envoy/wire/metadata.js';

/** A TCP endpoint; `address` is an IP address, or a host name where Envoy connects. */
export type Endpoint = EnvoySettings['upstream'];

/** Where a listener listens: IP addresses, `::` for IPv6 alone. Its limits hold for all of them together. */
export type Listening = EnvoySettings['listener'];

/** A path whose requests are judged by `policy`; structurally a policy's name and its match. */
export interface RouteOptions {
  readonly policy: string;
  /** `exact` compares the whole normalised path, `prefix` its beginning; the query is not looked at. */
  readonly kind: 'exact' | 'prefix';
  readonly path: string;
  /** Upper-case methods. Only used to tell policies apart that share one path. */
  readonly methods: Iterable<string>;
  /** `signed_feedback`: the answer passes the signer. Default `as_is`. */
  readonly answer?: 'as_is' | 'signed_feedback';
}

/** Whether this route's answers are signed. */
export function isSigned({ answer }: RouteOptions): boolean {
  return answer === 'signed_feedback';
}

/** The namespace of Envoy's dynamic metadata that has the decision. */
export function decisionNamespace({ front }: Pick<BootstrapOptions, 'front'>): string {
  return front === 'ext_proc' ? PROCESSOR_NAMESPACE : CHECK_NAMESPACE;
}

/** Where Envoy finds the SDS files; see `renderServerSds` and `renderClientCaSds`. */
export interface TlsOptions {
  readonly serverSdsPath: string;
  readonly clientCaSdsPath: string;
  /** A change is noticed when something is moved into this directory, such as a symbolic link. */
  readonly watchedDirectory: string;
  /** `optional`: TLS may come without one, and then the verifier lets only pass-through routes answer. */
  readonly clientCertificate: EnvoySettings['tls']['clientCertificate'];
}

/** Limits on callers that nobody has verified yet; 0 turns one off. A burst may be twice the rate. */
export interface FloodOptions {
  readonly requestsPerSecondPerConnection: number;
  /** Of the whole listener. */
  readonly requestsPerSecond: number;
  readonly connectionsPerSecond: number;
}

/** Everything that `renderBootstrap` needs. Paths are used by Envoy as they stand, relative ones included. */
export interface BootstrapOptions {
  readonly listener: Listening;
  /** Plain HTTP: `GET /healthz` and nothing else. Absent: none. */
  readonly healthListener?: Listening | undefined;
  readonly admin: Endpoint;
  /** The Unix sockets of `countersign serve`: one of each worker. */
  readonly verifierSocketPaths: readonly string[];
  readonly tls: TlsOptions;
  readonly upstream: Endpoint;
  readonly routes: readonly RouteOptions[];
  /** The filter that asks the verifier. */
  readonly front: EnvoySettings['front'];
  /** A body of exactly this size passes, one byte more is a 413. */
  readonly maxBodyBytes: number;
  /** The longest answer that is signed; the verifier's `feedback.maxAnswerBytes`. */
  readonly maxAnswerBytes: number;
  /**
   * How long a check may take before Envoy answers 503; the verifier sees it as its deadline. Of the signer it
   * is the limit of each message, and then the answer is a 504.
   */
  readonly checkTimeoutMilliseconds: number;
  /** How long the upstream may take, retries included. */
  readonly upstreamTimeoutMilliseconds: number;
  readonly accessLogPath: string;
  readonly flood: FloodOptions;
}

const MEBIBYTE = 1_048_576;

/**
 * The defaults; `envoy/bootstrap.yaml` is rendered from them. The flood guard leaves room for 10,000
 * requests/s on one connection, which is more than one verifier can judge: it stops floods, not load tests.
 */
export const DEFAULT_BOOTSTRAP_OPTIONS: BootstrapOptions = {
  listener: { address: ['0.0.0.0', '::'], port: 8443 },
  healthListener: { address: ['0.0.0.0', '::'], port: 8080 },
  admin: { address: '127.0.0.1', port: 9901 },
  verifierSocketPaths: ['/run/countersign/verifier.sock'],
  tls: {
    serverSdsPath: '/etc/countersign/envoy/sds-server.yaml',
    clientCaSdsPath: '/etc/countersign/envoy/sds-client-ca.yaml',
    watchedDirectory: '/etc/countersign/tls',
    clientCertificate: 'required',
  },
  upstream: { address: '127.0.0.1', port: 8000 },
  front: 'ext_authz',
  routes: [
    { policy: 'telemetry', kind: 'exact', path: '/internal/v1/telemetry', methods: ['POST'] },
    {
      policy: 'execution-graph',
      kind: 'exact',
      path: '/internal/v1/cognitive/execution-graph',
      methods: ['POST'],
    },
    {
      policy: 'feedback-query',
      kind: 'exact',
      path: '/internal/v1/cognitive/feedback/adjustments/query',
      methods: ['POST'],
      answer: 'signed_feedback',
    },
    { policy: 'federation-verify', kind: 'exact', path: '/internal/v1/federation/verify', methods: ['POST'] },
  ],
  maxBodyBytes: MEBIBYTE,
  maxAnswerBytes: MEBIBYTE,
  checkTimeoutMilliseconds: 1000,
  upstreamTimeoutMilliseconds: 15_000,
  accessLogPath: '/dev/stdout',
  flood: {
    requestsPerSecondPerConnection: 10_000,
    requestsPerSecond: 20_000,
    connectionsPerSecond: 2000,
  },
};
