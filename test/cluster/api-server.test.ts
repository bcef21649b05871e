/** The API server of these suites judges as one in a cluster does. */
import { ApiServer } from './support/api-server.js';
import { defineKindsOf } from './support/custom-resources.js';

const CONFIG_MAP = `
apiVersion: v1
kind: ConfigMap
metadata: { name: some, namespace: elsewhere }
data: { key: value }
`;
const AUTOSCALER = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: some }
spec:
  minReplicas: 1
  maxReplicas: 2
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: some }
`;

describe('the API server', () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start();
  }, 180_000);

  afterAll(() => api.stop());

  it('takes good objects, and keeps none of a dry run', async () => {
    expect(await api.dryRun(`${CONFIG_MAP}---${AUTOSCALER}`)).toEqual([]);
    const { status } = await api.request('GET', '/api/v1/namespaces/elsewhere/configmaps/some');
    expect(status).toBe(404);
  });

  it.each([
    ['an unknown field', CONFIG_MAP.replace('\ndata:', '\ndate:'), /unknown field "date"/],
    ['a value out of range', AUTOSCALER.replace('maxReplicas: 2', 'maxReplicas: 0'), /maxReplicas/],
    ['an unknown kind', CONFIG_MAP.replace('ConfigMap', 'ConfigMop'), /knows no ConfigMop of v1/],
    ['a name that is none', CONFIG_MAP.replace('name: some', 'name: Some_Thing'), /RFC 1123/],
  ])('refuses %s', async (_what, manifest, words) => {
    expect(await api.dryRun(manifest)).toEqual([expect.stringMatching(words) as string]);
  });

  it('keeps what is applied', async () => {
    await api.apply(CONFIG_MAP);
    const { body } = await api.request('GET', '/api/v1/namespaces/elsewhere/configmaps/some');
    expect(body).toMatchObject({ data: { key: 'value' } });
  });

  it('knows the kinds of other projects once they are defined', async () => {
    const certificate = `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: some }
spec: { secretName: some, dnsNames: [orders.example], issuerRef: { name: some } }
`;
    expect(await api.dryRun(certificate)).toEqual([expect.stringMatching(/knows no Certificate/) as string]);
    const projects = [
      'cert-manager',
      'envoy-gateway',
      'gateway-api',
      'istio',
      'prometheus-operator',
    ] as const;
    await defineKindsOf(api, ...projects);
    expect(await api.dryRun(certificate)).toEqual([]);
    const broken = certificate.replace('secretName', 'secretNames');
    expect(await api.dryRun(broken)).toEqual([expect.stringMatching(/secretNames/) as string]);
  }, 300_000);
});
