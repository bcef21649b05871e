import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair } from '../../../src/crypto/private-key.js';
import {
  adjustments,
  ATTESTATION,
  EXECUTION,
  KEY,
  KID,
  OTHER_TENANT,
  SIGNED_AT_SECONDS,
  signedAnswer,
  TARGET,
  TENANT,
  testKey,
} from '../../support/signed-feedback.js';
import { reply, startGatewayDouble, type GatewayDouble } from '../client/gateway-double.js';
import { makeTlsFiles, type TlsFiles } from '../client/tls-files.js';
import { NOW_SECONDS, run, type CliRun, type WorldChanges } from './test-world.js';

let directory: string;
let keyringFile: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'feedback-'));
  keyringFile = file('keyring.json', JSON.stringify({ [KID]: KEY.base64 }));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

const TWO = adjustments(
  {},
  { target_urn: 'urn:other', execution_fingerprint: '0'.repeat(64), action: 'deny' },
);
const BINDING = ['--execution', EXECUTION, '--attestation', ATTESTATION];
const RAN = { execution_fingerprint: EXECUTION, attestation_measurement_hash: ATTESTATION };

/** `feedback verify` of this answer. */
function verify(answer: string, extra: readonly string[] = [], changes: WorldChanges = {}): Promise<CliRun> {
  const path = file('answer.json', answer);
  return run(['feedback', 'verify', path, '--tenant', TENANT, '--keyring', keyringFile, ...extra], changes);
}

describe('countersign feedback', () => {
  it.each(['feedback verify', 'feedback query', 'policy input'])(
    '%s --help has an example and the exit codes, and succeeds',
    async (name) => {
      const { code, out, err } = await run([...name.split(' '), '--help']);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(new RegExp(`Examples?:\\n {2}countersign ${name} `));
      expect(out).toContain('Exit codes: 0 good, 1 refused');
    },
  );
});

