/** Trust policies (C2SP tlog-policy): which logs are known, and which witnesses must have cosigned a checkpoint. */
import {
  isSameKey,
  NOTE_COSIGNATURE,
  NOTE_ED25519,
  parseVerifierKey,
  verifyNote,
  type Note,
  type NoteVerifier,
} from './note.js';
import { TlogError } from './tlog-error.js';

/** A log or a witness; `url` is where it is reached, a witness's submission prefix (C2SP tlog-witness). */
export interface PolicyParty {
  readonly verifier: NoteVerifier;
  readonly url: string | undefined;
}

/** How many of its members must have witnessed a checkpoint, each a witness or a group. */
interface Group {
  readonly threshold: number;
  readonly members: readonly string[];
}

/** A policy that was read. */
export interface Policy {
  readonly logs: readonly PolicyParty[];
  /** By the names that they have in the policy. */
  readonly witnesses: ReadonlyMap<string, PolicyParty>;
  readonly groups: ReadonlyMap<string, Group>;
  /** A witness or a group; `none` where no cosignature is asked for. */
  readonly quorum: string;
}

const MAX_LINES = 4096;

/** Reads a policy file. Throws `TlogError`, which names the line. */
export function parsePolicy(text: string): Policy {
  const reading = new PolicyReading();
  // Tab and newline are the only control characters that a policy may have (C2SP tlog-policy, "Character set").
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text))
    throw new TlogError('the policy has a control character besides tab and newline, such as one of CRLF');
  const lines = text.split('\n');
  if (lines.length > MAX_LINES) throw new TlogError(`the policy has more than ${MAX_LINES} lines`);
  lines.forEach((line, at) => {
    try {
      reading.line(line.split(/[ \t]+/).filter((word) => word !== ''));
    } catch (error) {
      throw new TlogError(`line ${at + 1} of the policy: ${(error as Error).message}`, { cause: error });
    }
  });
  return reading.policy();
}

class PolicyReading {
  readonly #logs: PolicyParty[] = [];
  readonly #witnesses = new Map<string, PolicyParty>();
  readonly #groups = new Map<string, Group>();
  readonly #used = new Set<string>();
  #quorum: string | undefined;

  line([keyword, ...words]: readonly string[]): void {
    if (keyword === undefined || keyword.startsWith('#')) return;
    if (keyword === 'log') this.#log(words);
    else if (keyword === 'witness') this.#witness(words);
    else if (keyword === 'group') this.#group(words);
    else if (keyword === 'quorum') this.#setQuorum(words);
    else throw new TlogError(`"${keyword.slice(0, 40)}" is none of log, witness, group, quorum`);
  }

  policy(): Policy {
    if (this.#quorum === undefined)
      throw new TlogError('the policy has no quorum line: name a witness or a group, or none');
    return { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum: this.#quorum };
  }

  #log([key, url, ...more]: readonly string[]): void {
    const verifier = this.#key(key, NOTE_ED25519, more);
    if (this.#logs.some((other) => isSameKey(other.verifier, verifier)))
      throw new TlogError('this log is there twice');
    this.#logs.push({ verifier, url });
  }

  #witness([name, key, url, ...more]: readonly string[]): void {
    const verifier = this.#key(key, NOTE_COSIGNATURE, more);
    if ([...this.#witnesses.values()].some((other) => isSameKey(other.verifier, verifier)))
      throw new TlogError('this witness is there twice');
    this.#witnesses.set(this.#newName(name), { verifier, url });
  }

  #group([name, threshold, ...members]: readonly string[]): void {
    const unused = members.every((member) => this.#isDefined(member) && !this.#used.has(member));
    if (members.length === 0 || !unused || new Set(members).size !== members.length)
      throw new TlogError(
        'the members of a group are witnesses and groups of earlier lines, each in one group',
      );
    const needed = threshold === 'all' ? members.length : threshold === 'any' ? 1 : Number(threshold);
    if (!/^(?:all|any|[1-9][0-9]{0,3})$/.test(threshold ?? '') || needed > members.length)
      throw new TlogError(`a group needs all, any, or a number from 1 to ${members.length} of its members`);
    this.#groups.set(this.#newName(name), { threshold: needed, members });
    for (const member of members) this.#used.add(member);
  }

  #setQuorum([name, ...more]: readonly string[]): void {
    if (this.#quorum !== undefined) throw new TlogError('there is a quorum already');
    if (name === undefined || more.length > 0 || !(name === 'none' || this.#isDefined(name)))
      throw new TlogError('the quorum is one witness or group of an earlier line, or none');
    this.#quorum = name;
  }

  #key(text: string | undefined, type: number, more: readonly string[]): NoteVerifier {
    if (text === undefined || more.length > 0)
      throw new TlogError('a verifier key, and after it at most a URL');
    const verifier = parseVerifierKey(text);
    if (verifier.type !== type)
      throw new TlogError(`a key of type ${type} belongs here, not one of type ${verifier.type}`);
    return verifier;
  }

  #newName(name: string | undefined): string {
    if (name === undefined || name === 'none' || this.#isDefined(name))
      throw new TlogError('a name of its own comes first, and not none');
    return name;
  }

  #isDefined(name: string): boolean {
    return this.#witnesses.has(name) || this.#groups.has(name);
  }
}

/** The names of the policy's witnesses whose cosignature of the note is right. Throws `TlogError` on a forged one. */
export function cosignersOf(note: Note, { witnesses }: Policy): Set<string> {
  const cosigners = new Set<string>();
  for (const [name, { verifier }] of witnesses) {
    const { kind } = verifyNote(note, verifier);
    if (kind === 'forged') throw new TlogError(`the cosignature of ${verifier.name} is forged`);
    if (kind === 'verified') cosigners.add(name);
  }
  return cosigners;
}

/** Whether these witnesses are enough. */
export function hasQuorum({ quorum, groups }: Policy, cosigners: ReadonlySet<string>): boolean {
  const hasWitnessed = (name: string): boolean => {
    const group = groups.get(name);
    if (group === undefined) return cosigners.has(name);
    return group.members.filter(hasWitnessed).length >= group.threshold;
  };
  return quorum === 'none' || hasWitnessed(quorum);
}
