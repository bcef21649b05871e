/** Under which path an API server keeps objects of a kind: it says so itself, also of kinds that are added later. */
import type { ApiAnswer, KubernetesObject } from './kubernetes-object.js';

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export class Resources {
  readonly #ask: (path: string) => Promise<ApiAnswer>;
  readonly #known = new Map<string, Resource>();

  constructor(ask: (path: string) => Promise<ApiAnswer>) {
    this.#ask = ask;
  }

  /** Undefined: the server knows no such kind. */
  async pathOf(object: KubernetesObject, namespace: string): Promise<string | undefined> {
    const { apiVersion } = object;
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resource = await this.#resource(group, object.kind);
    if (resource === undefined) return undefined;
    const within = resource.namespaced ? `/namespaces/${object.metadata.namespace ?? namespace}` : '';
    return `${group}${within}/${resource.name}`;
  }

  async #resource(group: string, kind: string): Promise<Resource | undefined> {
    const key = `${group} ${kind}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { resources = [] } = (await this.#ask(group)).body as { resources?: readonly Resource[] };
    // Those with a slash are parts of another, such as `pods/eviction`.
    const found = resources.find((each) => each.kind === kind && !each.name.includes('/'));
    if (found !== undefined) this.#known.set(key, found);
    return found;
  }
}
