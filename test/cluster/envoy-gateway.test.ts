/** k8s/envoy-gateway before an API server with the kinds of Envoy Gateway, and before Envoy Gateway's own translator. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { issueCertificate, newCertificateKeys } from '../../src/pki/issue-certificate.js';
import { TRANSLATED_FILE } from '../e2e/support/envoy-gateway/static-bootstrap.js';
import { tool } from '../k8s/support/manifests.js';
import { ApiServer } from './support/api-server.js';
import { defineKindsOf } from './support/custom-resources.js';

const EXAMPLE = 'k8s/examples/envoy-gateway';
const rendered = (): string =>
  execFileSync(tool('kustomize.sh'), ['build', EXAMPLE], { encoding: 'utf8', stdio: 'pipe' });

describe('an API server that knows Envoy Gateway', () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start();
    await defineKindsOf(api, 'gateway-api', 'envoy-gateway');
  }, 240_000);

  afterAll(() => api.stop());

  it('takes the Gateway, its policies and the proxy', async () => {
    expect(await api.dryRun(rendered())).toEqual([]);
  });

  it.each([
    ['body: Buffered', 'body: Whole', /Whole/],
    ['failOpen: false', 'failOpened: false', /failOpened/],
    ['mode: Sanitize', 'mode: Sanitise', /Sanitise/],
  ])('would not take %s as %s', async (from, to, words) => {
    const text = rendered();
    expect(text).toContain(from);
    expect(await api.dryRun(text.replace(from, to))).toEqual([expect.stringMatching(words) as string]);
  });
});

describe("Envoy Gateway's translator", () => {
  const place = mkdtempSync(join(tmpdir(), 'cs-egctl-'));
  let input = '';

  beforeAll(async () => {
    input = await asOfACluster(rendered());
  });
  afterAll(() => rmSync(place, { recursive: true }));

  /** Rejects with what it says. */
  const translated = (manifest: string, to: string): string => {
    const file = join(place, 'manifest.yaml');
    writeFileSync(file, manifest);
    const options = ['x', 'translate', '--from', 'gateway-api', '--to', to, '-o', 'yaml', '-f', file];
    return execFileSync(tool('egctl.sh'), options, { encoding: 'utf8', stdio: 'pipe' });
  };

  it('makes of it what test/e2e/envoy-gateway.test.ts runs (UPDATE=1 writes that anew)', () => {
    const { xds } = parse(translated(input, 'xds')) as { xds: object };
    if (process.env['UPDATE'] === '1') writeFileSync(TRANSLATED_FILE, stringify({ xds }));
    expect({ xds }).toEqual(parse(readFileSync(TRANSLATED_FILE, 'utf8')));
  });

  it('says of every object that it is accepted', () => {
    const conditions = translated(input, 'gateway-api').match(/status: "(True|False|Unknown)"/g) ?? [];
    expect(conditions.length).toBeGreaterThan(5);
    expect(new Set(conditions)).toEqual(new Set(['status: "True"']));
  });

  it('refuses a field that there is not', () => {
    expect(() => translated(input.replace('failOpen: false', 'failOpened: false'), 'xds')).toThrow(
      /failOpened/,
    );
  });
});

/** With what a cluster would have beside it: an address of the Service, the certificate of the listener, the authority. */
async function asOfACluster(manifest: string): Promise<string> {
  const keys = newCertificateKeys();
  const dates = { notBefore: new Date(), notAfter: new Date(Date.now() + 86_400_000) };
  const issuer = { commonName: 'authority', keys };
  const authority = await issueCertificate(
    { commonName: 'authority', publicKey: keys.publicKey, role: 'authority', ...dates },
    issuer,
  );
  const own = newCertificateKeys();
  const certificate = await issueCertificate(
    { commonName: 'gateway', publicKey: own.publicKey, role: 'server', names: ['localhost'], ...dates },
    issuer,
  );
  const key = own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const metadata = (name: string) => ({ name, namespace: 'countersign' });
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata('countersign-client-ca'),
      data: { 'ca.crt': authority },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: metadata('countersign-tls'),
      data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
    },
  ];
  const addressed = manifest.replace('spec:\n  ports:', 'spec:\n  clusterIP: 10.1.1.1\n  ports:');
  return [addressed, ...objects.map((object) => stringify(object))].join('\n---\n');
}
