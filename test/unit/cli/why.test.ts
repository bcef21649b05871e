import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSealedLog } from '../../support/sealed-log.js';
import { REFUSAL_DETAILS, REQUEST_REFUSAL_DETAILS } from '../../../src/envoy/ext-proc/envoy-contract.js';
import { run } from './test-world.js';

const ID = '6f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d';
const OTHER = '7f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d';
const ENVOY = '8f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d';

let folder: string;
let audit: string;
let envoy: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-why-'));
  [audit, envoy] = [join(folder, 'decisions.ndjson'), join(folder, 'access.ndjson')];
  writeFileSync(audit, '');
  writeFileSync(envoy, '');
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = (members: object): string => `${JSON.stringify(members)}\n`;
const decision = (members: object = {}): string =>
  line({
    time: 'T1',
    event: 'telemetry.rejected',
    decision_id: ID,
    code: 'pin_mismatch',
    status: 401,
    ...members,
  });
const access = (members: object = {}): string =>
  line({
    time: 'T2',
    request_id: ENVOY,
    decision_id: ID,
    status: 401,
    details: 'ext_authz_denied',
    flags: 'UAEX',
    ...members,
  });
const why = (id = ID, ...more: string[]) => run(['why', id, '--audit', audit, '--envoy-log', envoy, ...more]);

