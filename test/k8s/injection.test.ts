/**
 * The injection policy is made from the sidecars of the component; what an API server makes of it is in
 * test/cluster/injection.test.ts. `UPDATE=1 npm run -s jest -- test/k8s/injection` writes it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { celOf } from './support/cel.js';
import { injectionPolicy, POLICY } from './support/injection.js';
import { judge } from './support/manifests.js';

it('the policy has the sidecars of the component (`UPDATE=1` writes it)', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(POLICY, injectionPolicy());
  expect(readFileSync(POLICY, 'utf8')).toBe(injectionPolicy());
});

it('the policy and its bindings are what Kubernetes’ schemas take', () => {
  expect(judge(readFileSync(POLICY, 'utf8'))).toEqual({ status: 0, stdout: '' });
});

it('its images are of this version, and of the Envoy that is tested', () => {
  const [policy] = parseAllDocuments(readFileSync(POLICY, 'utf8')).map(
    (document) => document.toJS() as object,
  );
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const envoy = /newTag: (distroless\S+)/.exec(readFileSync('k8s/sidecars/kustomization.yaml', 'utf8'))![1]!;
  expect(policy).toMatchObject({
    spec: {
      variables: expect.arrayContaining([
        { name: 'verifierImage', expression: `"countersign:${version}"` },
        { name: 'envoyImage', expression: `"envoyproxy/envoy:${envoy}"` },
      ]) as unknown,
    },
  });
});

it.each([
  ['text', 'a "b" \\', '"a \\"b\\" \\\\"'],
  ['a list', [1, 2], '[1, 2]'],
  ['an object of Kubernetes', { a: true }, 'Object.x{a: true}'],
  [
    'an object of the site',
    { secretName: 'countersign-tls' },
    'Object.x{secretName: variables.instance + "-countersign-tls"}',
  ],
  ['a map', { requests: { cpu: '1' } }, 'Object.x{requests: {"cpu": "1"}}'],
])('writes %s as CEL has it', (_what, value, cel) => {
  expect(celOf(value, 'Object.x')).toBe(cel);
});
