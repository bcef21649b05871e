/** Envoy's three files, the bootstrap and two of SDS, from the verifier's own settings. Pure. */
import { dirname, join } from 'node:path';
import { workerSocketPaths, type EnvoySettings, type ServerSettings } from '../config/settings.js';
import type { Policy, Snapshot } from '../verify/snapshot.js';
import { renderBootstrap } from './bootstrap.js';
import { DEFAULT_BOOTSTRAP_OPTIONS, type BootstrapOptions, type RouteOptions } from './options.js';
import { renderClientCaSds, renderServerSds } from './tls.js';

const SERVER_SDS = 'sds-server.yaml';
const CLIENT_CA_SDS = 'sds-client-ca.yaml';

/** What the files are made of. */
export interface EnvoyFilesInput {
  readonly settings: ServerSettings;
  readonly envoy: EnvoySettings;
  readonly snapshot: Pick<Snapshot, 'policies' | 'feedback'>;
  /** Absolute: Envoy may be started anywhere. */
  readonly sdsDirectory: string;
}

/** The bootstrap, and the SDS files by their name in `sdsDirectory`. */
export interface EnvoyFiles {
  readonly bootstrap: string;
  readonly sds: ReadonlyMap<string, string>;
}

/** Renders all three files; the time-out and body limit are the verifier's own, so that the two agree. */
export function envoyFilesOf(input: EnvoyFilesInput): EnvoyFiles {
  const { certificateFile, privateKeyFile, clientCaFile, clientCertificate } = input.envoy.tls;
  const serverSds = renderServerSds({
    certificateFile,
    privateKeyFile,
    watchedDirectory: dirname(certificateFile),
  });
  const clientCaSds = renderClientCaSds({
    caFile: clientCaFile,
    watchedDirectory: dirname(clientCaFile),
    clientCertificate,
  });
  return {
    bootstrap: renderBootstrap(bootstrapOptions(input)),
    sds: new Map([
      [SERVER_SDS, serverSds],
      [CLIENT_CA_SDS, clientCaSds],
    ]),
  };
}

/** The renderer's options, with the time-out and limits of the verifier itself. */
export function bootstrapOptions({
  settings,
  envoy,
  snapshot,
  sdsDirectory,
}: EnvoyFilesInput): BootstrapOptions {
  const { policies, feedback } = snapshot;
  return {
    ...DEFAULT_BOOTSTRAP_OPTIONS,
    listener: envoy.listener,
    healthListener: envoy.health,
    admin: envoy.admin,
    upstream: envoy.upstream,
    front: envoy.front,
    verifierSocketPaths: workerSocketPaths(settings),
    tls: {
      serverSdsPath: join(sdsDirectory, SERVER_SDS),
      clientCaSdsPath: join(sdsDirectory, CLIENT_CA_SDS),
      watchedDirectory: sdsDirectory,
      clientCertificate: envoy.tls.clientCertificate,
    },
    routes: [...policies.values()].map(routeOf),
    maxBodyBytes: settings.limits.maxBodyBytes,
    maxAnswerBytes: feedback?.maxAnswerBytes ?? DEFAULT_BOOTSTRAP_OPTIONS.maxAnswerBytes,
    checkTimeoutMilliseconds: settings.limits.checkTimeoutMilliseconds,
    accessLogPath: envoy.accessLogPath,
    flood: { ...DEFAULT_BOOTSTRAP_OPTIONS.flood, ...floodOf(envoy) },
  };
}

function routeOf(policy: Policy): RouteOptions {
  const answer = policy.kind === 'signed' ? policy.answer : 'as_is';
  return { policy: policy.name, ...policy.match, answer };
}

/** A guard that is off for connections is off for the whole listener too: load tests turn it off by 0. */
function floodOf({ flood }: EnvoySettings): Partial<BootstrapOptions['flood']> {
  return flood.requestsPerSecondPerConnection === 0 ? { ...flood, requestsPerSecond: 0 } : flood;
}
