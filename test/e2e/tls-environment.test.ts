/** What every client of ours tells a TLS server that it must not trust, under every variable that could talk it into that. */
import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { repositoryRoot } from '../../tools/local-federation/layout.js';
import { clientTls, makeTlsFiles, type Party, type TlsFiles } from '../unit/client/tls-files.js';
import { until } from '../support/until.js';

const DIST = join(repositoryRoot(), 'dist');

/** A TLS server that listens, and never answers. */
interface Listening {
  readonly port: number;
  connections: number;
  received: number;
  close(): void;
}

async function listen(party: Party, options: TlsOptions = {}): Promise<Listening> {
  const [cert, key] = [readFileSync(party.certificateFile), readFileSync(party.keyFile)];
  const server = createServer({ cert, key, ...options });
  const listening: Listening = { port: 0, connections: 0, received: 0, close: () => server.close() };
  server.on('connection', (socket: Socket) => {
    listening.connections += 1;
    // The test's process ends without it.
    socket.unref();
  });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => (listening.received += bytes.length));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(listening, { port: (server.address() as AddressInfo).port });
}

let files: TlsFiles;
let honest: Listening;
let impostor: Listening;
let old: Listening;

beforeAll(async () => {
  files = makeTlsFiles();
  writeFileSync(join(files.directory, 'body.json'), '{}');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(files.directory, 'signing.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  });
  honest = await listen(files.server);
  impostor = await listen(files.stranger);
  old = await listen(files.server, {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'ALL:@SECLEVEL=0',
  });
});
afterAll(() => {
  for (const server of [honest, impostor, old]) server.close();
  rmSync(files.directory, { recursive: true });
});

type Environment = Readonly<Record<string, string>>;

/** How a client is started that is to reach a port. */
type Client = (port: number) => readonly string[];

/** What makes a module of ours do something, in the words of that module. */
const script = (text: string): readonly string[] => ['--input-type=module', '-e', text];

function sendOnce(ca: string): Client {
  return (port) => {
    const options = {
      url: `https://localhost:${port}/`,
      headers: {},
      tls: { ...clientTls(files.client, files.ca), ca },
    };
    return script(
      `const { sendSigned } = await import('${DIST}/src/client/index.js');
       await sendSigned({ ...${JSON.stringify(options)}, body: Buffer.from('{}') });`,
    );
  };
}

function command(port: number): readonly string[] {
  const { client, ca, directory } = files;
  return [
    ...[join(DIST, 'src/main.js'), 'send', `https://localhost:${port}/`, '--ca', ca.certificateFile],
    ...['--cert', client.certificateFile, '--key', client.keyFile, '--identity', 'producer-a'],
    ...['--signing-key', join(directory, 'signing.key'), '--body', join(directory, 'body.json')],
  ];
}

const gateway: Client = (port) =>
  script(
    `const { Gateway } = await import('${DIST}/tools/local-federation/producer.js');
     const gateway = new Gateway('https://localhost:${port}', ${JSON.stringify(clientTls(files.client, files.ca).ca)});
     await gateway.send({}, { method: 'GET', path: '/', headers: {}, body: Buffer.alloc(0) });
     gateway.close();`,
  );

/** Ends when it is ended: it tries to connect again and again. */
function redis(deployment: (address: object) => object, ca: 'given' | 'none' = 'given'): Client {
  return (port) => {
    const authority = ca === 'given' ? clientTls(files.client, files.ca).ca : undefined;
    const settings = {
      deployment: deployment({ host: 'localhost', port }),
      database: 0,
      tls: { authority },
      keyPrefix: 'countersign',
      timeoutMilliseconds: 200,
      waitReplicas: 0,
    };
    return script(
      `const { RedisConnection } = await import('${DIST}/src/storage/redis/connection.js');
       new RedisConnection({ ...${JSON.stringify(settings)}, password: () => 'secret' });
       setInterval(() => undefined, 1000);`,
    );
  };
}

const standalone = (address: object): object => ({ kind: 'standalone', address });
const sentinel = (address: object): object => ({ kind: 'sentinel', master: 'main', addresses: [address] });
const cluster = (address: object): object => ({ kind: 'cluster', addresses: [address] });

const clients: readonly (readonly [string, () => Client])[] = [
  ['countersign send', () => command],
  ['sendSigned', () => sendOnce(clientTls(files.client, files.ca).ca)],
  ['the producer of the local federation', () => gateway],
  ['a client of one Redis', () => redis(standalone)],
  ['a client of sentinels', () => redis(sentinel)],
  ['a client of a Redis cluster', () => redis(cluster)],
];

/** Runs a client in an environment until `done`, or until it has ended by itself. */
async function run(args: readonly string[], environment: Environment, done: () => boolean): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: 'ignore',
  });
  try {
    const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
    await until('the client has tried', () => done() || ended());
  } finally {
    child.kill('SIGKILL');
  }
}

