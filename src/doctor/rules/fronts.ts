/** CSD215 to CSD219: an ext_proc that judges requests, as gateways have it, without what our own bootstrap puts around it. */
import { PROCESSOR_NAMESPACE } from '../../envoy/wire/metadata.js';
import type { FilterChain } from '../model/envoy.js';
import { isChecked } from '../model/checked.js';
import type { HttpFilter } from '../model/filters.js';
import type { Route } from '../model/routes.js';
import type { Message } from '../read/message.js';
import { ours, type Judged, type Place, type Placed, type Rule } from './rule.js';

const RBAC = 'envoy.extensions.filters.http.rbac.v3.RBAC';

/** The filter behind that demands a decision in the metadata. */
function guardOf({ manager, filter }: Placed): HttpFilter | undefined {
  return manager.filters.find(
    ({ type, index, config, isOff }) =>
      type === RBAC &&
      !isOff &&
      index > filter.index &&
      config.at('rules').json.includes(`"${PROCESSOR_NAMESPACE}"`),
  );
}

function* unguarded(judged: Judged): Iterable<Place> {
  for (const placed of ours(judged, 'front'))
    if (guardOf(placed) === undefined) yield { where: placed.filter.entry.path };
}

function* notReceived(judged: Judged): Iterable<Place> {
  for (const placed of ours(judged, 'front')) {
    const options = placed.filter.config.at('metadata_options', 'receiving_namespaces');
    if (options.texts('untyped').includes(PROCESSOR_NAMESPACE)) continue;
    const place = { where: `${options.path}.untyped` };
    if (guardOf(placed) === undefined) yield place;
    else yield { ...place, detail: 'the guard behind lets nothing through without it', severity: 'error' };
  }
}

/** Envoy's default for connections, bytes. */
const DEFAULT_BUFFER_BYTES = 1_048_576;

/** What is held of a body at most: of the route, its host, or the connection. */
function bufferOf(route: Route, { listener }: FilterChain): { where: Message; field: string; bytes: number } {
  const field = 'request_body_buffer_limit';
  for (const where of [route.message, route.host]) {
    const bytes = where.number(field);
    if (bytes !== undefined) return { where, field, bytes };
  }
  const ofListener = 'per_connection_buffer_limit_bytes';
  const bytes = listener.message.number(ofListener) ?? DEFAULT_BUFFER_BYTES;
  return { where: listener.message, field: ofListener, bytes };
}

function* smallBuffers(judged: Judged): Iterable<Place> {
  const wanted = judged.configuration?.settings.limits.maxBodyBytes;
  if (wanted === undefined) return;
  for (const { manager, filter } of ours(judged, 'front'))
    for (const route of manager.routes) {
      const { where, field, bytes } = bufferOf(route, manager.chain);
      if (isChecked(route, filter) && bytes < wanted)
        yield { where: `${where.path}.${field}`, detail: `${bytes}, and limits.maxBodyBytes is ${wanted}` };
    }
}

/** In the order of their ids. */
export const FRONTS: readonly Rule[] = [
  {
    id: 'CSD215',
    name: 'front-unguarded',
    severity: 'note',
    what: 'No filter behind the ext_proc demands that there was a decision.',
    why: 'Envoy lets a request pass when the stream ends in good order before its reply. This verifier never ends one so; the guard is a second line.',
    instead:
      'the RBAC filter that countersign envoy-config prints, behind the ext_proc, where one can be put',
    check: unguarded,
  },
  {
    id: 'CSD216',
    name: 'decision-not-received',
    severity: 'note',
    what: 'Envoy does not take the decision into its metadata.',
    why: 'Access logs do not tell who was let in as whom, and deliveries cannot be joined with decisions.',
    instead: `metadata_options.receiving_namespaces.untyped: [${PROCESSOR_NAMESPACE}]`,
    check: notReceived,
  },
  {
    id: 'CSD217',
    name: 'small-buffer',
    severity: 'warning',
    what: 'Envoy holds less of a body than the verifier takes.',
    why: 'Longer requests get a 413 of Envoy, without a decision, although a policy takes them.',
    instead: 'per_connection_buffer_limit_bytes of the listener of at least limits.maxBodyBytes',
    check: smallBuffers,
  },
];
