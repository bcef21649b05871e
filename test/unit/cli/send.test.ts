import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair } from '../../../src/crypto/private-key.js';
import { refuse, answerFor, type RefusalCode } from '../../../src/verify/refusal.js';
import { reply, startGatewayDouble, type GatewayDouble } from '../client/gateway-double.js';
import { makeTlsFiles, type TlsFiles } from '../client/tls-files.js';
import { NOW_SECONDS, run, type WorldChanges } from './test-world.js';

let files: TlsFiles;
let gateway: GatewayDouble;
let signingKeyFile: string;
let bodyFile: string;

beforeAll(async () => {
  files = makeTlsFiles();
  gateway = await startGatewayDouble(files);
  signingKeyFile = join(files.directory, 'signing.key');
  writeFileSync(signingKeyFile, encodePrivateKey(generateKeyPair(new Uint8Array(32).fill(3)), 'pem'), {
    mode: 0o600,
  });
  bodyFile = join(files.directory, 'event.json');
  writeFileSync(bodyFile, '{"timestamp":0,"nonce":"","x":1.0}');
});
afterAll(async () => {
  await gateway.close();
  rmSync(files.directory, { recursive: true });
});
beforeEach(() => {
  gateway.seen.length = 0;
  gateway.answer = reply(202, { accepted: true, request_id: 'r-1' });
});

function send(extra: readonly string[] = [], changes: WorldChanges = {}, url = gateway.url) {
  return run(
    [
      ...['send', url, '--ca', files.ca.certificateFile, '--cert', files.client.certificateFile],
      ...['--key', files.client.keyFile, '--signing-key', signingKeyFile, '--identity', 'producer-a'],
      ...['--body', bodyFile, ...extra],
    ],
    changes,
  );
}

/** A refusal as the gateway words it (src/envoy/ext-authz/check-response.ts), and Envoy marks it. */
function refusal(code: RefusalCode, more: object = {}, headers: Record<string, string> = {}) {
  const { status, clientCode, message } = answerFor(refuse(code).code);
  const errors = [{ code: clientCode, message, ...more }];
  const marked = { 'countersign-decision': 'refuse', ...headers };
  return reply(status, { request_id: 'r-2', status: 'rejected', data: null, errors }, marked);
}

/** An answer in the shape of a refusal, of whoever sets this mark; without one it is the application's own. */
function answered(status: number, code: string, decision?: string) {
  const body = { request_id: 'r-2', status: 'rejected', data: null, errors: [{ code, message: 'Words.' }] };
  return reply(status, body, decision === undefined ? {} : { 'countersign-decision': decision });
}