describe('countersign feedback verify', () => {
  it('says by whom and when a genuine answer was signed', async () => {
    expect(await verify(signedAnswer({ data: TWO, nonce: 'AAAAAAAAAAAAAAAAAAAAAAAA' }))).toEqual({
      code: 0,
      out:
        'verified\n' +
        `  tenant:    ${TENANT}\n  signed by: ${KID}\n` +
        '  signed at: 2025-11-24T16:00:00Z\n  nonce:     AAAAAAAAAAAAAAAAAAAAAAAA\n',
      err: '',
    });
  });

  it('shows which adjustments are applied and which are dropped, when it is told what was run', async () => {
    const { code, out } = await verify(signedAnswer({ data: TWO }), BINDING);
    expect(code).toBe(0);
    expect(out.slice(out.indexOf('applied'))).toBe(
      'applied: 1\n' +
        '  target              action   confidence  control           until\n' +
        '  urn:target:gripper  tighten  0.82        require-approval  2025-11-24T16:59:50Z\n' +
        'dropped: 1\n' +
        '  #  reason           target     action\n' +
        '  1  other_execution  urn:other  deny\n',
    );
  });

  it.each([
    ['one record', JSON.stringify({ ...RAN, graph: { nodes: [] } })],
    ['a list of records', JSON.stringify([{ ...RAN, execution_fingerprint: '1'.repeat(64) }, RAN])],
  ])('takes what was run from a file with %s', async (_title, content) => {
    const { out } = await verify(signedAnswer({ data: TWO }), ['--ran', file('ran.json', content)]);
    expect(out).toContain('applied: 1\n');
  });

  it('prints JSON in the names of the contract', async () => {
    const { code, out } = await verify(signedAnswer({ data: TWO }), [...BINDING, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'verified',
      tenant_id: TENANT,
      kid: KID,
      signed_at: SIGNED_AT_SECONDS,
      schema_version: 'feedback.response.v1',
      applied: [
        {
          target_urn: TARGET,
          action: 'tighten',
          confidence: 0.82,
          attestation_measurement_hash: ATTESTATION,
          ends_at: SIGNED_AT_SECONDS + 3590,
        },
      ],
      dropped: [{ index: 1, reason: 'other_execution', target_urn: 'urn:other', action: 'deny' }],
    });
  });

  it('takes the answer from standard input', async () => {
    const answer = Buffer.from(signedAnswer());
    const args = ['feedback', 'verify', '-', '--tenant', TENANT, '--keyring', keyringFile];
    expect((await run(args, { input: answer })).code).toBe(0);
  });

  it.each([
    ['JSON on the command line', () => JSON.stringify({ [KID]: KEY.base64 })],
    ['a JWK set on the command line', () => JSON.stringify({ keys: [{ ...KEY.jwk, kid: KID }] })],
    [
      'a file that names a PEM file',
      () => {
        file('fb.pem', KEY.pem);
        return file('with-pem.json', JSON.stringify({ [KID]: 'fb.pem' }));
      },
    ],
  ])('takes the keyring as %s', async (_title, keyring) => {
    expect((await verify(signedAnswer(), ['--keyring', keyring()])).code).toBe(0);
  });

  it.each([
    [
      'tampered data',
      signedAnswer({ data: TWO }).replace('"deny"', '"deni"'),
      'bad_signature',
      'tampered with',
    ],
    ['another tenant', signedAnswer({ tenant: OTHER_TENANT }), 'bad_signature', 'check --tenant'],
    ['another key', signedAnswer({ key: testKey(2) }), 'bad_signature', 'does not hold'],
    ['an unknown kid', signedAnswer({ kid: 'fb-other' }), 'unknown_kid', 'the keyring has no key "fb-other"'],
    ['another algorithm', signedAnswer({ algorithm: 'RS256' }), 'other_algorithm', '"RS256", not Ed25519'],
    ['another schema', signedAnswer({ schemaVersion: 'x.v2' }), 'other_schema', '"x.v2"'],
    [
      'an old answer',
      signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS - 301 }),
      'stale',
      'signed 301 s ago',
    ],
    ['an early answer', signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS + 301 }), 'stale', '301 s ahead'],
    ['no JSON', '{', 'malformed_json', 'unexpected_end at byte 1'],
    ['a list', '[]', 'malformed_envelope', 'no object'],
    ['an unsigned answer', '{"data":[]}', 'malformed_envelope', '"signature" is missing'],
    [
      'signed_at as a text',
      signedAnswer().replace(/"signed_at":(\d+)/, '"signed_at":"$1"'),
      'malformed_envelope',
      'of the wrong type',
    ],
    [
      'a nonce with a blank',
      signedAnswer().replace('test-nonce', 'test nonce'),
      'malformed_envelope',
      'not the syntax',
    ],
  ])('refuses %s with code 1, nothing on stdout, and a remedy', async (_title, answer, code, text) => {
    const result = await verify(answer, BINDING);
    expect({ code: result.code, out: result.out }).toEqual({ code: 1, out: '' });
    expect(result.err).toMatch(
      new RegExp(`^countersign: not verified \\(${code}\\): .+\\n {2}remedy: .+\\n$`),
    );
    expect(result.err).toContain(text);
  });

  it('refuses a retired key, and one that is not valid yet', async () => {
    const keyring = (span: object) => JSON.stringify({ [KID]: { publicKey: KEY.base64, ...span } });
    const retired = await verify(signedAnswer(), [
      '--keyring',
      keyring({ notAfter: '2025-11-24T16:00:00Z' }),
    ]);
    const early = await verify(signedAnswer(), ['--keyring', keyring({ notBefore: '2025-11-24T16:00:01Z' })]);
    expect([retired.code, early.code]).toEqual([1, 1]);
    expect(retired.err).toContain('not verified (kid_retired)');
    expect(early.err).toContain('not verified (kid_not_yet_valid)');
  });

  it('says in JSON why an answer is refused', async () => {
    const { code, out, err } = await verify(signedAnswer({ kid: 'fb-other' }), ['--json']);
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(JSON.parse(out)).toEqual({
      outcome: 'not_verified',
      failure: { code: 'unknown_kid', kid: 'fb-other' },
      message: 'the keyring has no key "fb-other"',
      remedy:
        'get the keyring of the signer anew, from /keyring of its admin port where it signs with keys in memory',
    });
  });

  it('escapes what a forged answer would do to the terminal, and cuts it', async () => {
    const { err } = await verify(signedAnswer({ kid: `\u001b[2J${'x'.repeat(500)}` }));
    expect(err).not.toContain('\u001b');
    expect(err.length).toBeLessThan(300);
  });

  it('takes another age and another schema', async () => {
    const old = signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS - 3000, schemaVersion: 'x.v2' });
    expect((await verify(old, ['--max-age', '3600', '--schema', 'x.v2'])).code).toBe(0);
  });

  it.each([
    ['a tenant that is no UUID', ['--tenant', 'a|b'], 2, 'must match'],
    ['an execution that is no hash', ['--execution', 'x'], 2, 'must match'],
    ['an age of nothing', ['--max-age', '0'], 2, 'whole number from 1 to 86400'],
    ['a keyring that is not there', ['--keyring', '/nowhere/k.json'], 3, '/nowhere/k.json does not exist'],
    ['a keyring that is none', ['--keyring', '{"a":"hex:00"}'], 3, 'the entry "a": the key is none of'],
    ['a keyring with a duplicate', ['--keyring', '{"a":"","a":""}'], 3, 'duplicate_member at byte'],
    ['a list of runs that is not there', ['--ran', '/nowhere/r.json'], 3, 'does not exist'],
  ])('says what is wrong with %s', async (_title, extra, code, text) => {
    const result = await verify(signedAnswer(), extra);
    expect({ code: result.code, out: result.out }).toEqual({ code, out: '' });
    expect(result.err).toContain(text);
  });

  it.each([
    ['no JSON', '{', 'is not acceptable JSON'],
    ['a duplicate', '{"execution_fingerprint":"","execution_fingerprint":""}', 'duplicate_member'],
    ['no hash', '[{}]', 'record 0'],
    ['a hash that is none', JSON.stringify([RAN, { ...RAN, execution_fingerprint: 'x' }]), 'record 1'],
    ['null', 'null', 'record 0'],
  ])('refuses a list of runs with %s', async (_title, content, text) => {
    const result = await verify(signedAnswer(), ['--ran', file('bad-ran.json', content)]);
    expect({ code: result.code, out: result.out }).toEqual({ code: 3, out: '' });
    expect(result.err).toContain(text);
  });

  it('says that the answer is not there', async () => {
    const result = await run([
      'feedback',
      'verify',
      '/nowhere/a.json',
      '--tenant',
      TENANT,
      '--keyring',
      keyringFile,
    ]);
    expect(result).toMatchObject({ code: 3, out: '' });
    expect(result.err).toContain('the answer: /nowhere/a.json does not exist');
  });
});

