/** The command line against a real gateway: what `send` says of an answer is true of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PATHS, telemetryBody } from '../../tools/local-federation/bodies.js';
import { PRODUCER_A } from '../../tools/local-federation/parties.js';
import { newNonce } from '../../tools/local-federation/producer.js';
import { until } from '../support/until.js';
import { countersign, COUNTERSIGN, runProgram, type CommandRun } from './support/command.js';
import { nowSeconds } from './support/requests.js';
import { answering, ScriptedApplication } from './support/scripted-application.js';
import { crash } from './support/signals.js';
import { Stage } from './support/stage.js';

const ACCEPTED = answering(202, JSON.stringify({ accepted: true }));

let application: ScriptedApplication;
let stage: Stage;
let folder: string;
let connection: readonly string[];

beforeAll(async () => {
  application = await ScriptedApplication.start();
  stage = await Stage.open({ upstream: application.address });
  folder = mkdtempSync(join(tmpdir(), 'countersign-'));
  const { environment } = stage.federation;
  connection = [
    ...[`${environment.COUNTERSIGN_URL}${PATHS.telemetry}`, '--ca', environment.COUNTERSIGN_CA_FILE],
    ...[
      '--cert',
      environment.COUNTERSIGN_CLIENT_CERT_FILE,
      '--tls-key',
      environment.COUNTERSIGN_CLIENT_KEY_FILE,
    ],
    ...['--signing-key', environment.COUNTERSIGN_SIGNING_KEY_FILE],
    ...['--identity', environment.COUNTERSIGN_SERVICE_IDENTITY],
  ];
}, 120_000);
afterAll(async () => {
  await stage.close();
  await application.close();
  rmSync(folder, { recursive: true });
}, 90_000);
beforeEach(() => (application.script = ACCEPTED));

/** A telemetry event and the arguments with which it is sent, the same bytes every time. */
function event(): readonly string[] {
  const [timestamp, nonce] = [nowSeconds(), newNonce()];
  const file = join(folder, `${nonce}.json`);
  writeFileSync(file, JSON.stringify(telemetryBody(PRODUCER_A, { timestamp, nonce })));
  return ['--body', file, '--timestamp', String(timestamp), '--nonce', nonce];
}

const send = (args: readonly string[], ...more: string[]): Promise<CommandRun> =>
  countersign(['send', ...connection, ...args, ...more]);

describe('countersign send', () => {
  // The application may have got it: no hint may say that nothing was let through.
  test('after an upstream that is down: may have arrived, and the same bytes get a 409 that names this copy', async () => {
    application.script = (response) => response.destroy();
    const sent = event();
    const first = await send(sent);
    expect([first.code, first.err]).toEqual([1, '']);
    expect(first.out).toMatch(/^refused: HTTP 503 unavailable/);
    expect(first.out).toContain('cannot say whether the application got it');
    expect(first.out).not.toMatch(/not let through|nothing was let through/);
    application.script = ACCEPTED;
    const again = await send(sent);
    expect(again.out).toMatch(/^refused: HTTP 409 replayed_nonce[^]*first let through as: +[0-9a-f-]{36}\n/);
    expect(again.out).toContain('it was let through and is not to be sent again');
  }, 60_000);

  test('after a 503 of the application itself, which pretends to be the verifier: not said to be ours', async () => {
    const body = JSON.stringify({
      request_id: 'a',
      status: 'rejected',
      data: null,
      errors: [{ code: 'unavailable' }],
    });
    application.script = answering(503, body, { 'countersign-decision': 'refuse' });
    const { out } = await send(event());
    expect(out).toContain('no gateway of ours says that it refused this: the request may have taken effect');
  });

  test('while the verifier is away: not let through, and the same bytes pass as soon as it is back', async () => {
    await crash(stage, 'verifier');
    const sent = event();
    const refused = await send(sent, '--json');
    expect(JSON.parse(refused.out)).toMatchObject({ status: 503, decision: 'undecided' });
    const told = await send(sent);
    expect(told.out).toContain('this request was not let through: the same bytes may be sent again');
    expect(told.out).toContain(sent.slice(2).join(' '));
    await stage.federation.resume('verifier');
    let last = await send(sent);
    await until('the verifier is asked again', async () => {
      if (!last.out.includes('HTTP 503')) return true;
      last = await send(sent);
      return false;
    });
    expect(last).toMatchObject({ code: 0, out: expect.stringMatching(/^accepted: HTTP 202/) as string });
  }, 120_000);

  test('takes all of its files from pipes, each of which gives its bytes once', async () => {
    const isFile = (at: number, all: readonly string[]): boolean =>
      /^--(?:ca|cert|tls-key|signing-key|body)$/.test(all[at - 1] ?? '');
    const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
    const words = [...connection, ...event()].map((word, at, all) =>
      isFile(at, all) ? `<(cat ${quoted(word)})` : quoted(word),
    );
    const command = [process.execPath, COUNTERSIGN].map(quoted).join(' ');
    const sent = await runProgram('bash', ['-c', `${command} send ${words.join(' ')}`]);
    expect(sent).toMatchObject({ code: 0, err: '' });
    expect(sent.out).toMatch(/^accepted: HTTP 202/);
  });

  test("with a server's certificate: Envoy refuses the handshake, and the remedy names the client's", async () => {
    const certificates = dirname(stage.federation.environment.COUNTERSIGN_CA_FILE);
    const server = [
      '--cert',
      join(certificates, 'server.crt'),
      '--tls-key',
      join(certificates, 'server.key'),
    ];
    const { code, err } = await send(event(), ...server);
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/lacks clientAuth\n {2}remedy: give the client's/),
    ]);
  });

  test('after a refusal by the verifier: the hint is for it', async () => {
    const { out } = await send(event(), '--identity', 'nobody');
    expect(out).toMatch(/^refused: HTTP 401 unauthenticated[^]*hint: +check identity, pinned certificate/);
  });
});

