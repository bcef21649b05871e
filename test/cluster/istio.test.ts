/** k8s/istio before an API server with the kinds of Istio, before istioctl, and before istiod's own code. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { translatedFile, type IstioVariant } from '../e2e/support/istio/static-bootstrap.js';
import { tool } from '../k8s/support/manifests.js';
import { ApiServer } from './support/api-server.js';
import { defineKindsOf } from './support/custom-resources.js';

const FOLDERS = [
  'k8s/examples/istio/ext-proc',
  'k8s/examples/istio/ext-authz',
  'k8s/istio/before-sidecar',
  'k8s/istio/waypoint',
];
const VARIANTS: readonly IstioVariant[] = ['ext-proc', 'ext-authz'];
const MESH_CONFIG = 'k8s/istio/ext-authz/mesh-config.yaml';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  /** With what is said on stderr. */
  readonly text: string;
}

function run(script: string, options: readonly string[], input = ''): Ran {
  const { status, stdout, stderr } = spawnSync(tool(script), options, { encoding: 'utf8', input });
  return { status, stdout, text: stdout + stderr };
}

function rendered(folder: string): string {
  const { status, stdout, text } = run('kustomize.sh', ['build', folder]);
  if (status !== 0) throw new Error(text);
  return stdout;
}

describe('an API server that knows Istio', () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start();
    await defineKindsOf(api, 'gateway-api', 'istio');
  }, 240_000);

  afterAll(() => api.stop());

  it.each(FOLDERS)('takes %s', async (folder) => {
    expect(await api.dryRun(rendered(folder))).toEqual([]);
  });

  it.each([
    ['mode: MUTUAL', 'mode: MUTUALLY', /MUTUALLY/],
    ['operation: INSERT_BEFORE', 'operation: INSERT_BESIDE', /INSERT_BESIDE/],
    ['workloadSelector:', 'workloadSelectors:', /workloadSelectors/],
  ])('would not take %s as %s', async (from, to, words) => {
    const text = rendered(FOLDERS[0]!);
    expect(text).toContain(from);
    expect(await api.dryRun(text.replace(from, to))).toEqual([expect.stringMatching(words) as string]);
  });
});

describe('istioctl', () => {
  const place = mkdtempSync(join(tmpdir(), 'cs-istio-'));
  afterAll(() => rmSync(place, { recursive: true }));

  function fileOf(text: string): string {
    const file = join(place, 'objects.yaml');
    writeFileSync(file, text);
    return file;
  }

  /** Without what is said of every EnvoyFilter: that it is one. */
  const besides = ({ text }: Ran, lines: RegExp): string[] =>
    text.split('\n').filter((line) => lines.test(line) && !line.includes('exposes internal implementation'));

  const validated = (text: string): string[] =>
    besides(run('istioctl.sh', ['validate', '--filename', fileOf(text)]), /^\t\* |^Error/);

  const analyzed = (text: string): string[] => {
    const options = [
      'analyze',
      '--use-kube=false',
      '--namespace',
      'countersign',
      '--meshConfigFile',
      MESH_CONFIG,
    ];
    return besides(run('istioctl.sh', [...options, fileOf(text + SITE)]), /^(?:Warning|Error) \[/);
  };

  it.each(FOLDERS)('finds no fault in %s', (folder) => {
    const text = rendered(folder);
    expect({ validated: validated(text), analyzed: analyzed(text) }).toEqual({ validated: [], analyzed: [] });
  });

  it('would find one in a patch', () => {
    const text = rendered(FOLDERS[0]!).replace('per_connection_buffer_limit_bytes', 'per_connection_bytes');
    expect(validated(text)).toEqual([expect.stringContaining('unknown field') as string]);
  });

  it('would find that a Gateway is missing', () => {
    const text = rendered(FOLDERS[0]!).replace('gateways:\n  - countersign', 'gateways:\n  - another');
    expect(analyzed(text)).toContainEqual(expect.stringContaining('IST0101'));
  });
});

describe("istiod's own code", () => {
  const translated = (text: string): object => {
    const ran = run('istio-translator.sh', [MESH_CONFIG], text + APPLICATION);
    if (ran.status !== 0) throw new Error(ran.text);
    return JSON.parse(ran.stdout) as object;
  };

  it.each(VARIANTS)('makes of %s what test/e2e/istio.test.ts runs (UPDATE=1 writes that anew)', (variant) => {
    const found = translated(rendered(`k8s/examples/istio/${variant}`));
    const file = translatedFile(variant);
    if (process.env['UPDATE'] === '1') writeFileSync(file, stringify(found));
    expect(found).toEqual(parse(readFileSync(file, 'utf8')));
  });

  it('lets nobody set the certificate header, which no EnvoyFilter could', () => {
    const text = rendered('k8s/examples/istio/ext-proc');
    const topology = 'gatewayTopology: { forwardClientCertDetails: SANITIZE }';
    expect(text).toContain(topology);
    expect(JSON.stringify(translated(text))).not.toContain('forwardClientCertDetails');
    expect(JSON.stringify(translated(text.replace(topology, '{}')))).toContain('SANITIZE_SET');
  });

  it('refuses everything where the provider is not in the mesh configuration', () => {
    const named = 'provider:\n    name: countersign';
    const text = rendered('k8s/examples/istio/ext-authz');
    expect(text).toContain(named);
    const found = JSON.stringify(translated(text.replace(named, 'provider:\n    name: other')));
    expect(found).toContain('deny-due-to-bad-CUSTOM-action');
    expect(found).not.toContain('extensions.filters.http.ext_authz.v3.ExtAuthz"');
  });
});

/** The Service of the application has an address, as in a cluster. */
const APPLICATION = `
---
${stringify({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: 'orders', namespace: 'countersign' },
  spec: {
    hosts: ['orders.countersign.svc.cluster.local'],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address: '10.1.1.1' }],
  },
})}`;

/** What a cluster has beside it, for the analyzers that look for it. */
const SITE = `
---
${stringify({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'countersign', labels: { 'istio-injection': 'enabled' } },
})}
---
${stringify({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/tls',
  metadata: { name: 'countersign-tls', namespace: 'countersign' },
  data: { 'tls.crt': '', 'tls.key': '' },
})}`;