describe('countersign feedback query', () => {
  let files: TlsFiles;
  let gateway: GatewayDouble;
  let signingKeyFile: string;
  beforeAll(async () => {
    files = makeTlsFiles();
    gateway = await startGatewayDouble(files);
    signingKeyFile = join(files.directory, 'signing.key');
    const key = generateKeyPair(new Uint8Array(32).fill(3));
    writeFileSync(signingKeyFile, encodePrivateKey(key, 'pem'), { mode: 0o600 });
  });
  afterAll(async () => {
    await gateway.close();
    rmSync(files.directory, { recursive: true });
  });
  beforeEach(() => {
    gateway.seen.length = 0;
    gateway.answer = reply(200, signedAnswer({ data: TWO }));
  });

  function query(...extra: readonly string[]): Promise<CliRun> {
    return run([
      ...['feedback', 'query', gateway.url, '--ca', files.ca.certificateFile],
      ...['--cert', files.client.certificateFile, '--key', files.client.keyFile],
      ...['--signing-key', signingKeyFile, '--identity', 'producer-a', '--operator', 'operator-a'],
      ...['--tenant', TENANT, '--keyring', keyringFile, ...extra],
    ]);
  }

  it('signs the query of the contract', async () => {
    expect((await query('--nonce', 'my-own-nonce')).code).toBe(0);
    const [request] = gateway.seen;
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
      operator_id: 'operator-a',
      tenant_id: TENANT,
      timestamp: NOW_SECONDS,
      nonce: 'my-own-nonce',
      limit: 100,
    });
    expect(request).toMatchObject({
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-service-identity': 'producer-a',
        'x-telemetry-timestamp': String(NOW_SECONDS),
        'x-telemetry-nonce': 'my-own-nonce',
      },
    });
  });

  it('verifies the answer and shows what is applied and dropped', async () => {
    const { code, out, err } = await query(...BINDING, '--limit', '7');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^verified\n[^]*applied: 1\n[^]*urn:target:gripper[^]*dropped: 1\n[^]*other_execution/,
    );
    expect(JSON.parse(gateway.seen[0]?.body.toString() ?? '')).toMatchObject({ limit: 7 });
  });

  it('applies nothing when it is not told what was run', async () => {
    const { code, out } = await query();
    expect(code).toBe(0);
    expect(out).toContain('applied: 0\ndropped: 2\n');
  });

  it('applies nothing of an answer that is not verified', async () => {
    gateway.answer = reply(200, signedAnswer({ data: TWO }).replace('"deny"', '"deni"'));
    const { code, out, err } = await query(...BINDING);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('not verified (bad_signature)');
  });

  it('keeps the answer byte for byte', async () => {
    const answer = signedAnswer({ data: ' [ 1.0 ] ' });
    gateway.answer = reply(200, answer);
    const out = join(directory, 'kept.json');
    expect((await query('--out', out)).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(answer);
  });

  it('shows a refusal of the gateway, and keeps nothing', async () => {
    const errors = [{ code: 'feedback_unavailable', message: 'The answer could not be signed.' }];
    gateway.answer = reply(502, { request_id: 'r-2', status: 'rejected', data: null, errors });
    const out = join(directory, 'refused.json');
    const result = await query('--out', out);
    expect(result.code).toBe(1);
    expect(result.out).toContain('refused: HTTP 502 feedback_unavailable: The answer could not be signed.');
    expect(existsSync(out)).toBe(false);
    expect(JSON.parse((await query('--json')).out)).toMatchObject({ outcome: 'refused', status: 502 });
  });

  /** Of a query that was let through another one is sent, whoever withheld the answer: the same bytes would get a 409. */
  it.each<[string, number, string, string, RegExp, boolean]>([
    ['503 of the signer', 503, 'unavailable', 'allow', /send the query again, without --nonce/, false],
    ['504 of Envoy', 504, 'upstream_timeout', 'allow', /send the query again, without --nonce/, false],
    ['409', 409, 'replayed_nonce', 'refuse', /is spent: send the query again, without --nonce/, false],
    ['502 of the signer', 502, 'feedback_refused', 'allow', /could not be vouched for/, false],
    ['503 of the verifier', 503, 'unavailable', 'refuse', /not let through: the same bytes may be/, true],
    ['503 of Envoy alone', 503, 'unavailable', 'none', /not let through: the same bytes may be/, true],
  ])('says after a %s what helps', async (_title, status, code, decision, hint, isForTheSame) => {
    const body = { request_id: 'r-3', status: 'rejected', data: null, errors: [{ code }] };
    gateway.answer = reply(status, body, { 'countersign-decision': decision });
    const { out } = await query();
    expect(out.split('\n').find((line) => line.includes('hint: '))).toMatch(hint);
    expect(out.includes('sent with')).toBe(isForTheSame);
  });

  it('explains a failure on the way', async () => {
    const result = await query('--ca', files.otherCa.certificateFile);
    expect(result).toMatchObject({ code: 3, out: '' });
    expect(result.err).toContain('remedy: give the CA that signed it with --ca');
  });
});

