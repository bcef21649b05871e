/** Objects of Kubernetes as a manifest has them, and what an API server answers about one. */
import { parseAllDocuments } from 'yaml';

/** An object as Kubernetes has them; what else is in it depends on its kind. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string } & Readonly<
    Record<string, unknown>
  >;
  readonly [field: string]: unknown;
}

/** What the server answered. `body`: the object as it would be kept, or a Status that says what is wrong. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** `kind/name: message` of a refusal, else an empty text. */
  readonly refusal: string;
}

/** The objects of a text of YAML documents; as Kubernetes reads them (YAML 1.1), without empty ones. */
export function objectsIn(manifest: string): KubernetesObject[] {
  return parseAllDocuments(manifest, { version: '1.1' }).flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw fault;
    const object = document.toJS({ maxAliasCount: -1 }) as KubernetesObject | null;
    return object === null ? [] : [object];
  });
}
