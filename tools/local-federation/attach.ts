/** A federation that is there, as something to send to. */
import { readCredentials, type FederationCredentials } from './credentials.js';
import { parseEnvironment, type FederationEnvironment } from './environment.js';
import type { Layout } from './layout.js';
import { runningProcess } from './processes.js';
import { Gateway } from './producer.js';
import { readIfThere } from './write-file.js';

/** All that is needed to send requests to a federation. */
export interface ReachableFederation {
  readonly layout: Layout;
  readonly environment: FederationEnvironment;
  /** Certificates and keys of the producers, read in. */
  readonly credentials: FederationCredentials;
  /** Connections to Envoy's listener. */
  readonly gateway: Gateway;
}

/** A federation of which the files are there, whether or not it runs. Throws I/O faults. */
export function reach(layout: Layout, environment: FederationEnvironment): ReachableFederation {
  const credentials = readCredentials(layout.root, environment);
  const gateway = new Gateway(environment.COUNTERSIGN_URL, credentials.authority);
  return { layout, environment, credentials, gateway };
}

/** The federation that runs in this place; undefined when Envoy or the verifier does not. */
export function attach(layout: Layout): ReachableFederation | undefined {
  const up =
    runningProcess(layout, 'envoy') !== undefined && runningProcess(layout, 'verifier') !== undefined;
  const environment = up ? parseEnvironment(readIfThere(layout.environmentFile) ?? '') : undefined;
  return environment === undefined ? undefined : reach(layout, environment);
}