describe('countersign policy input', () => {
  function policyInput(answer: string, ...extra: readonly string[]): Promise<CliRun> {
    const path = file('policy-answer.json', answer);
    const options = ['--tenant', TENANT, '--keyring', keyringFile, ...BINDING];
    return run(['policy', 'input', path, ...options, '--target', TARGET, ...extra]);
  }

  const bound = {
    feedback_bound: true,
    feedback_action: 'tighten',
    feedback_confidence: 0.82,
    feedback_control: 'require-approval',
    feedback_rationale: '9 nodes in the execution graph',
    feedback_ttl_seconds: 3600,
    feedback_attestation_measurement_hash: ATTESTATION,
  };

  it('prints the input of the contract', async () => {
    const { code, out, err } = await policyInput(signedAnswer({ data: TWO }));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual(bound);
  });

  it('prints it beside the base decision, as the example policy takes it', async () => {
    const [allow, deny] = [
      await policyInput(signedAnswer({ data: TWO }), '--base', 'allow'),
      await policyInput(signedAnswer(), '--base', 'deny'),
    ];
    expect(JSON.parse(allow.out)).toEqual({ base_allow: true, feedback: bound });
    expect(JSON.parse(deny.out)).toEqual({ base_allow: false, feedback: { feedback_bound: false } });
  });

  it.each([
    ['a target that nothing is bound to', TWO, ['--target', 'urn:other']],
    ['an adjustment that has ended', adjustments({ timestamp: SIGNED_AT_SECONDS - 3600 }), []],
    ['an adjustment for another tenant', adjustments({ tenant_id: OTHER_TENANT }), []],
  ])('prints that nothing is bound for %s', async (_title, data, extra) => {
    const { code, out } = await policyInput(signedAnswer({ data }), ...extra);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ feedback_bound: false });
  });

  it('prints nothing at all for an answer that is not verified', async () => {
    const result = await policyInput(signedAnswer({ data: TWO }).replace('0.82', '0.12'));
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(result.err).toContain('not verified (bad_signature)');
  });
});
