/** Notes, checkpoints, proofs and policies as the specifications have them, and nothing near them. */
import { describe, expect, test } from '@jest/globals';
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { checkpointText, parseCheckpoint } from '../../../src/tlog/checkpoint.js';
import { EMPTY_ROOT } from '../../../src/tlog/merkle.js';
import {
  parseNote,
  parseVerifierKey,
  signatureLine,
  verifierKeyText,
  verifyNote,
} from '../../../src/tlog/note.js';
import { cosignersOf, hasQuorum, parsePolicy } from '../../../src/tlog/policy.js';
import { encodeProofFile, parseProofFile } from '../../../src/tlog/proof-file.js';

function keyOf(name: string): { readonly raw: Buffer; readonly sign: (message: Uint8Array) => Buffer } {
  const seed = createHash('sha256').update(name).digest();
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { raw, sign: (message) => sign(null, message, key) };
}

const ORIGIN = 'log.example/audit';
const log = keyOf('log');
const text = checkpointText({ origin: ORIGIN, size: 0, root: EMPTY_ROOT });
const logVerifier = parseVerifierKey(verifierKeyText(ORIGIN, log.raw));
const note = `${text}\n${signatureLine(text, ORIGIN, log.raw, log.sign)}`;

function cosignature(name: string, seconds = 1_700_000_000, signedSeconds = seconds): string {
  const key = keyOf(name);
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(parseVerifierKey(verifierKeyText(name, key.raw, 4)).keyId);
  bytes.writeBigUInt64BE(BigInt(seconds), 4);
  const signature = key.sign(Buffer.from(`cosignature/v1\ntime ${signedSeconds}\n${text}`));
  return `— ${name} ${Buffer.concat([bytes, signature]).toString('base64')}\n`;
}

describe('a note', () => {
  test('of the specification is read and verified as its key id says', () => {
    // C2SP signed-note, "Note".
    const example =
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';
    const { signatures, text: signed } = parseNote(example);
    expect(signatures.map(({ name, keyId }) => [name, keyId])).toEqual([
      ['quasimodo.example/salvatore', 0x367ba04b],
    ]);
    expect(signed.endsWith('sera.\n')).toBe(true);
  });

  test('is verified under its key alone, and with every byte', () => {
    expect(verifyNote(parseNote(note), logVerifier)).toEqual({
      kind: 'verified',
      cosignedAtSeconds: undefined,
    });
    const other = parseVerifierKey(verifierKeyText(ORIGIN, keyOf('other').raw));
    expect(verifyNote(parseNote(note), other).kind).toBe('absent');
    expect(verifyNote(parseNote(note.replace('\n0\n', '\n1\n')), logVerifier).kind).toBe('forged');
    const twice = `${note}${signatureLine('other\n', ORIGIN, log.raw, log.sign)}`;
    expect(verifyNote(parseNote(twice), logVerifier).kind).toBe('forged');
  });

  test.each([
    ['without a signature', text],
    ['with a carriage return', note.replace('\n', '\r\n')],
    ['whose last line has no end', note.slice(0, -1)],
    ['with another dash', note.replace('—', '-')],
    ['with base64 that is not canonical', note.replace(/.=*\n$/, '!\n')],
    ['with a line between the signatures', `${note}\n`],
  ])('is not one %s', (_, broken) => expect(() => parseNote(broken)).toThrow(/note/));

  test('has a verifier key whose hash is its own', () => {
    expect(logVerifier.text).toBe(verifierKeyText(ORIGIN, log.raw));
    const [name = '', , key = ''] = logVerifier.text.split('+');
    expect(() => parseVerifierKey(`${name}+00000000+${key}`)).toThrow('is not that of its key');
    expect(() => parseVerifierKey(logVerifier.text.replace('+', ' +'))).toThrow('not a verifier key');
  });
});

describe('a checkpoint', () => {
  test('is read as it is written, and its extension lines are passed over', () => {
    expect(parseCheckpoint(text)).toEqual({ origin: ORIGIN, size: 0, root: Uint8Array.from(EMPTY_ROOT) });
    expect(parseCheckpoint(`${text}more\n`).size).toBe(0);
  });

  test.each([
    text.replace('\n0\n', '\n00\n'),
    text.replace('\n0\n', '\n-1\n'),
    text.slice(0, -1),
    `${text}\n`,
    text.replace('=', ''),
    `\n${text}`,
  ])('is not %j', (broken) => expect(() => parseCheckpoint(broken)).toThrow(/checkpoint/));
});

describe('a policy', () => {
  const witness = (name: string): string =>
    `witness ${name} ${verifierKeyText(name, keyOf(name).raw, 4)} https://${name}.example/`;
  const policy = parsePolicy(
    [
      '# all of it',
      `log ${logVerifier.text}`,
      witness('x1'),
      witness('x2'),
      witness('y'),
      'group xs any x1 x2',
      'group both all xs y',
      'quorum both',
      '',
    ].join('\n'),
  );

  test('asks for its quorum', () => {
    const quorate = (...names: string[]): boolean =>
      hasQuorum(
        policy,
        cosignersOf(parseNote(`${note}${names.map((name) => cosignature(name)).join('')}`), policy),
      );
    expect([quorate(), quorate('x1'), quorate('x1', 'x2'), quorate('x2', 'y'), quorate('y')]).toEqual([
      false,
      false,
      false,
      true,
      false,
    ]);
    expect(() =>
      cosignersOf(parseNote(`${note}${cosignature('y', 1_700_000_000, 1_700_000_001)}`), policy),
    ).toThrow('forged');
  });

  test.each([
    ['quorum x', 'quorum is one'],
    [
      `${witness('a')}\n${witness('a').replace('a ', 'b ')}\nquorum none`,
      'line 2 of the policy: this witness is there twice',
    ],
    [`${witness('a')}\ngroup g 2 a\nquorum g`, 'a number from 1 to 1'],
    [`${witness('a')}\ngroup g any a\ngroup h any a\nquorum g`, 'each in one group'],
    [`witness w ${logVerifier.text}\nquorum none`, 'type 4 belongs here'],
    ['log x\nquorum none', 'not a verifier key'],
    ['', 'no quorum line'],
    ['quorum none\nquorum none', 'already'],
    ['other', '"other" is none of'],
  ])('is refused: %s', (lines, why) => expect(() => parsePolicy(lines)).toThrow(why));
});

describe('a proof', () => {
  test('is read as it is written', () => {
    const proof = { index: 7, hashes: [Uint8Array.from(EMPTY_ROOT)], checkpoint: note };
    expect(parseProofFile(encodeProofFile(proof))).toEqual(proof);
    expect(
      parseProofFile(encodeProofFile({ ...proof, hashes: [] }).replace('index', 'extra YQ==\nindex')).hashes,
    ).toEqual([]);
    expect(() => parseProofFile(note)).toThrow('not a proof');
    expect(() => parseProofFile(encodeProofFile(proof).replace('index 7', 'index 07'))).toThrow('index N');
  });
});
