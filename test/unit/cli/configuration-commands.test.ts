import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { NOW_SECONDS, run } from './test-world.js';
import { serverPair } from '../config/workspace.js';

const FIXTURES = 'test/unit/config/fixtures';
const OWN_POLICIES = `${FIXTURES}/good/own-policies.yaml`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-cli-'));
  mkdirSync(join(directory, 'tls'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A configuration with an `envoy` section, its certificates in a directory of the test's own. */
async function envoyConfiguration(): Promise<string> {
  const producer = readFileSync(`${FIXTURES}/files/producer.pem`);
  const server = await serverPair();
  writeFileSync(join(directory, 'tls', 'server.crt'), server.certificate);
  writeFileSync(join(directory, 'tls', 'server.key'), server.key, { mode: 0o600 });
  writeFileSync(join(directory, 'tls', 'ca.crt'), producer);
  const file = join(directory, 'countersign.yaml');
  const envoy = [
    'envoy:',
    '  listener: { address: 127.0.0.1, port: 8443 }',
    '  health: { address: 127.0.0.1, port: 8444 }',
    '  admin: { address: 127.0.0.1, port: 9901 }',
    '  upstream: { address: 127.0.0.1, port: 9000 }',
    '  tls:',
    '    certificateFile: tls/server.crt',
    '    privateKeyFile: tls/server.key',
    '    clientCaFile: tls/ca.crt',
    '    sdsDirectory: run/sds',
    '  accessLog: access.ndjson',
    '  flood: { requestsPerSecondPerConnection: 0, connectionsPerSecond: 0 }',
  ];
  writeFileSync(file, `${readFileSync(OWN_POLICIES, 'utf8')}\n${envoy.join('\n')}\n`);
  return file;
}

describe('countersign check-config', () => {
  it('counts what a good file holds, and names every route that is not checked', async () => {
    const { code, out, err } = await run(['check-config', OWN_POLICIES]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('is good: 2 identities, 1 operator, 5 policies\n');
    expect(out).toContain('not checked: pages: GET /portal/… — pages of the portal have their own login\n');
  });

  it('prints the same as JSON', async () => {
    const { out } = await run(['check-config', '--json', '--config', OWN_POLICIES]);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      identities: 2,
      policies: ['bundle', 'order', 'orders', 'orders-read', 'pages'],
      pass_through: [{ policy: 'pages', methods: ['GET'], match: 'prefix', path: '/portal/' }],
    });
  });

  it('warns of an identity that may speak for every operator', async () => {
    const file = join(directory, 'open.yaml');
    writeFileSync(file, readFileSync(OWN_POLICIES, 'utf8').replace('operators: [operator-a]', ''));
    const { code, out } = await run(['check-config', file]);
    expect(code).toBe(0);
    expect(out).toMatch(/warning: identities\[0\]\S*: .*operator/);
  });

  describe('of report-only', () => {
    const day = 86_400_000;
    const at = (days: number): string => new Date(NOW_SECONDS * 1000 + days * day).toISOString();
    const whole = (days: number): string => at(days).replace('.000', '');
    const reporting = (...entries: readonly string[]): string => {
      const file = join(directory, 'reporting.yaml');
      writeFileSync(file, `${readFileSync(OWN_POLICIES, 'utf8')}\nreportOnly: [${entries.join(', ')}]\n`);
      return file;
    };
    const everybody = `{ until: ${at(2.56)}, reason: producers learn, checks: [pin_mismatch, header_missing] }`;
    const one = `{ until: ${at(0.05)}, reason: almost, policies: [order], identities: [producer-a], checks: [content_type] }`;
    const ended = `{ until: ${at(-1)}, reason: over, checks: [content_type] }`;

    it('says what is let pass, where, for whom, why and for how long', async () => {
      const { code, out } = await run(['check-config', reporting(everybody, one, ended)]);
      expect(code).toBe(0);
      expect(out.split('\n').filter((line) => line.startsWith('report-only: '))).toEqual([
        `report-only: until ${whole(2.56)} (2.5 days left): pin_mismatch, header_missing: on every signed policy, for everybody — producers learn`,
        `report-only: until ${whole(0.05)} (0 days left): content_type: on order, for producer-a — almost`,
      ]);
      expect(out).toContain('has ended');
    });

    it('has the same as JSON', async () => {
      const { out } = await run(['check-config', '--json', reporting(everybody, one, ended)]);
      expect((JSON.parse(out) as { report_only: unknown }).report_only).toEqual([
        {
          until: at(2.56),
          days_left: 2.5,
          reason: 'producers learn',
          checks: ['pin_mismatch', 'header_missing'],
        },
        {
          until: at(0.05),
          days_left: 0,
          reason: 'almost',
          checks: ['content_type'],
          policies: ['order'],
          identities: ['producer-a'],
        },
      ]);
    });

    it('has an empty list and no line where everything is enforced', async () => {
      const { out } = await run(['check-config', '--json', OWN_POLICIES]);
      expect(JSON.parse(out)).toMatchObject({ report_only: [] });
      expect((await run(['check-config', OWN_POLICIES])).out).not.toContain('report-only');
    });
  });

  it('lists the problems of a bad file on stderr', async () => {
    const file = join(directory, 'bad.yaml');
    writeFileSync(file, 'version: 1\nlistne: {}\n');
    const { code, out, err } = await run(['check-config', file]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('listne');
    expect(err).toMatch(/\d+ problems? in .*bad\.yaml\n$/);
  });

  it('lists them as JSON on stdout', async () => {
    const file = join(directory, 'bad.yaml');
    writeFileSync(file, 'version: 2\n');
    const { code, out, err } = await run(['check-config', '--json', file]);
    expect({ code, err }).toEqual({ code: 1, err: '' });
    const result = JSON.parse(out) as { ok: boolean; problems: { file: string; remedy: string }[] };
    expect(result.ok).toBe(false);
    expect(result.problems[0]?.file).toBe(file);
  });

  it('refuses a memory store that several workers would share', async () => {
    const file = join(directory, 'memory.yaml');
    writeFileSync(file, `${readFileSync(OWN_POLICIES, 'utf8')}\nnonces: { store: memory }\n`);
    expect((await run(['check-config', file])).code).toBe(0);
    const { code, err } = await run(['check-config', file, '--workers', '2']);
    expect(code).toBe(1);
    expect(err).toContain('nonces');
  });
});

describe('countersign serve', () => {
  it('does not start with a bad configuration', () => {
    const file = join(directory, 'bad.yaml');
    writeFileSync(file, 'version: 2\n');
    const { status, stderr } = spawnSync(process.execPath, ['dist/src/main.js', 'serve', '--config', file], {
      encoding: 'utf8',
    });
    expect(status).toBe(3);
    expect(stderr).toContain('version');
  });
});

describe('countersign envoy-config', () => {
  it('prints the bootstrap, and writes the SDS files that it names', async () => {
    const { code, out, err } = await run(['envoy-config', await envoyConfiguration()]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const sds = join(directory, 'run', 'sds');
    expect(readdirSync(sds).sort()).toEqual(['sds-client-ca.yaml', 'sds-server.yaml']);
    for (const name of readdirSync(sds)) expect(out).toContain(join(sds, name));
    expect(readFileSync(join(sds, 'sds-server.yaml'), 'utf8')).toContain(
      join(directory, 'tls', 'server.key'),
    );
    expect(readFileSync(join(sds, 'sds-client-ca.yaml'), 'utf8')).toContain(join(directory, 'tls', 'ca.crt'));
  });

  it('carries over ports, socket, limits and every policy', async () => {
    const { out } = await run(['envoy-config', '--config', await envoyConfiguration()]);
    const text = JSON.stringify(parse(out));
    for (const port of [8443, 8444, 9901, 9000]) expect(text).toContain(`"port_value":${port}`);
    expect(text).toContain(join(directory, 'verifier.sock'));
    for (const policy of ['bundle', 'order', 'orders', 'orders-read', 'pages'])
      expect(text).toContain(`"countersign_policy":"${policy}"`);
  });

  it('turns the flood guard off as a whole with 0', async () => {
    const { out } = await run(['envoy-config', await envoyConfiguration()]);
    expect(out).not.toContain('local_ratelimit');
  });

  it('writes where it is told to', async () => {
    const [bootstrap, sds] = [join(directory, 'envoy.yaml'), join(directory, 'elsewhere')];
    const { code, out } = await run([
      'envoy-config',
      await envoyConfiguration(),
      '--out',
      bootstrap,
      '--sds',
      sds,
    ]);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(readFileSync(bootstrap, 'utf8')).toContain(join(sds, 'sds-server.yaml'));
    expect(readdirSync(sds)).toHaveLength(2);
    expect(readdirSync(directory).sort()).toEqual(['countersign.yaml', 'elsewhere', 'envoy.yaml', 'tls']);
  });

  it('writes no SDS files with --no-sds', async () => {
    await run(['envoy-config', await envoyConfiguration(), '--no-sds']);
    expect(readdirSync(directory)).not.toContain('run');
  });

  it('prints parts for an Envoy of somebody else, a document for each place, and writes nothing', async () => {
    const { code, out, err } = await run([
      ...['envoy-config', await envoyConfiguration(), '--only', 'filters,clusters,listener,secrets'],
    ]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const documents = out.split('---\n').map((text) => Object.keys(parse(text) as object));
    expect(documents).toEqual([['http_filters'], ['static_resources'], ['resources'], ['resources']]);
    expect(readdirSync(directory)).not.toContain('run');
  });

  it('writes each part into a file of its own', async () => {
    const into = join(directory, 'parts');
    const only = ['--only', 'clusters,secrets,listener,routes', '--xds', '--into', into];
    const { code, out } = await run(['envoy-config', await envoyConfiguration(), ...only]);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    const files = ['clusters.yaml', 'listener.yaml', 'routes.yaml', 'sds-client-ca.yaml', 'sds-server.yaml'];
    expect(readdirSync(into).sort()).toEqual(files);
    for (const file of files) {
      const { resources } = parse(readFileSync(join(into, file), 'utf8')) as { resources: object[] };
      for (const resource of resources) expect(resource).toHaveProperty(['@type']);
    }
  });

  it.each([
    ['a part that there is not', ['--only', 'filters,cluster'], 'there is no "cluster"'],
    ['no part', ['--only', ''], 'there is no ""'],
    ['resources of nothing', ['--xds'], '--xds without --only'],
    [
      'resources of what is none',
      ['--xds', '--only', 'clusters,filters'],
      '--xds: filters is no resource of LDS, RDS, CDS or SDS',
    ],
    ['an address that is none', ['--address', 'localhost'], 'is no IP address'],
    ['an IPv4 address in IPv6', ['--address', '::ffff:10.0.0.1'], 'inside an IPv6 one'],
    ['an address twice', ['--address', '::1,0:0::1'], 'twice'],
    ['no address', ['--address', ''], 'is no IP address'],
  ])('refuses %s', async (_title, options, words) => {
    const { code, out, err } = await run(['envoy-config', await envoyConfiguration(), ...options]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
    expect(readdirSync(directory)).not.toContain('run');
  });

  it('listens where it is told to, with both listeners, and nowhere else', async () => {
    const { out } = await run(['envoy-config', await envoyConfiguration(), '--no-sds', '--address', '::']);
    const { listeners } = (parse(out) as { static_resources: { listeners: Record<string, unknown>[] } })
      .static_resources;
    expect(listeners.map(({ address }) => address)).toEqual([
      { socket_address: { address: '::', port_value: 8443 } },
      { socket_address: { address: '::', port_value: 8444 } },
    ]);
    expect(JSON.stringify(listeners.map(({ additional_addresses: others }) => others))).not.toContain(
      'socket_address',
    );
  });

  it('says that there is no envoy section', async () => {
    const { code, err } = await run(['envoy-config', OWN_POLICIES]);
    expect(code).toBe(3);
    expect(err).toContain('has no "envoy" section');
  });

  it('refuses a bad configuration with its problems', async () => {
    const file = join(directory, 'bad.yaml');
    writeFileSync(file, 'version: 2\n');
    const { code, out, err } = await run(['envoy-config', file]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('version');
  });
});

describe('countersign import-env', () => {
  it('prints a configuration that check-config takes, and names what it left out', async () => {
    const { code, out, err } = await run(['import-env', `${FIXTURES}/good/gateway.env`]);
    expect(code).toBe(0);
    expect(err).toMatch(/^note: .*VV_TG_NATS_URL/m);
    expect(out + err).not.toContain('hunter2');
    const file = join(directory, 'imported.yaml');
    writeFileSync(file, out);
    expect(await run(['check-config', file])).toMatchObject({ code: 0, err: '' });
  });

  it('writes it to a file', async () => {
    const file = join(directory, 'imported.yaml');
    const { out } = await run(['import-env', `${FIXTURES}/good/gateway.env`, '--out', file]);
    expect(out).toBe('');
    expect(readFileSync(file, 'utf8')).toContain('producer-a');
  });

  it.each([
    [
      'a comment behind a switch',
      (text: string) => text.replace('VERSION=true', 'VERSION=1   # strict'),
      /:14 /,
    ],
    ['a byte-order mark', (text: string) => `\ufeff${text}`, /:1: begins with a byte-order mark/],
  ])('refuses %s with its line, and writes nothing', async (_title, change, place) => {
    const [source, target] = [join(directory, 'doubtful.env'), join(directory, 'imported.yaml')];
    writeFileSync(source, change(readFileSync(`${FIXTURES}/good/gateway.env`, 'utf8')));
    const { code, err } = await run(['import-env', source, '--out', target]);
    expect(code).toBe(1);
    expect(err).toMatch(place);
    expect(readdirSync(directory)).not.toContain('imported.yaml');
  });

  it('refuses an unsigned mode, and writes nothing', async () => {
    const [source, target] = [join(directory, 'g.env'), join(directory, 'imported.yaml')];
    const text = readFileSync(`${FIXTURES}/good/gateway.env`, 'utf8').replace(
      'REQUIRE_MTLS=1',
      'REQUIRE_MTLS=0',
    );
    writeFileSync(source, text);
    const { code, err } = await run(['import-env', source, '--out', target]);
    expect(code).toBe(1);
    expect(err).toContain('VV_TG_REQUIRE_MTLS');
    expect(readdirSync(directory)).not.toContain('imported.yaml');
  });
});
