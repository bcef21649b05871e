/** A checkpoint that gathers the cosignatures of a policy's witnesses. */
import { verifyNote } from '../../tlog/note.js';
import { hasQuorum, type Policy } from '../../tlog/policy.js';
import type { SealedCheckpoint } from '../holders/sealed-log.js';

export class CosignedCheckpoint {
  readonly checkpoint: SealedCheckpoint;
  readonly #policy: Policy;
  readonly #lines = new Map<string, string>();

  constructor(checkpoint: SealedCheckpoint, policy: Policy) {
    this.checkpoint = checkpoint;
    this.#policy = policy;
    this.takeFrom(checkpoint);
  }

  /** Takes over the cosignatures that another copy of the same checkpoint has; nothing from any other. */
  takeFrom({ note }: SealedCheckpoint): void {
    if (note.text !== this.checkpoint.note.text) return;
    for (const [witness, { verifier }] of this.#policy.witnesses) {
      if (verifyNote(note, verifier).kind !== 'verified') continue;
      const own = note.signatures.filter(
        ({ name, keyId }) => name === verifier.name && keyId === verifier.keyId,
      );
      this.#lines.set(witness, own.map(({ line }) => line).join(''));
    }
  }

  /** `line`: verified already. */
  add(witness: string, line: string): void {
    this.#lines.set(witness, line);
  }

  has(witness: string): boolean {
    return this.#lines.has(witness);
  }

  /** The lines of the witnesses, in the order of the policy. */
  get cosignatures(): readonly string[] {
    return [...this.#policy.witnesses.keys()].flatMap((witness) => this.#lines.get(witness) ?? []);
  }

  /** Whether the policy has enough. */
  get isWitnessed(): boolean {
    return hasQuorum(this.#policy, new Set(this.#lines.keys()));
  }

  /** The whole note: the log's own signatures, then the witnesses' in the order of the policy. */
  text(): string {
    const { note } = this.checkpoint;
    const witnesses = [...this.#policy.witnesses.values()].map(({ verifier }) => verifier);
    const others = note.signatures.filter(
      ({ name, keyId }) => !witnesses.some((one) => one.name === name && one.keyId === keyId),
    );
    return `${note.text}\n${others.map(({ line }) => line).join('')}${this.cosignatures.join('')}`;
  }
}