/** A client of sentinels makes two connections at a time; further ones mean that the first are over. */
const TRIES = 4;

/** Lets the client try until it gives up, or goes on trying. */
async function expectNothingTold(server: Listening, client: Client, environment: Environment): Promise<void> {
  const { connections, received } = server;
  await run(client(server.port), environment, () => server.connections >= connections + TRIES);
  expect(server.connections).toBeGreaterThan(connections);
  expect(server.received).toBe(received);
}

const careless = (): Environment[] => [
  { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  { NODE_EXTRA_CA_CERTS: files.otherCa.certificateFile },
  { NODE_OPTIONS: '--use-openssl-ca', SSL_CERT_FILE: files.otherCa.certificateFile },
];

describe.each(clients)('%s', (_name, make) => {
  test('reaches a server of its authority', async () => {
    const before = honest.received;
    await run(make()(honest.port), {}, () => honest.received > before);
    expect(honest.received).toBeGreaterThan(before);
  });

  test('tells a server of another authority nothing, whatever the environment says', async () => {
    for (const environment of careless()) await expectNothingTold(impostor, make(), environment);
  });

  test('speaks no older TLS than 1.2, whatever NODE_OPTIONS allows', async () => {
    const NODE_OPTIONS = '--tls-min-v1.0 --tls-cipher-list=ALL:@SECLEVEL=0';
    await expectNothingTold(old, make(), { NODE_OPTIONS, NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  });
});

test('a Redis without an authority of its own is held to those of Node, and the environment adds none', async () => {
  for (const environment of careless())
    await expectNothingTold(impostor, redis(standalone, 'none'), environment);
});

test('serve says that the variable is set, and that it changes nothing', async () => {
  const file = join(files.directory, 'countersign.yaml');
  writeFileSync(file, readFileSync('test/unit/config/fixtures/good/minimal.yaml'));
  let log = '';
  const child = spawn(process.execPath, [join(DIST, 'src/main.js'), 'serve', '--config', file], {
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  try {
    await until(
      'it is said',
      () => log.includes('NODE_TLS_REJECT_UNAUTHORIZED=0') || child.exitCode !== null,
    );
    expect(log).toContain('servers are verified all the same');
  } finally {
    child.kill('SIGKILL');
  }
});

test.each(['', ' ', 'no certificate'])(
  'sendSigned with the CA %j never falls back on the system’s',
  async (ca) => {
    const { connections } = impostor;
    const NODE_EXTRA_CA_CERTS = files.otherCa.certificateFile;
    const environment = {
      NODE_OPTIONS: '--use-openssl-ca',
      SSL_CERT_FILE: NODE_EXTRA_CA_CERTS,
      NODE_EXTRA_CA_CERTS,
    };
    await run(sendOnce(ca)(impostor.port), environment, () => false);
    expect(impostor.connections).toBe(connections);
  },
);
