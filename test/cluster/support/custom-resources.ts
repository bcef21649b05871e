/** Kinds of other projects in an API server of a test, from those projects' own definitions. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { find } from '../../support/audit/versity-server.js';
import { until } from '../../support/until.js';
import type { ApiServer } from './api-server.js';
import { objectsIn } from './kubernetes-object.js';

/** Folders of `scripts/mesh-crds.sh`. */
export type Project = 'cert-manager' | 'envoy-gateway' | 'gateway-api' | 'istio' | 'prometheus-operator';

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** Defines the kinds of those projects, and waits until objects of them are taken; some seconds for each. */
export async function defineKindsOf(api: ApiServer, ...projects: readonly Project[]): Promise<void> {
  const folder = find('mesh-crds.sh');
  for (const project of projects) {
    for (const file of readdirSync(join(folder, project))) {
      const objects = objectsIn(readFileSync(join(folder, project, file), 'utf8'));
      const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
      for (const definition of definitions) {
        const { refusal } = await api.create(definition);
        if (refusal !== '') throw new Error(`${project}/${file}: ${refusal}`);
      }
      for (const { metadata } of definitions) await isEstablished(api, metadata.name);
    }
  }
}

async function isEstablished(api: ApiServer, name: string): Promise<void> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  await until(`the kind ${name} is established`, async () => {
    const { status } = (await api.request('GET', path)).body as { status?: { conditions?: Condition[] } };
    return (
      status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false
    );
  });
}
