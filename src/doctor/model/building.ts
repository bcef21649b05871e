/** What is known while an Envoy is put together, and what is missing then. */
import type { EnvoyParts } from '../read/dump.js';
import type { Message } from '../read/message.js';
import type { Clusters } from './clusters.js';
import type { Gap } from './gap.js';
import type { Route } from './routes.js';

/** What building needs everywhere; gaps are added on the way. */
export interface Building {
  readonly parts: EnvoyParts;
  readonly clusters: Clusters;
  readonly gaps: Gap[];
  /** A table that many managers use is read once. */
  readonly routes: Map<Message, readonly Route[]>;
}
