/** The attacks of the bench by name. */
import {
  forgeries,
  rapidResets,
  silentConnections,
  slowBodies,
  slowClients,
  type Attacker,
  type Hostile,
} from '../e2e/support/hostile.js';

const SILENT_CONNECTIONS = 5_000;

export const ATTACKS = {
  slow_clients: slowClients,
  slow_bodies: slowBodies,
  silent_connections: (by) => silentConnections(by, SILENT_CONNECTIONS),
  rapid_resets: rapidResets,
  forgeries: forgeries,
} as const satisfies Readonly<Record<string, (by: Attacker) => Hostile>>;

export type AttackName = keyof typeof ATTACKS;

/** In the order in which they are measured. */
export const ATTACK_NAMES = Object.keys(ATTACKS) as readonly AttackName[];