describe('countersign send', () => {
  it('signs and sends the bytes of the file, and shows the answer', async () => {
    const { code, out, err } = await send();
    expect({ code, out, err }).toEqual({
      code: 0,
      out: 'accepted: HTTP 202\n{"accepted":true,"request_id":"r-1"}\n',
      err: '',
    });
    const [request] = gateway.seen;
    expect(request?.body.toString()).toBe('{"timestamp":0,"nonce":"","x":1.0}');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-service-identity': 'producer-a',
      'x-client-cert-sha256': expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      'x-telemetry-timestamp': String(NOW_SECONDS),
    });
  });

  it('fills timestamp and nonce into the body', async () => {
    await send(['--fill', '--nonce', 'my-own-nonce']);
    expect(gateway.seen[0]?.body.toString()).toBe(
      `{"timestamp":${NOW_SECONDS},"nonce":"my-own-nonce","x":1.0}`,
    );
  });

  it('takes any method and content type', async () => {
    await send(['--method', 'PUT', '--content-type', 'text/plain']);
    expect(gateway.seen[0]).toMatchObject({ method: 'PUT', headers: { 'content-type': 'text/plain' } });
  });

  it('names the first copy of a replayed nonce', async () => {
    const first = { first_request_id: 'r-1', first_seen_at: NOW_SECONDS, first_status: 202 };
    gateway.answer = refusal('replayed_nonce', first);
    const { code, out } = await send();
    expect(code).toBe(1);
    expect(out).toContain('refused: HTTP 409 replayed_nonce: The nonce has been used before.\n');
    expect(out).toMatch(/first let through as: +r-1\n/);
    expect(out).toMatch(/first answered with: +HTTP 202\n/);
    expect(out).toMatch(/first seen at: +2025-11-24T16:00:00Z\n/);
  });

  it('shows how long to wait after a 429', async () => {
    gateway.answer = refusal('rate_limited', {}, { 'retry-after': '17' });
    expect((await send()).out).toMatch(/retry after: +17 s\n/);
  });

  it.each<[RefusalCode, number, string]>([
    ['tenant_mismatch', 403, 'operator_not_permitted'],
    ['no_policy', 404, 'not_found'],
    ['method_not_allowed', 405, 'method_not_allowed'],
    ['body_too_large', 413, 'body_not_accepted'],
    ['content_type', 415, 'unsupported_media_type'],
    ['body_not_json', 422, 'invalid_json'],
    ['overloaded', 503, 'unavailable'],
  ])('shows status and code of %s', async (refusalCode, status, clientCode) => {
    gateway.answer = refusal(refusalCode);
    const { code, out } = await send();
    expect(code).toBe(1);
    expect(out).toContain(`refused: HTTP ${status} ${clientCode}: `);
    expect(out).toMatch(/request id: +r-2\n/);
  });

  it("tells from the server's date that this clock is off", async () => {
    gateway.answer = refusal(
      'timestamp_outside_window',
      {},
      { date: new Date((NOW_SECONDS - 90) * 1000).toUTCString() },
    );
    expect((await send()).out).toContain("90 s ahead of the server's clock: set the clock of this machine");
  });

  it('names what to check when the clock is right', async () => {
    gateway.answer = refusal('pin_mismatch', {}, { date: new Date(NOW_SECONDS * 1000).toUTCString() });
    expect((await send()).out).toContain('check identity, pinned certificate, signing key and kid');
  });

  /** A hint that was true for another answer: each hint with an answer that gives it, and the one beside it. */
  it.each<[string, ReturnType<typeof reply>, RegExp]>([
    ['503 of the verifier', refusal('nonce_store_unavailable'), /was not let through: the same bytes may be/],
    [
      '503 of Envoy, undecided',
      answered(503, 'unavailable', 'none'),
      /was not let through: the same bytes may be/,
    ],
    ['408 of Envoy', answered(408, 'request_timeout', 'none'), /was not let through: the same bytes may be/],
    ['413 of Envoy', answered(413, 'body_not_accepted', 'none'), /same bytes would be answered alike/],
    ['400 of Envoy', answered(400, 'bad_request', 'none'), /same bytes would be answered alike/],
    ['429 of the verifier', refusal('rate_limited'), /was not let through: the same bytes may be/],
    [
      '503 of Envoy after an allow',
      answered(503, 'unavailable', 'allow'),
      /cannot say whether the application got/,
    ],
    [
      '503 of Envoy after a pass-through',
      answered(503, 'unavailable', 'pass_through'),
      /cannot say whether.*no nonce was claimed/,
    ],
    ['504 of Envoy', answered(504, 'upstream_timeout', 'allow'), /cannot say whether the application got it/],
    ['502 of Envoy', answered(502, 'upstream_failed', 'allow'), /cannot say whether the application got it/],
    ['500 of Envoy', answered(500, 'internal_error'), /may have taken effect/],
    [
      '503 of the application',
      answered(503, 'unavailable'),
      /no gateway of ours says.*may have taken effect/,
    ],
    [
      '401 of the application',
      answered(401, 'unauthenticated'),
      /no gateway of ours says that it refused this/,
    ],
    [
      '409 of the application',
      answered(409, 'replayed_nonce'),
      /no gateway of ours says that it refused this/,
    ],
    ['a mark that is none', answered(503, 'unavailable', 'yes'), /no gateway of ours says/],
    [
      'an answer that the signer withheld',
      answered(502, 'feedback_refused', 'allow'),
      /could not be vouched for/,
    ],
    ['404 of the verifier', refusal('no_policy'), /the path has no policy/],
    ['405 of the verifier', refusal('method_not_allowed'), /send with --method one that is allowed/],
    ['413 of the verifier', refusal('body_too_large'), /longer than is taken here.*: send less at once/],
    ['409 of the verifier', refusal('replayed_nonce'), /was let through and is not to be sent again/],
    ['415 for the content type', refusal('content_type'), /say with --content-type what the route takes$/],
    ['401 for the body', refusal('body_repeats_other_nonce'), /--fill sets them/],
    ['401 for the metadata', refusal('body_binding_mismatch'), /signed_metadata must repeat/],
  ])('has the hint that is true of %s', async (_title, answer, hint) => {
    gateway.answer = answer;
    expect((await send()).out.split('\n').find((line) => line.includes('hint: '))).toMatch(hint);
  });

  it.each<[string, ReturnType<typeof reply>]>([
    ['415 for an encoding', refusal('content_encoding')],
    ['403', refusal('tenant_mismatch')],
    ['422', refusal('body_not_json')],
  ])('has no hint where none would be true: %s', async (_title, answer) => {
    gateway.answer = answer;
    expect((await send()).out).not.toContain('hint:');
  });

  it('says with what the same bytes may be sent again, and never in answer to a final refusal', async () => {
    gateway.answer = refusal('overloaded');
    expect((await send(['--nonce', 'my-own-nonce'])).out).toMatch(
      /sent with: +--timestamp 1764000000 --nonce my-own-nonce\n/,
    );
    gateway.answer = refusal('tenant_mismatch');
    expect((await send()).out).not.toContain('sent with');
  });

  it('names a difference of the clocks as a possible reason, not as the only one', async () => {
    const date = new Date((NOW_SECONDS - 15) * 1000).toUTCString();
    gateway.answer = refusal('pin_mismatch', {}, { date });
    expect((await send()).out).toMatch(/15 s ahead of .* if that is within .*check identity, pinned/);
  });

  it('shows a refusal that is not ours as it is, its control characters escaped', async () => {
    gateway.answer = reply(502, 'upstream \u001b[31mgone\u001b[0m\nsecond line');
    const { code, out } = await send();
    expect(code).toBe(1);
    expect(out).toBe('refused: HTTP 502\nupstream \\u001b[31mgone\\u001b[0m\nsecond line\n');
  });

  it('does not follow a redirect: that is a refusal', async () => {
    gateway.answer = reply(307, '', { location: 'https://elsewhere.example/' });
    const { code, err } = await send();
    expect(code).toBe(1);
    expect(err).toContain('HTTP 307: a redirect to https://elsewhere.example/ was refused');
  });

  it.each([
    ['plain http', 'http://localhost:1/', 'not https'],
    ['what is no URL', 'https://', 'is not a URL'],
  ])('never sends to %s', async (_title, url, text) => {
    const { code, err } = await send([], {}, url);
    expect(code).toBe(2);
    expect(err).toContain(text);
  });

  it('explains a server of another CA', async () => {
    const { code, out, err } = await send(['--ca', files.otherCa.certificateFile]);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(/not of the given CA .*\n {2}remedy: give the CA that signed it with --ca\n/);
  });

  it('explains a key that is not that of the certificate', async () => {
    const { code, err } = await send(['--key', files.server.keyFile]);
    expect(code).toBe(3);
    expect(err).toContain(
      'remedy: give PEM files with --ca, --cert and --tls-key, and the key that belongs to the certificate',
    );
  });

  it('nor sends with a key of another kind, with which TLS would show no certificate', async () => {
    const { code, err } = await send(['--key', signingKeyFile]);
    expect([code, gateway.seen]).toEqual([3, []]);
    expect(err).toMatch(/the client key is not that of the client certificate\n.*--tls-key.*--signing-key/);
  });

  it('shows which methods are allowed after a 405', async () => {
    gateway.answer = refusal('method_not_allowed', {}, { allow: 'GET, POST' });
    expect((await send()).out).toMatch(/allowed: +GET, POST\n/);
  });

  it.each([
    ['r-2', 'r-2'],
    ['$(reboot)', 'ID'],
  ])('names the command that finds the reason of a 401: %s', async (id, shown) => {
    const { status, clientCode } = answerFor(refuse('pin_mismatch').code);
    const body = { request_id: id, status: 'rejected', data: null, errors: [{ code: clientCode }] };
    gateway.answer = reply(status, body, { 'countersign-decision': 'refuse' });
    expect((await send()).out).toContain(`where \`countersign why ${shown}\` finds it\n`);
  });

  it('explains that nobody listens', async () => {
    const { code, err } = await send([], {}, 'https://localhost:1/');
    expect(code).toBe(3);
    expect(err).toContain('nobody listens at https://localhost:1/');
  });

  it('gives up in time, and says what may have happened', async () => {
    gateway.answer = () => undefined;
    const { code, err } = await send(['--timeout', '1']);
    expect(code).toBe(3);
    expect(err).toContain('no answer within 1 s\n  remedy: send the same bytes');
    expect(err).toMatch(/sent with: +--timestamp [0-9]{10} --nonce [A-Za-z0-9_-]{24}\n/);
  });

  it('prints JSON for an accepted request', async () => {
    const { out } = await send(['--json', '--nonce', 'my-own-nonce']);
    expect(JSON.parse(out)).toEqual({
      outcome: 'accepted',
      sent: { timestamp: NOW_SECONDS, nonce: 'my-own-nonce' },
      status: 202,
      body: '{"accepted":true,"request_id":"r-1"}',
    });
  });

  it('prints JSON for a refusal', async () => {
    gateway.answer = refusal(
      'replayed_nonce',
      { first_request_id: 'r-1', first_seen_at: 5, first_status: 503 },
      { 'retry-after': '3' },
    );
    const { code, out } = await send(['--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'refused',
      status: 409,
      decision: 'refused',
      retry_after_seconds: 3,
      refusal: { code: 'replayed_nonce', request_id: 'r-2', first_request_id: 'r-1', first_status: 503 },
    });
  });

  it('prints JSON for a failure, with its remedy', async () => {
    const { code, out, err } = await send(['--json'], {}, 'https://localhost:1/');
    expect({ code, err }).toEqual({ code: 3, err: '' });
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'failed',
      failure: { code: 'no_connection', reason: 'ECONNREFUSED' },
      remedy: 'start the gateway, or correct host and port',
    });
  });
});
