/** Who may sign a log's checkpoints for those who verify it: keys of the log, or a policy with the witnesses that it wants. */
import { parseCheckpoint, type Checkpoint } from '../../tlog/checkpoint.js';
import { parseNote, verifyNote, type Note, type NoteVerifier } from '../../tlog/note.js';
import { cosignersOf, hasQuorum, type Policy } from '../../tlog/policy.js';
import { TlogError } from '../../tlog/tlog-error.js';

/** What is trusted. */
export interface LogTrust {
  /** Keys of the log: one of them must have signed, as the checkpoint's origin. */
  readonly keys: readonly NoteVerifier[];
  /** Its logs are keys as well; its quorum must have cosigned. */
  readonly policy: Policy | undefined;
}

/** A checkpoint whose signatures are right. */
export interface TrustedCheckpoint extends Checkpoint {
  readonly root: Buffer;
  /** Of the log's own signature. */
  readonly signedBy: NoteVerifier;
  /** The policy's names of those whose cosignature is on it. */
  readonly cosigners: readonly string[];
  readonly hasQuorum: boolean;
}

/** Judges a checkpoint file's text. Throws `TlogError` when it is none, or not signed by a key that is trusted, or forged. */
export function trustCheckpoint(text: string, { keys, policy }: LogTrust): TrustedCheckpoint {
  const note = parseNote(text);
  const checkpoint = parseCheckpoint(note.text);
  const known = [...keys, ...(policy?.logs ?? []).map(({ verifier }) => verifier)];
  const signedBy = signerOf(note, checkpoint.origin, known);
  const cosigners = policy === undefined ? new Set<string>() : cosignersOf(note, policy);
  return {
    ...checkpoint,
    root: Buffer.from(checkpoint.root),
    signedBy,
    cosigners: [...cosigners],
    hasQuorum: policy === undefined || hasQuorum(policy, cosigners),
  };
}

function signerOf(note: Note, origin: string, known: readonly NoteVerifier[]): NoteVerifier {
  let signer: NoteVerifier | undefined;
  for (const verifier of known) {
    const { kind } = verifyNote(note, verifier);
    if (kind === 'forged')
      throw new TlogError(`the signature of ${verifier.name} is forged, or what it signs was changed`);
    if (kind === 'verified' && verifier.name === origin) signer = verifier;
  }
  if (signer !== undefined) return signer;
  if (known.some(({ name }) => name === origin))
    throw new TlogError(`no key of ${origin} that is trusted has signed it`);
  throw new TlogError(
    `it is of the log ${origin}, and trusted are the keys of ${known.map(({ name }) => name).join(', ')}`,
  );
}

/** What is missing of a quorum, as a phrase. */
export function quorumFault({ quorum, witnesses }: Policy, cosigners: readonly string[]): string {
  const others = [...witnesses.keys()].filter((name) => !cosigners.includes(name));
  const has = cosigners.length === 0 ? 'no witness has' : `only ${cosigners.join(', ')} has or have`;
  return `the quorum ${quorum} is not reached: ${has} cosigned it, and ${others.join(', ')} not`;
}
