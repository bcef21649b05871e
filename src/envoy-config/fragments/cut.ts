/**
 * The parts of the bootstrap that somebody puts into an Envoy of his own: each cut from what the whole is made of, so that
 * a part and the whole cannot differ.
 */
import { parse } from 'yaml';
import { processSections } from '../bootstrap.js';
import { clusters } from '../clusters.js';
import { gateway } from '../connection-manager.js';
import { httpFilters, ROUTER } from '../http-filters.js';
import { listeners } from '../listeners.js';
import type { BootstrapOptions } from '../options.js';
import { printYaml, type Section } from '../yaml-text.js';
import { FRAGMENT_KINDS, type CutKind, type FragmentKind } from './kinds.js';

/** One fragment. */
export interface Fragment {
  readonly kind: CutKind;
  /** `manager`: its members are those of an HttpConnectionManager; `bootstrap`: of a Bootstrap. */
  readonly place: 'manager' | 'bootstrap';
  /** Says where it goes. */
  readonly heading: string;
  readonly content: Section;
}

const HEADINGS: Readonly<Record<CutKind, string>> = {
  'connection-manager':
    'Members of your HttpConnectionManager: how bytes become requests, and who words a refusal.',
  filters:
    'For http_filters of your HttpConnectionManager, in this order, directly before the router: nothing between them and it.',
  routes:
    'For route_config of your HttpConnectionManager: which policy judges which path. The cluster "upstream" is your application.',
  listener: 'The listeners, with all that belongs into them: beside those that you have.',
  clusters: 'Where the other parts lead.',
  process: 'What holds for the whole process: only once in a bootstrap.',
};

/** The fragments of these kinds, in the order of {@link FRAGMENT_KINDS}. */
export function cutFragments(options: BootstrapOptions, kinds: ReadonlySet<FragmentKind>): Fragment[] {
  const cut = FRAGMENT_KINDS.filter((kind): kind is CutKind => kind !== 'secrets' && kinds.has(kind)).map(
    (kind) => ({ kind, place: placeOf(kind), heading: HEADINGS[kind], content: contentOf(kind, options) }),
  );
  const others = cut.filter(({ kind }) => kind !== 'clusters');
  if (others.every(({ kind }) => kind === 'process')) return cut;
  const named = new Set(others.flatMap(({ content }) => namesOfClusters(plain(content))));
  return cut.map((fragment) =>
    fragment.kind === 'clusters' ? { ...fragment, content: clustersNamed(options, named) } : fragment,
  );
}

function placeOf(kind: CutKind): Fragment['place'] {
  return kind === 'connection-manager' || kind === 'filters' || kind === 'routes' ? 'manager' : 'bootstrap';
}

function contentOf(kind: CutKind, options: BootstrapOptions): Section {
  switch (kind) {
    case 'connection-manager':
      return managerMembers(options);
    case 'filters':
      return { http_filters: httpFilters(options).filter((filter) => filter !== ROUTER) };
    case 'routes':
      return { route_config: managerOf(options)['route_config'] };
    case 'listener':
      return { static_resources: { listeners: listeners(options) } };
    case 'clusters':
      return { static_resources: { clusters: clusters(options) } };
    case 'process':
      return processSections('countersign');
  }
}

function managerOf(options: BootstrapOptions): Section {
  return gateway(options)['typed_config'] as Section;
}

/** Of a manager that has a name, filters and routes of its own. */
const OWN_MEMBERS: ReadonlySet<string> = new Set([
  '@type',
  'stat_prefix',
  'codec_type',
  'http_filters',
  'route_config',
]);

function managerMembers(options: BootstrapOptions): Section {
  return Object.fromEntries(Object.entries(managerOf(options)).filter(([name]) => !OWN_MEMBERS.has(name)));
}

function clustersNamed(options: BootstrapOptions, named: ReadonlySet<string>): Section {
  const wanted = clusters(options).filter(({ name }) => named.has(String(name)));
  return { static_resources: { clusters: wanted } };
}

/** Without comments. */
function plain(content: Section): unknown {
  return parse(printYaml('', content));
}

/** The clusters that a part leads to, wherever it says so. */
function namesOfClusters(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesOfClusters);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([member, inner]: [string, unknown]) => {
    if (typeof inner === 'string') return member === 'cluster' || member === 'cluster_name' ? [inner] : [];
    const keys = member === 'cluster_min_healthy_percentages' ? Object.keys(inner ?? {}) : [];
    return [...keys, ...namesOfClusters(inner)];
  });
}
