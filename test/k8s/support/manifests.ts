/** What the manifests say once a real kustomize has put them together, as far as the tests read them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';

/** The overlays that are applied. */
export const OVERLAYS = ['single', 'replicated'] as const;
export type Overlay = (typeof OVERLAYS)[number];

export interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

export interface Probe {
  readonly exec?: { readonly command: readonly string[] };
  readonly httpGet?: { readonly port: string | number; readonly path: string };
  readonly tcpSocket?: { readonly port: string | number };
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: {
    readonly preStop?: {
      readonly exec?: { readonly command: readonly string[] };
      readonly sleep?: { readonly seconds: number };
    };
  };
  readonly securityContext?: SecurityContext;
  readonly resources?: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

/** A reference to a ConfigMap or Secret, and the keys of it that are wanted (all, without `items`). */
export interface VolumeSource {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[];
  readonly defaultMode?: number;
  readonly optional?: boolean;
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string };
  readonly ephemeral?: object;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly secret?: VolumeSource;
  readonly configMap?: VolumeSource;
  readonly projected?: {
    readonly defaultMode?: number;
    readonly sources: readonly { readonly secret?: VolumeSource; readonly configMap?: VolumeSource }[];
  };
}

export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: SecurityContext;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
}

interface PodTemplate {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template?: PodTemplate } & Readonly<Record<string, unknown>>;
}

/** The path of a tool that one of our scripts finds or builds: the last line that it prints. */
export function tool(script: string): string {
  const output = execFileSync(`scripts/${script}`, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return output.trimEnd().split('\n').at(-1)!;
}

/** The overlay as YAML. Throws with kustomize's words when it cannot be put together. */
export function renderOverlay(overlay: Overlay): string {
  return execFileSync(tool('kustomize.sh'), ['build', `k8s/overlays/${overlay}`], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

/** kubeconform's verdict on a text, by Kubernetes' own schemas. */
export function judge(text: string) {
  const location = `${tool('kubernetes-schemas.sh')}/{{.ResourceKind}}{{.KindSuffix}}.json`;
  const parameters = ['-strict', '-schema-location', location, '-'];
  const { status, stdout } = spawnSync(tool('kubeconform.sh'), parameters, { encoding: 'utf8', input: text });
  return { status, stdout };
}

/** Every object of a rendered overlay; numbers are read as Kubernetes reads them (YAML 1.1). */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS() as Manifest);
}

/** The one object of that kind and name; a generated name may have a suffix. */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find(
    (each) =>
      each.kind === kind &&
      (each.metadata.name === name || each.metadata.name.replace(/-[a-z0-9]{10}$/, '') === name),
  );
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

/** Every pod that an overlay describes, by the name of what makes it. */
export function podsOf(manifests: readonly Manifest[]): [name: string, pod: PodSpec][] {
  return manifests.flatMap(({ metadata, spec }): [string, PodSpec][] =>
    spec?.template === undefined ? [] : [[metadata.name, spec.template.spec]],
  );
}

export function containersOf(pod: PodSpec): Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}
