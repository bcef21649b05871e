import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { renderBootstrap } from '../../src/envoy-config/bootstrap.js';
import { DEFAULT_BOOTSTRAP_OPTIONS, type BootstrapOptions } from '../../src/envoy-config/options.js';
import { DEFAULT_CLIENT_CA_SDS_OPTIONS, renderClientCaSds } from '../../src/envoy-config/tls.js';

/** Where the committed files expect certificates and SDS files; moved under a folder of the test. */
const INSTALLED = '/etc/countersign';

const off = {
  requestsPerSecondPerConnection: 0,
  requestsPerSecond: 0,
  connectionsPerSecond: 0,
};
const variants: [title: string, changes: Partial<BootstrapOptions>][] = [
  ['no routes at all', { routes: [] }],
  [
    'no signed answers',
    { routes: DEFAULT_BOOTSTRAP_OPTIONS.routes.map((route) => ({ ...route, answer: 'as_is' })) },
  ],
  ['signed answers of up to 64 MiB', { maxAnswerBytes: 67_108_864 }],
  ['the flood guard off', { flood: off }],
  [
    'a flood guard of one a second',
    { flood: { ...off, requestsPerSecond: 1, requestsPerSecondPerConnection: 1, connectionsPerSecond: 1 } },
  ],
  ['no health listener', { healthListener: undefined }],
  [
    'two verifiers',
    { verifierSocketPaths: ['/run/countersign/verifier-0.sock', '/run/countersign/verifier-1.sock'] },
  ],
  ['an upstream by host name', { upstream: { address: 'localhost', port: 9000 } }],
  ['IPv6', { listener: { address: '::1', port: 8443 }, upstream: { address: '::1', port: 9000 } }],
  [
    'policies whose names are no text in YAML 1.1',
    {
      routes: ['on', 'n', 'Y', 'off', 'null', 'true', '0x1F', '1e3', '010', '1.5', '1_000', '12-30'].map(
        (policy) => ({ policy, kind: 'exact', path: `/${policy}`, methods: ['POST'] }),
      ),
    },
  ],
  [
    'listeners at several addresses of both families',
    {
      listener: { address: ['127.0.0.1', '::1', '192.0.2.1'], port: 8443 },
      healthListener: { address: ['::', '0.0.0.0'], port: 8080 },
    },
  ],
  [
    'a client certificate that may be left out',
    { tls: { ...DEFAULT_BOOTSTRAP_OPTIONS.tls, clientCertificate: 'optional' } },
  ],
  ['a body limit of one byte', { maxBodyBytes: 1 }],
  ['a body limit of 64 MiB', { maxBodyBytes: 67_108_864 }],
  [
    'prefixes and policies that share a path',
    {
      routes: [
        { policy: 'get', kind: 'exact', path: '/a;x="1"', methods: ['GET'] },
        { policy: 'post', kind: 'exact', path: '/a;x="1"', methods: ['POST', 'PUT'] },
        { policy: 'portal', kind: 'prefix', path: '/portal/', methods: ['GET'] },
      ],
    },
  ],
];

/** The last line that the script prints is the path of an Envoy. */
function findEnvoy(...parameters: string[]): string {
  const output = execFileSync('scripts/envoy.sh', parameters, { encoding: 'utf8', stdio: 'pipe' });
  return output.trimEnd().split('\n').at(-1)!;
}

describe.each([
  ['the Envoy to run', []],
  ['Envoy 1.36', ['--version-line', '1.36']],
])('%s accepts', (_title, parameters) => {
  let envoy: string;
  let directory: string;

  beforeAll(() => {
    envoy = findEnvoy(...parameters);
    directory = mkdtempSync(join(tmpdir(), 'countersign-envoy-'));
    mkdirSync(join(directory, 'tls'));
    mkdirSync(join(directory, 'envoy'));
    makeCertificate(join(directory, 'tls'));
    install('sds-server.yaml', readFileSync('envoy/sds-server.yaml', 'utf8'));
    install('sds-client-ca.yaml', readFileSync('envoy/sds-client-ca.yaml', 'utf8'));
  }, 120_000);

  afterAll(() => rmSync(directory, { recursive: true }));

  /** Writes `text` where its paths point once they are under the test's folder. */
  function install(name: string, text: string): string {
    const file = join(directory, 'envoy', name);
    writeFileSync(file, text.replaceAll(INSTALLED, directory));
    return file;
  }

  function validate(text: string) {
    const file = install('under-test.yaml', text);
    const { status, stderr } = spawnSync(envoy, ['--mode', 'validate', '-l', 'warning', '-c', file], {
      encoding: 'utf8',
    });
    return { status, stderr };
  }

  it('envoy/bootstrap.yaml without a warning', () => {
    expect(validate(readFileSync('envoy/bootstrap.yaml', 'utf8'))).toEqual({ status: 0, stderr: '' });
  });

  it.each(variants)('a bootstrap with %s', (_variant, changes) => {
    const text = renderBootstrap({ ...DEFAULT_BOOTSTRAP_OPTIONS, ...changes });
    expect(validate(text)).toEqual({ status: 0, stderr: '' });
  });

  // Validation does not read SDS files, so their secrets are put where it does look.
  it.each([
    ['envoy/sds-server.yaml', () => readFileSync('envoy/sds-server.yaml', 'utf8')],
    ['envoy/sds-client-ca.yaml', () => readFileSync('envoy/sds-client-ca.yaml', 'utf8')],
    [
      'a client CA with a revocation list',
      () =>
        renderClientCaSds({
          ...DEFAULT_CLIENT_CA_SDS_OPTIONS,
          revocationListFile: `${INSTALLED}/tls/client-ca.crl`,
        }),
    ],
    [
      'a client CA for certificates that may be left out',
      () => renderClientCaSds({ ...DEFAULT_CLIENT_CA_SDS_OPTIONS, clientCertificate: 'optional' }),
    ],
  ])('the secret of %s', (_name, read) => {
    const { resources } = parse(read()) as { resources: Record<string, unknown>[] };
    const secrets = resources.map((secret) => ({ ...secret, '@type': undefined }));
    expect(validate(stringify({ static_resources: { secrets } }))).toEqual({ status: 0, stderr: '' });
  });

  it('but refuses a bootstrap with an unknown field, so that its yes means something', () => {
    const text = renderBootstrap(DEFAULT_BOOTSTRAP_OPTIONS).replace('pack_as_bytes', 'pack_as_byte');
    expect(validate(text).status).toBe(1);
  });
});

/** One self-signed certificate serves as server certificate and as client CA; with an empty revocation list. */
function makeCertificate(directory: string): void {
  const openssl = (...parameters: string[]) =>
    execFileSync('openssl', parameters, { cwd: directory, stdio: 'pipe' });
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-keyout', 'server.key', '-out', 'server.pem'],
  );
  writeFileSync(join(directory, 'client-ca.pem'), readFileSync(join(directory, 'server.pem')));
  writeFileSync(join(directory, 'index.txt'), '');
  writeFileSync(
    join(directory, 'ca.cnf'),
    '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=2\n',
  );
  openssl(
    ...['ca', '-gencrl', '-config', 'ca.cnf', '-keyfile', 'server.key', '-cert', 'server.pem'],
    ...['-out', 'client-ca.crl'],
  );
}
