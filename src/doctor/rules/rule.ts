/** What a rule is, and the walks that most of them share. Rules are pure: they see an Envoy, a configuration and facts, and nothing else. */
import type { Configuration } from '../../config/settings.js';
import type { Facts } from '../facts.js';
import type { Envoy, Manager } from '../model/envoy.js';
import { decides, type HttpFilter, type Role } from '../model/filters.js';
import type { Message } from '../read/message.js';

/**
 * `error`: somebody gets in, or the contract is broken. `warning`: a defence is missing, or requests are lost under
 * faults. `note`: worth knowing, or not judged.
 */
export type Severity = 'error' | 'warning' | 'note';

/** What the rules judge. */
export interface Judged {
  readonly envoy: Envoy;
  /** Ours; absent: what depends on it is not judged. */
  readonly configuration: Configuration | undefined;
  readonly facts: Facts;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** Where a rule is broken. */
export interface Place {
  /** A path in the document, or a file. */
  readonly where: string;
  /** What is there, where it is not clear from the rule; a phrase. */
  readonly detail?: string;
  /** In place of the rule's own. */
  readonly severity?: Severity;
}

/** One rule; docs/doctor.md lists them all. */
export interface Rule {
  /** `CSD101`: never given to another rule. */
  readonly id: string;
  /** For people, in kebab case. */
  readonly name: string;
  readonly severity: Severity;
  /** What is wrong, as a sentence. */
  readonly what: string;
  readonly why: string;
  /** What to write instead. */
  readonly instead: string;
  readonly check: (judged: Judged) => Iterable<Place>;
}

/** A filter of ours in its manager. */
export interface Placed {
  readonly manager: Manager;
  readonly filter: HttpFilter;
}

/** Every filter that plays one of these parts. */
export function ours({ envoy }: Judged, ...roles: readonly Role[]): Placed[] {
  return envoy.guarded.flatMap((manager) =>
    manager.filters
      .filter(({ role }) => role !== undefined && (roles.length === 0 || roles.includes(role)))
      .map((filter) => ({ manager, filter })),
  );
}

/** A check for a setting of each such filter: whether it is bad. `field` goes down by dots. */
export function setting(
  roles: readonly Role[],
  field: string,
  isBad: (config: Message, judged: Judged) => boolean,
): Rule['check'] {
  return (judged) =>
    ours(judged, ...roles)
      .filter(({ filter }) => isBad(filter.config, judged))
      .map(({ filter }) => ({ where: `${filter.config.path}.${field}` }));
}

/** The first filter of a manager that decides on requests. */
export function deciderOf({ filters }: Manager): HttpFilter | undefined {
  return filters.find(decides);
}

/** Managers with a filter that decides, and that filter. */
export function decided({ envoy }: Judged): Placed[] {
  return envoy.guarded.flatMap((manager) => {
    const filter = deciderOf(manager);
    return filter === undefined ? [] : [{ manager, filter }];
  });
}

/** `grpc_service` of a filter. */
export function serviceOf({ config }: HttpFilter): Message {
  return config.at('grpc_service');
}