describe('countersign why', () => {
  const why = (id: string, ...more: string[]): Promise<CommandRun> =>
    countersign(['why', id, '--config', stage.federation.environment.COUNTERSIGN_CONFIG_FILE, ...more]);
  const idOf = (run: CommandRun): string => /request id: +(\S+)/.exec(run.out)?.[1] ?? '';
  /** Envoy writes its log within a second. */
  async function whyWith(id: string, text: string): Promise<string> {
    let told = await why(id);
    await until('Envoy has written its line', async () => {
      if (told.out.includes(text)) return true;
      told = await why(id);
      return false;
    });
    expect(told).toMatchObject({ code: 0, err: '' });
    return told.out;
  }

  test('tells of a refusal: the code, what to do, and that Envoy gave the answer of the verifier', async () => {
    const refused = await send(event(), '--identity', 'nobody');
    const told = await whyWith(idOf(refused), 'Envoy answered with HTTP 401');
    expect(told).toMatch(/^The request was refused as identity_unknown \(HTTP 401\), decision [0-9a-f-]{36}/);
    expect(told).toMatch(/why: +no identity of that name is configured\n/);
    expect(told).toMatch(/next: +correct the name, or add it under `identities`\n/);
    expect(told).toMatch(/identity: +nobody \(claimed, not proven\)\n/);
    expect(told).toMatch(/who answered: +the verifier\n/);
    expect(told).toMatch(/flags: +the verifier refused it, or did not answer \(UAEX\)\n/);
  });

  test('tells of one that was let through, by the first_request_id of a 409 and by the id of Envoy, and of its copies', async () => {
    const sent = event();
    expect((await send(sent)).code).toBe(0);
    const copy = await send(sent, '--json');
    const first = (JSON.parse(copy.out) as { refusal: { first_request_id: string } }).refusal
      .first_request_id;
    const told = await whyWith(first, 'Envoy answered with HTTP 202');
    expect(told).toMatch(/^The request was let through \(HTTP 200\)/);
    expect(told).toMatch(/who answered: +the application\n/);
    expect(told).toMatch(/Later copies of it were refused: 1, the first at /);
    const ofEnvoy = /Envoy's request id: +(\S+)/.exec(told)?.[1] ?? '';
    expect((await why(ofEnvoy)).out).toContain(`decision ${first}`);
    const json = await why(first, '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      id: first,
      decisions: [{ record: { code: 'allow', decision_id: first }, next: expect.any(String) as string }],
      envoy: [{ line: { status: 202 }, answered_by: 'the application' }],
      later_copies: [{ code: 'replayed_nonce', first_decision_id: first }],
    });
  });

  test('tells what Envoy did where the application was down', async () => {
    application.script = (response) => response.destroy();
    const sent = event();
    await send(sent);
    const copy = await send(sent, '--json');
    const first = (JSON.parse(copy.out) as { refusal: { first_request_id: string } }).refusal
      .first_request_id;
    const told = await whyWith(first, 'Envoy answered with HTTP 503');
    expect(told).toMatch(/flags: .*the connection to the application broke \(UC\)/);
    expect(told).toMatch(/who answered: +Envoy itself \(/);
  });

  test('of an unknown id says so, with exit code 1', async () => {
    const { code, out, err } = await why('00000000-0000-4000-8000-000000000000');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^countersign: nothing is recorded under 0{8}/);
  });
});

/** A terminal of its own, by way of Python's pty. */
const AT_A_TERMINAL = 'import pty,sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';

describe('the log of countersign serve', () => {
  const file = () => join(folder, 'no-place.yaml');
  const configuration = {
    version: 1,
    listen: { socket: 'verifier.sock' },
    nonces: { store: 'memory' },
    audit: { stdout: true },
    operators: {},
    identities: [],
    policies: [{ name: 'open', match: { methods: ['GET'], path: '/' }, passThrough: { reason: 'a test' } }],
  };
  // A start that ends by itself: somebody else has the admin port.
  const occupant = createServer();
  beforeAll(async () => {
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
    const { port } = occupant.address() as AddressInfo;
    writeFileSync(file(), JSON.stringify({ ...configuration, admin: { host: '127.0.0.1', port } }));
  });
  afterAll(() => void occupant.close());

  test('is JSON in a pipe', async () => {
    const { code, err } = await countersign(['serve', file()]);
    expect(code).toBe(3);
    for (const line of err.trimEnd().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ name: 'countersign' });
  });

  test('is for people at a terminal', async () => {
    const { out } = await runProgram('python3', [
      '-c',
      AT_A_TERMINAL,
      process.execPath,
      COUNTERSIGN,
      'serve',
      file(),
    ]);
    expect(out).toMatch(/^[0-9:.]{12} FATAL cannot serve reason=/m);
    expect(out).not.toContain('{"level"');
  });
});
