/** The HTTP filters of a connection manager, in order, with the part that each of ours plays. Pure. */
import { ABSENT, type Message } from '../read/message.js';
import type { Building } from './building.js';

/**
 * `check`: ext_authz asks the verifier. `front`: an ext_proc that begins with the request does (`docs/architecture.md`).
 * `signer`: an ext_proc for answers alone.
 */
export type Role = 'check' | 'front' | 'signer';

/** One entry of `http_filters`. */
export interface HttpFilter {
  /** Overrides of routes find it by this. */
  readonly name: string;
  /** Position in the list: requests meet them from the first, answers from the last. */
  readonly index: number;
  readonly entry: Message;
  /** `envoy.extensions.filters.http.lua.v3.Lua`; empty where its configuration is not in the document. */
  readonly type: string;
  readonly config: Message;
  /** Off, but for routes that turn it on. */
  readonly isOff: boolean;
  /** Undefined: not ours. */
  readonly role: Role | undefined;
}

export const EXT_AUTHZ = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz';
export const EXT_PROC = 'envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor';
export const HEADER_SEND_MODES = ['DEFAULT', 'SEND', 'SKIP'] as const;
export const BODY_SEND_MODES = [
  'NONE',
  'STREAMED',
  'BUFFERED',
  'BUFFERED_PARTIAL',
  'FULL_DUPLEX_STREAMED',
] as const;

/** In the order of the list. */
export function httpFiltersOf(entries: readonly Message[], building: Building): HttpFilter[] {
  return entries.map((entry, index) => httpFilterOf(entry, index, building));
}

function httpFilterOf(entry: Message, index: number, building: Building): HttpFilter {
  const typed = entry.has('config_discovery') ? discovered(entry, building) : entry.at('typed_config');
  const config = typed.typed;
  return {
    name: entry.text('name') ?? '',
    index,
    entry,
    type: typed.type,
    config,
    isOff: entry.flag('disabled') === true,
    role: roleOf(typed.type, config, building),
  };
}

/** What ECDS delivered; else its default, which may be all that there is. */
function discovered(entry: Message, { parts, gaps }: Building): Message {
  const name = entry.text('name');
  const extension = parts.extensions.find((candidate) => candidate.text('name') === name);
  if (extension !== undefined) return extension.at('typed_config');
  const fallback = entry.at('config_discovery', 'default_config');
  if (!fallback.isThere)
    gaps.push({ where: entry.path, what: 'its configuration comes by ECDS and is not in this document' });
  return fallback.isThere ? fallback : ABSENT;
}

function roleOf(type: string, config: Message, { clusters }: Building): Role | undefined {
  if (type !== EXT_AUTHZ && type !== EXT_PROC) return undefined;
  if (!clusters.leadsToVerifier(config)) return undefined;
  if (type === EXT_AUTHZ) return 'check';
  const mode = config.at('processing_mode').enumeration('request_header_mode', HEADER_SEND_MODES);
  return mode === 'SKIP' ? 'signer' : 'front';
}

/** Whether it decides on requests. */
export function decides({ role }: HttpFilter): boolean {
  return role === 'check' || role === 'front';
}