describe('countersign why', () => {
  it.each([
    ['signer_unavailable', 'the source of the key gave no signature'],
    ['no_active_key', 'no key may sign for this tenant now'],
  ])('says what an answer withheld as %s means, and what to do', async (code, words) => {
    appendFileSync(audit, decision({ event: 'cognitive.feedback.refused', code, status: 503 }));
    const { code: exitCode, out } = await why();
    expect(exitCode).toBe(0);
    expect(out).toContain(`why:         ${words}`);
    expect(out).toMatch(/next: +.*with a new nonce\n/);
  });

  it('names every way to a file where there is none to look in', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const { code, err } = await run(['why', ID]);
      expect(code).toBe(2);
      expect(err).toMatch(/no file to look in\n {2}remedy: .*--config.*--audit.*COUNTERSIGN_CONFIG_FILE/);
    } finally {
      process.chdir(before);
    }
  });

  it('names the variable in its help', async () => {
    expect((await run(['why', '--help'])).out).toContain('COUNTERSIGN_CONFIG_FILE');
  });

  it('of a request that was let through and not answered by the application says what is not known', async () => {
    writeFileSync(audit, decision({ code: 'allow', status: 200 }));
    writeFileSync(envoy, access({ code: 'allow', status: 503, details: 'upstream_reset', flags: 'UF' }));
    expect((await why()).out).toContain('may have got it or not; its nonce is spent');
    writeFileSync(envoy, access({ code: 'allow', status: 202, details: 'via_upstream', flags: '-' }));
    expect((await why()).out).not.toContain('its nonce is spent');
  });

  test.each([
    ['ext_authz_denied', /who answered: +the verifier\n/],
    [REQUEST_REFUSAL_DETAILS, /who answered: +the verifier\n/],
    [REFUSAL_DETAILS, /who answered: +the verifier, which withheld the answer of the application\n/],
    ['ext_authz_error', /who answered: +Envoy, as the verifier did not answer/],
    ['ext_proc_error_gRPC_error_14', /who answered: +Envoy, as the verifier broke off: .*_14\)\n/],
    ['countersign_refused_requests', /who answered: +Envoy itself \(/],
  ])('says whose answer the details %s are', async (details, expected) => {
    writeFileSync(audit, decision());
    writeFileSync(envoy, access({ details }));
    expect((await why()).out).toMatch(expected);
  });

  it('tells members that newer verifiers record, and nothing of what is absent or of another type', async () => {
    const more = {
      method: 'POST',
      path: '/t',
      skew_seconds: -31,
      claimed_kid: 'k9',
      limit: 120,
      policy: 7,
      tenant: null,
    };
    writeFileSync(audit, decision({ code: 'timestamp_outside_window', ...more }));
    const { out } = await why();
    expect(out).toMatch(/request: +POST \/t\n/);
    expect(out).toMatch(/skew: +31 s behind the verifier's clock\n/);
    expect(out).toMatch(/key: +k9 \(claimed, not proven\)\n/);
    expect(out).toMatch(/limit: +120\n/);
    expect(out).not.toMatch(/policy|tenant|undefined|null/);
  });

  it('tells of a code that this version does not know', async () => {
    writeFileSync(audit, decision({ code: 'brand_new', detail: 'something' }));
    expect((await why()).out).toMatch(/^The request was refused as brand_new[^]*in detail: +something\n/);
  });

  it('takes whole lines before a torn last line, and skips lines of others and lines without end', async () => {
    writeFileSync(audit, `garbage ${ID}\n"${ID}"\n[1]\n{"${ID}": ${'['.repeat(9)}\n`);
    appendFileSync(audit, `{"decision_id":"${ID}","x":"${'y'.repeat(600_000)}"}\n`);
    appendFileSync(audit, decision());
    appendFileSync(audit, decision({ time: 'T9' }).slice(0, 60));
    const { code, out } = await why(ID, '--json');
    expect(code).toBe(0);
    expect((JSON.parse(out) as { decisions: unknown[] }).decisions).toHaveLength(1);
  });

  it('takes a last line that is whole and has no line end yet', async () => {
    writeFileSync(audit, decision().trimEnd());
    expect((await why()).code).toBe(0);
  });

  it('looks through rotated files in the order in which they are given', async () => {
    const rotated = join(folder, 'decisions.ndjson.1');
    writeFileSync(rotated, decision({ code: 'allow', status: 200 }));
    writeFileSync(audit, decision({ decision_id: OTHER, code: 'replayed_nonce', first_decision_id: ID }));
    const { out } = await run(['why', ID, '--audit', rotated, '--audit', audit]);
    expect(out).toMatch(
      /^The request was let through[^]*Later copies of it were refused: 1, the first at T1\.\n/,
    );
    expect(out).toContain("Envoy's access log says nothing of it");
  });

  it("finds by Envoy's id, also where the verifier recorded nothing", async () => {
    writeFileSync(envoy, access({ decision_id: null, details: 'ext_authz_error', status: 503 }));
    const { out } = await why(ENVOY);
    expect(out).toMatch(/^No decision is recorded[^]*the request was not let through/);
  });

  it('has words for each flag, and leaves one that it does not know', async () => {
    writeFileSync(envoy, access({ flags: 'URX,UF,XX' }));
    expect((await why()).out).toContain(
      'every try at the application failed (URX); no connection to the application could be made (UF); a flag of Envoy (XX)',
    );
  });

  it('tells of a query and of its answer, which share an id', async () => {
    writeFileSync(audit, decision({ event: 'request.accepted', code: 'allow', status: 200 }));
    appendFileSync(
      audit,
      decision({ event: 'cognitive.feedback.refused', code: 'adjustment_tenant', status: 502 }),
    );
    expect((await why()).out).toMatch(
      /let through[^]*The answer was withheld as adjustment_tenant \(HTTP 502\)/,
    );
  });

  it('escapes control characters of the files', async () => {
    writeFileSync(audit, decision({ detail: '\u001b[2J', time: '\u001b' }));
    writeFileSync(envoy, access({ path: '/\u001b[2J', flags: '\u001b' }));
    expect((await why()).out).not.toContain('\u001b');
  });

  const delivery = (members: object): string =>
    line({ time: 'T3', decision_id: ID, decision: 'allow', ...members });
  it.each([
    [
      { event: 'request.delivered', status: 202 },
      'It was delivered to the application. The client got HTTP 202',
    ],
    [
      { event: 'request.undelivered', status: 503, attempts: 4, flags: 'URX,UF' },
      'so the same bytes may come again. The client got HTTP 503',
    ],
    [
      { event: 'request.delivery_unknown', flags: 'DC' },
      'or not: look it up there by the decision id. The client got no answer',
    ],
  ])('tells what became of an allow: %j', async (members, words) => {
    writeFileSync(audit, decision({ code: 'allow', status: 200 }) + delivery(members));
    const { out } = await why();
    expect(out).toContain(words);
    expect(out).not.toMatch(/without a code/);
  });

  const HASH = 'a'.repeat(64);
  const bare = (text: string): object => JSON.parse(text) as object;
  /** What `why` says of the last of these records, which is ID's, from a log and, of decisions alone, from a file. */
  async function tellBoth(...texts: string[]): Promise<{ log: string; file: string }> {
    const log = join(folder, 'story');
    writeSealedLog(log, texts.map(bare));
    writeFileSync(audit, texts.filter((text) => text.includes('"code"')).join(''));
    return { log: (await run(['why', ID, '--audit', log])).out, file: (await why()).out };
  }
  const other = (members: object): string => line({ time: 'T0', decision_id: OTHER, ...members });
  const firstAllow = other({ code: 'allow', status: 200, nonce_hash: HASH });
  const copyOf = (members: object = {}): string =>
    decision({ code: 'replayed_nonce', status: 409, nonce_hash: HASH, first_decision_id: OTHER, ...members });

  it.each([
    [
      { event: 'request.delivered', status: 202 },
      'it was delivered to the application, and its client got HTTP 202.',
    ],
    [
      { event: 'request.undelivered', status: 503 },
      'it never reached the application, and its client got HTTP 503.',
    ],
    [
      { event: 'request.delivery_unknown' },
      'it may have reached the application or not, and its client got no answer.',
    ],
  ])('tells of a copy what became of the first one: %j', async (outcome, words) => {
    const { log, file } = await tellBoth(firstAllow, other(outcome), copyOf());
    const first = `The first copy was let through at T0, as decision ${OTHER}: `;
    expect(log).toContain(first + words);
    expect(file).toContain(`${first}what became of it is not recorded.`);
    expect(
      JSON.parse((await run(['why', ID, '--json', '--audit', join(folder, 'story')])).out),
    ).toMatchObject({
      same_nonce: [{ code: 'allow' }, outcome],
    });
  });

  it('of a copy says so where the record of the first one is not here', async () => {
    const alone = await tellBoth(copyOf({ first_status: 202 }));
    for (const text of [alone.log, alone.file]) {
      expect(text).toContain(`The record of the first copy, decision ${OTHER}, is not here.`);
      expect(text).toContain('which was answered with HTTP 202');
    }
  });

  it('of a request that met nobody tells which later one was let in, and what became of that', async () => {
    const met = [
      decision({ code: 'allow', status: 200, nonce_hash: HASH }),
      delivery({ event: 'request.undelivered', status: 503 }),
    ];
    const later = [firstAllow, other({ event: 'request.delivered', status: 202 })];
    expect((await tellBoth(...met, ...later)).log).toMatch(
      /never reached[^]*\nA request with the same nonce was let through at T0, as decision 7f1c[^:]*: it was delivered to the application, and its client got HTTP 202\.\n/,
    );
    expect((await tellBoth(...met)).log).toContain('No other copy of it is recorded as let through.');
  });

  it('takes nothing for the outcome of a copy that a client claimed', async () => {
    const claimed = line({ time: 'T9', event: 'envoy.refused', claimed_request_id: OTHER, status: 413 });
    const { log } = await tellBoth(firstAllow, claimed, copyOf());
    expect(log).toContain('what became of it is not recorded.');
  });

  it('finds what Envoy refused by itself under the id that it had or claimed', async () => {
    const refused = {
      status: 413,
      details: 'request_payload_too_large',
      path: '/t',
      peer_address: '127.0.0.1:9',
    };
    const { log } = await tellBoth(
      line({ time: 'T1', event: 'envoy.refused', claimed_request_id: ID, ...refused }),
    );
    expect(log).toMatch(
      /^Envoy ended a request that had or claimed this id by itself: the verifier was not asked, or gave no answer\. The client got HTTP 413, at T1\.\n/,
    );
    expect(log).toMatch(/client: +127\.0\.0\.1:9\n[^]*details: +request_payload_too_large\n/);
    expect(log).not.toContain('No decision');
  });

  it('says where handshakes that failed are, which have no id', async () => {
    writeSealedLog(join(folder, 'story'), [{ event: 'tls.failed' }]);
    const { code, err } = await run(['why', ID, '--audit', join(folder, 'story')]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /a handshake that failed has no id: countersign audit query .*story --event tls.failed --since 1h/,
    );
  });

  it('reads the directory of a log, from its end', async () => {
    const log = join(folder, 'log');
    const others = Array.from({ length: 600 }, (_, n) => ({ decision_id: `d-${n}`, code: 'allow' }));
    const ours = [
      decision({ code: 'allow', status: 200 }),
      delivery({ event: 'request.delivered', status: 202 }),
    ];
    const copy = { decision_id: OTHER, code: 'replayed_nonce', first_decision_id: ID, time: 'T4' };
    writeSealedLog(log, [...others, ...ours.map((text) => JSON.parse(text) as object), ...others, copy]);
    const { out } = await run(['why', ID, '--audit', log]);
    expect(out).toMatch(
      /^The request was let through[^]*It was delivered[^]*Later copies of it were refused: 1/,
    );
    const file = join(folder, 'c.yaml');
    writeFileSync(file, 'audit: { log: { directory: log } }\n');
    expect((await run(['why', ID, '--config', file])).out).toContain('It was delivered');
    writeFileSync(join(log, 'tile/entries/002'), 'x');
    expect((await run(['why', ID, '--audit', log])).err).toMatch(/002 is damaged[^]*audit verify/);
  });

  it('is bounded: of a thousand replays fifty are kept, and it says that there are more', async () => {
    writeFileSync(
      audit,
      decision({ decision_id: OTHER, code: 'replayed_nonce', first_decision_id: ID }).repeat(1_000),
    );
    const { out } = await why(ID, '--json');
    expect(JSON.parse(out)).toMatchObject({ has_more: true, later_copies: { length: 50 } });
  });

  it('finds the files by the configuration, relative to it', async () => {
    writeFileSync(audit, decision());
    writeFileSync(envoy, access());
    const file = join(folder, 'c.yaml');
    writeFileSync(file, 'audit: { file: decisions.ndjson }\nenvoy: { accessLog: access.ndjson }\n');
    const { out } = await run(['why', ID, '--config', file]);
    expect(out).toMatch(/refused as pin_mismatch[^]*Envoy answered with HTTP 401/);
    writeFileSync(file, 'audit: { stdout: true }\n');
    expect(await run(['why', ID, '--config', file])).toMatchObject({
      code: 3,
      err: expect.stringContaining('names no file of records') as string,
    });
  });

  it.each([
    ['an id that is unknown', [ID], 1, 'nothing is recorded'],
    ['an id that cannot be one', ['a b'], 2, 'It must match'],
  ])('ends with its code for %s', async (_title, args, code, message) => {
    const ended = await why(args[0]);
    expect([ended.code, ended.out]).toEqual([code, '']);
    expect(ended.err).toContain(message);
  });

  it('ends with 3 for a file that is not there', async () => {
    const { code, err } = await run(['why', ID, '--audit', join(folder, 'absent')]);
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/the audit log: .*absent does not exist\n {2}remedy: /),
    ]);
  });
});
