/**
 * The start-up self-test (docs/security-requirements.md#6): every engine in use, and tweetnacl as an independent one, must give
 * the known verdict of every case. A process that fails it must not serve.
 */
import { bytesFromHex } from './bytes.js';
import { createStrictVerifier, type Ed25519Engine } from './ed25519.js';
import { findPointFault } from './edwards-point.js';
import { KNOWN_ANSWERS, REFUSED_KEYS, type KnownAnswer } from './known-answers.js';
import { tweetnaclEngine } from './portable.js';

/** The name under which a failure of our own key judgement is reported. */
const KEY_JUDGEMENT = 'key judgement';

/** Outcome of the self-test; a failure names the first wrong answer. */
type SelfTestResult =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** Name of the engine, or `key judgement`. */
      readonly engine: string;
      /** Name of the case, for the log. */
      readonly case: string;
    };

interface BytesOfAnswer {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly accepted: boolean;
}

function toBytes(answer: KnownAnswer): BytesOfAnswer {
  return {
    name: answer.name,
    publicKey: bytesFromHex(answer.publicKey),
    message: bytesFromHex(answer.message),
    signature: bytesFromHex(answer.signature),
    accepted: answer.accepted,
  };
}

function withFlippedBit(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, at) => (at === index ? byte ^ 1 : byte));
}

/** What must be refused once a single bit of an accepted answer is another. */
function tamperedCopies(answer: BytesOfAnswer): readonly BytesOfAnswer[] {
  const tampered = { ...answer, accepted: false };
  return [
    { ...tampered, name: `${answer.name}, R tampered`, signature: withFlippedBit(answer.signature, 0) },
    { ...tampered, name: `${answer.name}, S tampered`, signature: withFlippedBit(answer.signature, 32) },
    { ...tampered, name: `${answer.name}, message tampered`, message: withFlippedBit(answer.message, 0) },
  ];
}

/** An engine that throws has not given the verdict. */
function givesVerdict(engine: Ed25519Engine, answer: BytesOfAnswer): boolean {
  try {
    const key = { raw: answer.publicKey };
    return createStrictVerifier(engine).verify(key, answer.message, answer.signature) === answer.accepted;
  } catch {
    return false;
  }
}

/** The accepted answers have one key each; judging a key again for every refusal would only cost time. */
function findWrongKeyJudgement(answers: readonly BytesOfAnswer[]): string | undefined {
  const goodKeys = answers.filter(({ accepted }) => accepted);
  const refused = goodKeys.find(({ publicKey }) => findPointFault(publicKey) !== undefined);
  const misjudged = REFUSED_KEYS.find(
    ({ publicKey, fault }) => findPointFault(bytesFromHex(publicKey)) !== fault,
  );
  return refused?.name ?? misjudged?.name;
}

/** Name of the first known answer of which the engine gives a wrong verdict; some milliseconds. Never throws. */
export function findWrongAnswer(engine: Ed25519Engine): string | undefined {
  const known = KNOWN_ANSWERS.map(toBytes);
  const last = known.findLast(({ accepted }) => accepted);
  const answers = last === undefined ? known : [...known, ...tamperedCopies(last)];
  return answers.find((answer) => !givesVerdict(engine, answer))?.name;
}

/**
 * Asks every engine for every known answer. Takes some tenths of a second, nearly all of it tweetnacl's.
 * @param engines those in use; tweetnacl is always asked too. Never throws.
 */
export function selfTest(engines: readonly Ed25519Engine[]): SelfTestResult {
  const wrongKey = findWrongKeyJudgement(KNOWN_ANSWERS.map(toBytes));
  if (wrongKey !== undefined) return { ok: false, engine: KEY_JUDGEMENT, case: wrongKey };
  for (const engine of new Set([...engines, tweetnaclEngine])) {
    const wrong = findWrongAnswer(engine);
    if (wrong !== undefined) return { ok: false, engine: engine.name, case: wrong };
  }
  return { ok: true };
}
