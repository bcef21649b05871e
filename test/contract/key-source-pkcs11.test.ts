/** The source of keys in a PKCS#11 token, over a real SoftHSM, and what becomes of it when the token or its module is not well. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findPointFault } from '../../src/crypto/edwards-point.js';
import { fastVerifier } from '../../src/crypto/engines.js';
import { openPkcs11Source } from '../../src/keys/pkcs11/source.js';
import type { KeyReference, KeySourceAnswer, KeySourceFault } from '../../src/keys/key-source.js';
import type { Pkcs11Settings } from '../../src/keys/settings.js';
import { compileScript, runScript, type CompiledScript } from '../support/child-process.js';
import { describeKeySource } from './key-source-contract.js';
import type { ParentTask } from './pkcs11-parent-child.js';
import { SoftHsm } from '../support/softhsm.js';
import { until } from '../support/until.js';

type Source = Awaited<ReturnType<typeof openPkcs11Source>>;

const PIN = 'pin of the token';
/** After which a process that may come again has come. */
const REST_MS = 1_000;
const TEXT = Buffer.from('an answer to be signed');

let softHsm: SoftHsm;
let publicKeys: Readonly<Record<string, string>>;
let script: CompiledScript;
let opened: Source[] = [];

beforeAll(() => {
  softHsm = new SoftHsm();
  publicKeys = softHsm.makeToken('countersign', PIN, ['first', 'second', 'twice', 'twice']);
  script = compileScript('src/keys/pkcs11/module-main.ts');
});
afterEach(async () => {
  await Promise.all(opened.map((source) => source.close()));
  opened = [];
});
afterAll(() => {
  script.remove();
  softHsm.close();
});

async function open(others: Partial<Pkcs11Settings> = {}, token = 'countersign', pin = PIN): Promise<Source> {
  const source = await openPkcs11Source(softHsm.settings(token, pin, others), { processMain: script.path });
  opened.push(source);
  return source;
}

const named = (key: string): KeyReference => ({ source: 'countersign', key, version: undefined });

function bytesOf(answer: KeySourceAnswer): Uint8Array {
  if (!answer.ok) throw new Error(`${answer.fault}: ${answer.reason}`);
  return answer.bytes;
}

async function expectSigned(source: Source, key: string, message: Uint8Array): Promise<void> {
  const publicKey = bytesOf(await source.publicKey(named(key)));
  const signature = bytesOf(await source.sign(named(key), message));
  expect(findPointFault(publicKey)).toBeUndefined();
  expect(fastVerifier().verify({ raw: publicKey }, message, signature)).toBe(true);
}

function faulty(fault: KeySourceFault, reason: RegExp): unknown {
  return { ok: false, fault, reason: expect.stringMatching(reason) as string };
}

/** A process that has signed once, and its id. */
async function proven(source: Source): Promise<number> {
  await until('it signs', async () => (await source.sign(named('first'), TEXT)).ok);
  return source.processId!;
}

