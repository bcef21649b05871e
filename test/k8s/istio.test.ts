/**
 * What of `k8s/istio` comes from elsewhere: the EnvoyFilters from the code of our own bootstrap, the verifier from k8s/sidecars.
 * `UPDATE=1 npm run -s jest -- test/k8s/istio` writes the EnvoyFilters anew.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { ISTIO_FILTERS, istioFilterText } from './support/istio.js';
import { manifestsOf, tool, type PodSpec } from './support/manifests.js';

describe.each(ISTIO_FILTERS)('$file', (filter) => {
  const text = istioFilterText(filter);
  if (process.env['UPDATE'] === '1') writeFileSync(filter.file, text);

  it('is what our own bootstrap is made of', () => {
    expect(parse(readFileSync(filter.file, 'utf8'))).toEqual(parse(text));
  });
});

describe.each(['examples/istio/ext-proc', 'examples/istio/ext-authz', 'istio/before-sidecar'])(
  'the verifier in the pod of %s',
  (folder) => {
    const text = execFileSync(tool('kustomize.sh'), ['build', `k8s/${folder}`], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    const specs = manifestsOf(text)
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ spec }) => spec!.template!.spec)
      .filter(({ initContainers = [] }) => initContainers.length > 0);
    const [own] = parseAllDocuments(readFileSync('k8s/sidecars/sidecars.yaml', 'utf8'), { merge: true }).map(
      (document) => (document.toJS() as { spec: { template: { spec: PodSpec } } }).spec.template.spec,
    );

    it('is that of every other pod, alone, under a user of its own; Istio drains its proxy itself', () => {
      const verifier = own?.initContainers?.find(({ name }) => name === 'verifier');
      const { lifecycle, ...rest } = { ...verifier! };
      expect(lifecycle).toBeDefined();
      expect(specs.map(({ initContainers }) => initContainers)).toEqual([
        [
          {
            ...rest,
            image: 'countersign:0.1.0',
            securityContext: { ...rest.securityContext, runAsUser: 65_531 },
          },
        ],
      ]);
    });

    it('mounts no volume that there is not', () => {
      for (const { volumes = [], containers, initContainers = [] } of specs) {
        const mounts = [...containers, ...initContainers].flatMap(({ volumeMounts = [] }) => volumeMounts);
        const names = volumes.map(({ name }) => name);
        expect(mounts.map(({ name }) => name).filter((name) => !names.includes(name))).toEqual([]);
      }
    });

    it('gets no key of the listener', () => {
      expect(specs.map(({ volumes }) => volumes?.map(({ name }) => name).sort())).toEqual([
        [
          ...own!.volumes!.map(({ name }) => name).filter((name) => name !== 'verifier-tls'),
          'verifier-audit-log',
        ].sort(),
      ]);
    });
  },
);
