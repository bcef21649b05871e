/** Which headers of a request become strings: those that a decision reads, and whatever looks like ours. */
import { OUR_HEADER_PREFIX, type SecurityHeaderNames } from '../../protocol/header-names.js';
import { FIXED_HEADER_NAMES } from '../../verify/inbound-request.js';
import type { Snapshot } from '../../verify/snapshot.js';
import { HeaderSelection } from '../wire/header-map.js';

/** `others`: what a front needs besides, in lower case. */
export function selectedHeaders(names: SecurityHeaderNames, others: readonly string[] = []): HeaderSelection {
  return new HeaderSelection(
    [...FIXED_HEADER_NAMES, ...Object.values<string>({ ...names }), ...others],
    OUR_HEADER_PREFIX,
  );
}

/** One set a snapshot: made again only when the snapshot was swapped. */
export class SelectedHeaders {
  readonly #others: readonly string[];
  #selected: { readonly snapshot: Snapshot; readonly headers: HeaderSelection } | undefined;

  constructor(others: readonly string[] = []) {
    this.#others = others;
  }

  of(snapshot: Snapshot): HeaderSelection {
    if (this.#selected?.snapshot !== snapshot)
      this.#selected = { snapshot, headers: selectedHeaders(snapshot.headers, this.#others) };
    return this.#selected.headers;
  }
}
