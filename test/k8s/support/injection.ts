/** The injection policy, made from the sidecars of the component (k8s/sidecars, k8s/component). */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { celOf } from './cel.js';
import type { Container, Manifest, PodSpec, Volume } from './manifests.js';

export const POLICY = 'k8s/injection/policy.yaml';
const TEMPLATE = 'k8s/injection/policy.template.yaml';
const INDENT = ' '.repeat(12);

interface Pod extends PodSpec {
  readonly initContainers: readonly Container[];
  readonly volumes: readonly Volume[];
}

/** The whole file as it has to be. */
export function injectionPolicy(): string {
  const [sidecars, pod] = [partOf('k8s/sidecars/sidecars.yaml'), partOf('k8s/component/deployment.yaml')];
  const parts = {
    CONTAINERS: addedAtTheFront('initContainers', containersOf(sidecars, pod)),
    VOLUMES: addedAtTheEnd('volumes', [...pod.volumes, ...sidecars.volumes]),
  };
  const template = readFileSync(TEMPLATE, 'utf8').replace(/^# The template of.*\n/, '');
  const text = Object.entries(parts).reduce(
    (made, [name, part]) => made.replace(new RegExp(`^ *${name}\n`, 'm'), () => `${part}\n`),
    template,
  );
  return `# Made from policy.template.yaml: UPDATE=1 npm run -s jest -- test/k8s/injection\n${text}`;
}

function partOf(file: string): Pod {
  const manifest = parse(readFileSync(file, 'utf8'), { merge: true }) as Manifest;
  return manifest.spec!.template!.spec as Pod;
}

/** Those of the component first, and what it mounts into others beside their own. */
function containersOf(sidecars: Pod, pod: Pod): Container[] {
  const others = new Map(pod.initContainers.map((container) => [container.name, container]));
  const own = sidecars.initContainers.map((container) => {
    const more = others.get(container.name)?.volumeMounts ?? [];
    return { ...container, volumeMounts: [...more, ...container.volumeMounts!] };
  });
  const names = own.map(({ name }) => name);
  return [...pod.initContainers.filter(({ name }) => !names.includes(name)), ...own];
}

/** Each is put before what is there, so the last one first. */
function addedAtTheFront(list: string, containers: readonly Container[]): string {
  return containers
    .toReversed()
    .map((container) =>
      operation(`/spec/${list}/0`, imageOf(celOf(container, `Object.spec.${list}`, INDENT))),
    )
    .join(',\n');
}

function addedAtTheEnd(list: string, volumes: readonly Volume[]): string {
  return volumes
    .map((each) => operation(`/spec/${list}/-`, celOf(each, `Object.spec.${list}`, INDENT)))
    .join(',\n');
}

function operation(path: string, value: string): string {
  return `${INDENT}JSONPatch{op: "add", path: "${path}", value: ${value}}`;
}

/** Which images those are, the policy says in its variables, where a site finds them. */
function imageOf(cel: string): string {
  return cel
    .replace('image: "countersign"', 'image: variables.verifierImage')
    .replace('image: "envoyproxy/envoy"', 'image: variables.envoyImage');
}
