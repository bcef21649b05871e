/** The verifier beside a proxy of Envoy Gateway is that of every other pod of ours, but for what its place demands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Container, PodSpec } from './support/manifests.js';
import { sidecarsOf } from './support/sidecars.js';

const documents = (file: string): object[] =>
  parseAllDocuments(readFileSync(join('k8s', file), 'utf8'), { merge: true }).map(
    (document) => document.toJS() as object,
  );

interface Proxy {
  readonly spec: {
    readonly provider: {
      readonly kubernetes: {
        readonly envoyDeployment: {
          readonly pod: Pick<PodSpec, 'volumes'>;
          readonly initContainers: readonly Container[];
        };
      };
    };
  };
}

const [sidecars] = documents('sidecars/sidecars.yaml') as [{ spec: { template: { spec: PodSpec } } }];
const [proxy] = documents('envoy-gateway/proxy.yaml') as [Proxy];
const { pod, initContainers } = proxy.spec.provider.kubernetes.envoyDeployment;
const ours = sidecarsOf(sidecars.spec.template.spec);
const theirs = sidecarsOf({ ...pod, initContainers } as PodSpec);

describe('the verifier beside a proxy of Envoy Gateway', () => {
  it('is the same container, under a user of its own, and leaves draining to Envoy Gateway', () => {
    const [own] = ours.containers.filter(({ name }) => name === 'verifier');
    const { containers } = theirs;
    expect(containers.map(({ lifecycle }) => lifecycle)).toEqual([undefined]);
    expect(containers.map((container) => ({ ...container, lifecycle: own?.lifecycle }))).toEqual([
      {
        ...own,
        image: 'countersign:0.1.0',
        securityContext: { ...own?.securityContext, runAsUser: 65_531 },
      },
    ]);
  });

  it('has the same volumes; the log goes with the pod, and no key of the listener is among them', () => {
    const volumes = ours.volumes.filter(({ name }) => !['verifier-tls', 'verifier-redis'].includes(name));
    expect(theirs.volumes.filter(({ name }) => name !== 'verifier-audit-log')).toEqual(volumes);
  });
});
