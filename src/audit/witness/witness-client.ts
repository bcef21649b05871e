/**
 * Asking one witness for its cosignature (C2SP tlog-witness). What comes of it is a value: a witness may be away, may
 * not know the log, or may have what contradicts it, and the last is what witnesses are for.
 */
import { isConsistent, consistencyProof, rootFromTiles } from '../../tlog/proofs.js';
import type { NoteVerifier } from '../../tlog/note.js';
import type { HttpPeer, PeerAnswer } from '../../storage/http/http-peer.js';
import type { SealedCheckpoint, SealedLog } from '../holders/sealed-log.js';
import { addCheckpointBody, cosignatureInAnswer, sizeInAnswer } from './add-checkpoint.js';

/** What came of asking; reasons are words whose subject is the witness. */
export type Cosigning =
  | { readonly kind: 'cosigned'; readonly line: string }
  | { readonly kind: 'failed'; readonly reason: string }
  /** It has cosigned a larger tree under our key. The caller knows whether there is one. */
  | { readonly kind: 'ahead'; readonly size: number }
  /** It has cosigned another tree under our key. */
  | { readonly kind: 'conflict'; readonly reason: string };

/** Whom to ask, and how. */
export interface WitnessOptions {
  readonly verifier: NoteVerifier;
  readonly peer: Pick<HttpPeer, 'exchange'>;
  /** The path of the submission prefix; without a slash at its end. */
  readonly pathPrefix: string;
  /** The wall clock, Unix milliseconds. */
  readonly nowMs: () => number;
}

/** From a size that we remember wrongly to the one that it says; more only when others ask for the same log meanwhile. */
const MAX_ATTEMPTS = 4;
/** A cosignature says when it was made, and was made just now. */
const MAX_CLOCK_DIFFERENCE_SECONDS = 300;

export class WitnessClient {
  readonly #options: WitnessOptions;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** `knownSize`: what it is thought to have; 0 where nothing is known. Never rejects. */
  async cosign(log: SealedLog, target: SealedCheckpoint, knownSize: number): Promise<Cosigning> {
    try {
      return await this.#cosign(log, target, Math.min(knownSize, target.size));
    } catch (error) {
      return failed(`could not be asked: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #cosign(log: SealedLog, target: SealedCheckpoint, knownSize: number): Promise<Cosigning> {
    let oldSize = knownSize;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const answer = await this.#ask(log, target, oldSize);
      if (!answer.ok) return failed(answer.reason);
      if (answer.status !== 409) return this.#judge(answer, target, oldSize);
      const size = sizeInAnswer(answer.headers, answer.body);
      if (oldSize === target.size && (size === undefined || size === oldSize))
        return conflict(`has cosigned another tree of ${oldSize} records`);
      if (size === undefined) return failed('answers 409 without the size that it has');
      if (size > target.size) return { kind: 'ahead', size };
      if (size === oldSize) return failed(`answers 409 to the very size that it has, ${size}`);
      oldSize = size;
    }
    return failed(`gave another size ${MAX_ATTEMPTS} times`);
  }

  async #ask(log: SealedLog, target: SealedCheckpoint, oldSize: number): Promise<PeerAnswer> {
    const body = addCheckpointBody(oldSize, await soundProof(log, target, oldSize), ownNote(log, target));
    return this.#options.peer.exchange({
      method: 'POST',
      path: `${this.#options.pathPrefix}/add-checkpoint`,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body,
    });
  }

  #judge(
    { status, body }: Extract<PeerAnswer, { ok: true }>,
    target: SealedCheckpoint,
    oldSize: number,
  ): Cosigning {
    if (status === 200) return this.#judgeCosignature(body, target);
    if (status === 422)
      return conflict(`has cosigned another tree of ${oldSize} records: ours does not extend it`);
    if (status === 404) return failed('does not know this log (404): have its operator add the origin');
    if (status === 403)
      return failed("does not have this log's key (403): have its operator add the verifier key");
    return failed(`answers ${status}`);
  }

  #judgeCosignature(body: Buffer, target: SealedCheckpoint): Cosigning {
    const { verifier, nowMs } = this.#options;
    const cosignature = cosignatureInAnswer(body, target.note.text, verifier);
    if (cosignature === undefined) return failed('answers with something else than signature lines');
    const { lines, verdict } = cosignature;
    if (verdict.kind === 'absent') return failed('answers without a cosignature of the key in the policy');
    if (verdict.kind === 'forged') return failed('answers with a cosignature that is wrong');
    const seconds = Math.round((verdict.cosignedAtSeconds ?? 0) - nowMs() / 1_000);
    if (Math.abs(seconds) > MAX_CLOCK_DIFFERENCE_SECONDS)
      return failed(
        `cosigns with a time ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} our clock`,
      );
    return { kind: 'cosigned', line: lines.join('') };
  }
}

/** A proof that was checked against our own tiles: what a witness says of it is then about its tree, not about our disk. */
async function soundProof(log: SealedLog, target: SealedCheckpoint, oldSize: number): Promise<Buffer[]> {
  const tiles = log.within(target.size);
  const proof = await consistencyProof(tiles, oldSize, target.size);
  const older = { size: oldSize, root: await rootFromTiles(tiles, oldSize) };
  if (isConsistent(older, target, proof)) return proof;
  throw new Error(`the tiles in ${log.directory} do not lead from ${oldSize} to ${target.size} records`);
}

/** With the log's own signatures alone: a witness has no use for those of others, and bounds what it reads. */
function ownNote({ verifier }: SealedLog, { note }: SealedCheckpoint): string {
  const own = note.signatures.filter(({ name }) => name === verifier.name);
  return `${note.text}\n${own.map(({ line }) => line).join('')}`;
}

function failed(reason: string): Cosigning {
  return { kind: 'failed', reason };
}

function conflict(reason: string): Cosigning {
  return { kind: 'conflict', reason };
}