const isAlive = (pid: number): boolean => {
  try {
    // One that nobody has waited for yet is a zombie.
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
};
const isGone = (pid: number) => until(`process ${pid} is gone`, () => !isAlive(pid));

describeKeySource('a token of SoftHSM', async () => {
  const source = await open({ maxMessageBytes: 100_000 });
  const keys = ['first', 'second'].map((label) => ({
    reference: named(label),
    publicKey: Buffer.from(publicKeys[label]!, 'base64'),
  }));
  return { source, keys: [keys[0]!, keys[1]!], absent: named('third'), timeoutMilliseconds: 20_000 };
});

describe('a token that is well', () => {
  it('signs with each of its keys, which are different ones', async () => {
    const source = await open();
    await expectSigned(source, 'first', TEXT);
    await expectSigned(source, 'second', TEXT);
    const [first, second] = await Promise.all([
      source.publicKey(named('first')),
      source.publicKey(named('second')),
    ]);
    expect(bytesOf(first)).not.toEqual(bytesOf(second));
  });

  it.each([0, 1, 4_095, 16_000, 65_537, 8 * 1024 * 1024])('signs a message of %d bytes', async (length) => {
    await expectSigned(await open(), 'first', Buffer.alloc(length, 7));
  });

  it('signs the bytes of a view, and not those around it', async () => {
    await expectSigned(await open(), 'first', new Uint8Array(new ArrayBuffer(100), 10, 20).fill(3));
  });

  it('signs eight at once, and hundreds of two keys', async () => {
    const source = await open();
    await Promise.all(Array.from({ length: 8 }, (_, at) => expectSigned(source, 'first', Buffer.from([at]))));
    const keys = Array.from({ length: 400 }, (_, at) => named(at % 2 === 0 ? 'first' : 'second'));
    const answers = await Promise.all(keys.map((key) => source.sign(key, TEXT)));
    expect(new Set(answers.map((answer) => Buffer.from(bytesOf(answer)).toString('hex'))).size).toBe(2);
  });

  it('finds its token by the slot, too', async () => {
    const slot = softHsm.slotOf('countersign', PIN);
    await expectSigned(await open({ token: undefined, slot }), 'first', TEXT);
  });
});

describe('what a token refuses', () => {
  const refused = (reason: RegExp) => faulty('refused', reason);

  it('a label that it does not have, and goes on', async () => {
    const source = await open();
    expect(await source.sign(named('third'), TEXT)).toEqual(
      refused(/has no private Ed25519 key labelled "third"/),
    );
    expect(await source.publicKey(named('third'))).toEqual(refused(/has no private/));
    await expectSigned(source, 'first', TEXT);
  });

  it('two keys of one label', async () => {
    expect(await (await open()).sign(named('twice'), TEXT)).toEqual(refused(/more than one/));
  });

  it('a version, as its keys have none', async () => {
    const source = await open();
    expect(await source.sign({ ...named('first'), version: 1 }, TEXT)).toEqual(refused(/no version/));
  });

  it('a key that is taken away while it is in use, and no other', async () => {
    softHsm.makeKeys('countersign', PIN, ['taken away']);
    const source = await open();
    await expectSigned(source, 'taken away', TEXT);
    softHsm.removeKeys('countersign', PIN, ['taken away']);
    await until('it is refused', async () => !(await source.sign(named('taken away'), TEXT)).ok);
    expect(await source.sign(named('taken away'), TEXT)).toEqual(refused(/has no private/));
    await expectSigned(source, 'first', TEXT);
  });

  it('a message that is longer than the source may sign', async () => {
    const source = await open({ maxMessageBytes: 10 });
    await expectSigned(source, 'first', Buffer.alloc(10));
    const answer = await source.sign(named('first'), Buffer.alloc(11));
    expect(answer).toMatchObject({ ok: false, fault: 'too_large' });
  });

  it('a wrong PIN, which is tried once', async () => {
    const faults = softHsm.withFaults();
    faults.set('C_Login 0xa0');
    const source = await open(faults.settings);
    const answer = await source.sign(named('first'), TEXT);
    expect(answer).toEqual(refused(/C_Login: CKR_PIN_INCORRECT; that PIN is not tried again/));
    // The next login would succeed.
    expect(faults.wasDone()).toBe(true);
    await pause(REST_MS);
    expect(await source.sign(named('first'), TEXT)).toEqual(answer);
    expect(source.processId).toBeUndefined();
  });

  it('the real token a wrong PIN', async () => {
    const source = await open({}, 'countersign', 'another pin');
    expect(await source.sign(named('first'), TEXT)).toEqual(refused(/CKR_PIN_INCORRECT/));
  });
});

describe('a token or module that is not there', () => {
  const away = (reason: RegExp) => faulty('away', reason);
  const answerOf = async (others: Partial<Pkcs11Settings>, token?: string) =>
    (await open(others, token)).sign(named('first'), TEXT);

  it('says which', async () => {
    expect(await answerOf({}, 'no such')).toEqual(away(/there is no token labelled "no such"/));
    expect(await answerOf({ token: undefined, slot: 12_345 })).toEqual(
      away(/there is no token in slot 12345/),
    );
    expect(await answerOf({ modulePath: '/no/such/module.so' })).toEqual(
      away(/\/no\/such\/module.so cannot be read/),
    );
    expect(await answerOf({ modulePath: softHsm.folder })).toEqual(away(/is no file/));
    expect(await answerOf({ environment: { SOFTHSM2_CONF: '/no/such' } })).toEqual(away(/C_Initialize/));
  });

  it('loads no file that is no module', async () => {
    const text = join(softHsm.folder, 'text.so');
    writeFileSync(text, 'no library', { mode: 0o644 });
    expect(await answerOf({ modulePath: text })).toEqual(
      away(/cannot open the token: .*text.so: file too short/),
    );
    expect(await answerOf({ modulePath: process.execPath })).toEqual(away(/cannot open the token/));
  });

  it('loads no module that others may change', async () => {
    const folder = join(softHsm.folder, 'open');
    mkdirSync(folder, { mode: 0o755 });
    const modulePath = join(folder, 'module.so');
    copyFileSync(softHsm.module, modulePath);
    for (const mode of [0o666, 0o664, 0o777]) {
      chmodSync(modulePath, mode);
      expect(await answerOf({ modulePath })).toEqual(away(/can be changed by others .* chmod go-w/));
    }
    chmodSync(modulePath, 0o644);
    chmodSync(folder, 0o777);
    expect(await answerOf({ modulePath })).toEqual(away(/open, where .* can be changed by others/));
    chmodSync(folder, 0o755);
    await expectSigned(await open({ modulePath }), 'first', TEXT);
  });

  it('comes when the token comes, without a restart', async () => {
    const source = await open({}, 'later');
    expect(await source.sign(named('first'), TEXT)).toEqual(away(/there is no token/));
    softHsm.makeToken('later', PIN, ['first']);
    await until('it signs', async () => (await source.sign(named('first'), TEXT)).ok);
  });
});

describe('a process of the module that is not well', () => {
  it('is killed when it does not answer in time, and replaced', async () => {
    const source = await open({ timeoutMilliseconds: 2_000 });
    const pid = await proven(source);
    process.kill(pid, 'SIGSTOP');
    expect(await source.sign(named('first'), TEXT)).toEqual({
      ok: false,
      fault: 'away',
      reason: 'has not answered within 2000 ms',
    });
    await isGone(pid);
    await until('it signs again', async () => (await source.sign(named('second'), TEXT)).ok);
  });

  it('loses nothing where it is killed under load', async () => {
    const source = await open();
    await proven(source);
    for (let round = 0; round < 3; round += 1) {
      const asked = Array.from({ length: 100 }, (_, at) =>
        source.sign(named(at % 2 ? 'first' : 'second'), TEXT),
      );
      await asked[20];
      process.kill(source.processId!, 'SIGKILL');
      expect((await Promise.all(asked)).filter((answer) => !answer.ok)).toEqual([]);
    }
  });

  it.each(['C_SignInit hang', 'C_Sign hang'])('does not outlast its time in %s', async (fault) => {
    const faults = softHsm.withFaults();
    const source = await open({ ...faults.settings, timeoutMilliseconds: 2_000 });
    const pid = await proven(source);
    faults.set(fault);
    expect(await source.sign(named('first'), TEXT)).toMatchObject({ ok: false, fault: 'away' });
    await isGone(pid);
    await until('it signs again', async () => (await source.sign(named('first'), TEXT)).ok);
  });

  it.each([
    ['a lost session', 'C_SignInit 0xb3'],
    ['a closed session', 'C_Sign 0xb0'],
    ['a login that is over', 'C_Sign 0x101'],
    ['a token that was taken out', 'C_SignInit 0x32'],
    ['a fault of the device', 'C_Sign 0x30'],
    ['an abort', 'C_Sign abort'],
  ])('begins anew after %s, and answers all the same', async (_name, fault) => {
    const faults = softHsm.withFaults();
    const source = await open(faults.settings);
    const pid = await proven(source);
    faults.set(fault);
    await expectSigned(source, 'first', TEXT);
    expect(faults.wasDone()).toBe(true);
    expect(source.processId).not.toBe(pid);
  });

  it('refuses what the module says of one key or message, and stays', async () => {
    const faults = softHsm.withFaults();
    const source = await open(faults.settings);
    const pid = await proven(source);
    faults.set('C_Sign 0x21');
    const answer = await source.sign(named('first'), TEXT);
    expect(answer).toMatchObject({
      ok: false,
      fault: 'refused',
      reason: expect.stringContaining('CKR_DATA_LEN_RANGE') as string,
    });
    expect(source.processId).toBe(pid);
  });

  it('hands a wrong signature on for the one who verifies it', async () => {
    const faults = softHsm.withFaults();
    const source = await open(faults.settings);
    const right = bytesOf(await source.sign(named('first'), TEXT));
    faults.set('C_Sign flip');
    expect(bytesOf(await source.sign(named('first'), TEXT))).not.toEqual(right);
  });

  it('goes with its source, and what is under way is answered', async () => {
    const source = await open();
    const pid = await proven(source);
    const asked = Array.from({ length: 50 }, () => source.sign(named('first'), TEXT));
    await source.close();
    const answers = await Promise.all(asked);
    expect(answers.filter((answer) => !answer.ok && answer.fault !== 'away')).toEqual([]);
    expect(isAlive(pid)).toBe(false);
    expect(await source.sign(named('first'), TEXT)).toMatchObject({
      ok: false,
      fault: 'away',
      reason: 'is closed',
    });
  });

  it('goes with a source that is closed while it is opened, stopped or hanging', async () => {
    const early = await open();
    const pid = early.processId!;
    await early.close();
    expect(isAlive(pid)).toBe(false);
    const stopped = await open();
    const second = await proven(stopped);
    process.kill(second, 'SIGSTOP');
    await stopped.close();
    expect(isAlive(second)).toBe(false);
  });

  it.each(['none', 'C_SignInit hang'])(
    'dies with a parent that is killed (fault of the module: %s)',
    async (fault) => {
      const faults = softHsm.withFaults();
      const settings = softHsm.settings('countersign', PIN, faults.settings);
      const compiled = compileScript('test/contract/pkcs11-parent-child.ts');
      const task = { settings, pin: PIN, processMain: script.path, key: 'first' };
      const parent = runScript(compiled, task satisfies ParentTask);
      for await (const line of parent.lines) {
        expect(line).toMatch(/^\d+$/);
        faults.set(fault);
        await until('the fault is done', () => fault === 'none' || faults.wasDone());
        expect(isAlive(Number(line))).toBe(true);
        parent.process.kill('SIGKILL');
        await parent.ended;
        await isGone(Number(line));
      }
      compiled.remove();
      rmSync(join(softHsm.folder, 'fault'), { force: true });
    },
  );
});

test('a process that the machine cannot start is a fault of the source, and none of ours', async () => {
  const source = await open({ environment: { ...softHsm.environment, LONG: 'x'.repeat(1_000_000) } });
  expect(await source.sign(named('first'), TEXT)).toMatchObject({
    ok: false,
    fault: 'away',
    reason: expect.stringContaining('cannot be started') as string,
  });
});
