/** The attacks of the bench by name, and the address that they are made to. */
import { PRODUCER_B } from '../../examples/local-federation/parties.js';
import type { ReachableFederation } from '../../examples/local-federation/attach.js';
import {
  forgeries,
  rapidResets,
  silentConnections,
  slowBodies,
  slowClients,
  type Attacker,
  type Hostile,
} from '../e2e/support/hostile.js';
import type { Door } from '../e2e/support/outgoing.js';
import { telemetry } from '../e2e/support/requests.js';

const SILENT_CONNECTIONS = 5_000;

export const ATTACKS = {
  slow_clients: (by) => slowClients(by),
  slow_bodies: (by) => slowBodies(by),
  silent_connections: (by) => silentConnections(by, SILENT_CONNECTIONS),
  rapid_resets: (by) => rapidResets(by),
  forgeries: (by) => forgeries(by),
} as const satisfies Readonly<Record<string, (by: Attacker) => Hostile>>;

export type AttackName = keyof typeof ATTACKS;

/** In the order in which they are measured. */
export const ATTACK_NAMES = Object.keys(ATTACKS) as readonly AttackName[];

/** Where Envoy listens. */
export function doorOf({ environment, credentials }: ReachableFederation): Door {
  return { port: Number(new URL(environment.COUNTERSIGN_URL).port), authority: credentials.authority };
}

/** The second producer, as the one that means harm. */
export function attackerOf(federation: ReachableFederation): Attacker {
  const { producerB } = federation.credentials;
  const request = () => telemetry({ by: producerB, party: PRODUCER_B });
  return { door: doorOf(federation), over: producerB, request };
}
