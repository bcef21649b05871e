/** Fragments as text: for a bootstrap or a connection manager of one's own, or as the resources of a control plane. */
import { isMap, isSeq, parseDocument } from 'yaml';
import { bootstrapOptions, envoyFilesOf, type EnvoyFilesInput } from '../envoy-files.js';
import type { BootstrapOptions } from '../options.js';
import { printYaml, type Section } from '../yaml-text.js';
import { cutFragments, type Fragment } from './cut.js';
import { explain } from './explain.js';
import type { CutKind, FragmentKind } from './kinds.js';

/** One YAML document. */
export interface FragmentText {
  /** For a file of its own. */
  readonly name: string;
  readonly text: string;
}

/** How fragments are printed. */
export interface FragmentStyle {
  /** `resources`: what xDS carries as a resource is one, with its type. */
  readonly as: 'parts' | 'resources';
  /** `one` document for what goes into one place, or a document for `each` fragment. */
  readonly documents: 'one' | 'each';
}

/** The fragments of these kinds. Pure. */
export function fragmentTexts(
  input: EnvoyFilesInput,
  kinds: ReadonlySet<FragmentKind>,
  style: FragmentStyle,
): FragmentText[] {
  const secrets = kinds.has('secrets') ? [...envoyFilesOf(input).sds] : [];
  return [
    ...fragmentsOfOptions(bootstrapOptions(input), kinds, style),
    ...secrets.map(([name, text]) => ({ name, text: explain(text) })),
  ];
}

/** The same from the renderer's options, and so without the secrets. */
export function fragmentsOfOptions(
  options: BootstrapOptions,
  kinds: ReadonlySet<FragmentKind>,
  { as, documents }: FragmentStyle,
): FragmentText[] {
  const cut = cutFragments(options, kinds);
  if (documents === 'each' || as === 'resources') return cut.map((fragment) => printed([fragment], as));
  return (['manager', 'bootstrap'] as const)
    .map((place) => cut.filter((fragment) => fragment.place === place))
    .filter((fragments) => fragments.length > 0)
    .map((fragments) => printed(fragments, as));
}

function printed(fragments: readonly Fragment[], as: FragmentStyle['as']): FragmentText {
  const heading = fragments.map((fragment) => fragment.heading).join('\n');
  const [first] = fragments;
  const name = `${first?.kind ?? 'fragments'}.yaml`;
  const type = first && as === 'resources' ? RESOURCES[first.kind] : undefined;
  if (first !== undefined && type !== undefined)
    return { name, text: explain(resources(heading, type, first.content)) };
  return { name, text: explain(printYaml(heading, merged(fragments))) };
}

/** Parts of one place: their members are apart, but for those of `static_resources`. */
function merged(fragments: readonly Fragment[]): Section {
  const all: Record<string, unknown> = {};
  for (const { content } of fragments)
    for (const [member, value] of Object.entries(content))
      all[member] =
        member === 'static_resources' ? { ...(all[member] as Section), ...(value as Section) } : value;
  return all;
}

/** What is a resource of xDS: the type, and where the resources are in the fragment. */
interface ResourceType {
  readonly type: string;
  readonly path: readonly string[];
}

const RESOURCES: Readonly<Partial<Record<CutKind, ResourceType>>> = {
  listener: { type: 'envoy.config.listener.v3.Listener', path: ['static_resources', 'listeners'] },
  clusters: { type: 'envoy.config.cluster.v3.Cluster', path: ['static_resources', 'clusters'] },
  routes: { type: 'envoy.config.route.v3.RouteConfiguration', path: ['route_config'] },
};

/** A DiscoveryResponse, as a file of `path_config_source` holds it. By way of text, as some resources are nodes with comments. */
function resources(heading: string, { type, path }: ResourceType, content: Section): string {
  const found = path.reduce<unknown>((node, member) => (node as Section)[member], content);
  const document = parseDocument(printYaml(heading, { resources: [found].flat() }), { compat: 'yaml-1.1' });
  const list: unknown = document.get('resources');
  for (const item of isSeq(list) ? list.items : [])
    if (isMap(item)) item.items.unshift(document.createPair('@type', `type.googleapis.com/${type}`));
  return document.toString({ lineWidth: 0, singleQuote: true });
}
