/** Answers of an upstream with everything in them that two JSON implementations write differently. */
import { randomBytes } from 'node:crypto';
import { DocumentSource, type Chance } from '../../property/json-documents.js';

/** An upstream's answer, as text, and what a consumer needs to know to bind all of it. */
export interface GeneratedAnswer {
  readonly text: string;
  readonly adjustments: number;
  readonly executions: readonly string[];
  readonly attestations: readonly string[];
}

/** Values that a naive signer spells in another way than CPython. */
const CONFIDENCES = [
  '1.0',
  '1e-7',
  '-0.0',
  '0',
  '1',
  '8.2E-1',
  '5e-324',
  '0.1',
  '0.82',
  '1E0',
  '0.000001',
] as const;
const TIMESTAMPS = ['1764000000', '1764000000.0', '1.764e9', '1764000000123456789012345'] as const;
const EXTRAS = [
  '"big": 9007199254740993',
  '"bigger": -123456789012345678901234567890',
  '"float": 1e16',
  '"gr\u00f6\u00dfe": "\u00e9\u2028\ud83d\ude00\\ud83d\\ude00"',
  '"\\ud83d": "\\ud800"',
  '"\\udc00\\ud800": ["\\udfff", -0, -0.0, 1.0, 100000.0, 1e5]',
  '"\ud83d\ude00": {"\\uffff": 1, "\ud83d\ude00": 2, "\\u0000": "\u007f\\u007f\\/"}',
  '"nested": {"b": [[[{"z": 1e-7, "a": 1E+22}]]], "a": null, "": {}}',
] as const;
const MAX_ADJUSTMENTS = 4;

/** Makes answers of a tenant; equal chances make equal answers. */
export class AnswerSource {
  readonly #chance: Chance;
  readonly #documents: DocumentSource;
  readonly #tenant: string;

  constructor(chance: Chance, tenant: string) {
    this.#chance = chance;
    this.#documents = new DocumentSource(chance);
    this.#tenant = tenant;
  }

  answer(): GeneratedAnswer {
    const adjustments = this.#chance.below(MAX_ADJUSTMENTS + 1);
    const executions = Array.from({ length: adjustments }, () => this.#hash());
    const attestations = Array.from({ length: adjustments }, () => this.#hash());
    const data = executions.map((execution, at) => this.#adjustment(execution, attestations[at] ?? ''));
    return { text: this.#wrap(`[${data.join(', ')}]`), adjustments, executions, attestations };
  }

  #adjustment(execution: string, attestation: string): string {
    const chance = this.#chance;
    const members = [
      `"tenant_id": "${this.#tenant}"`,
      `"execution_fingerprint": "${execution}"`,
      `"target_urn": "urn:target:${chance.below(5)}"`,
      `"action": "${chance.pick(['observe', 'tighten', 'deny'])}"`,
      `"confidence": ${chance.pick(CONFIDENCES)}`,
      `"rationale": "pr\u00fcfung ${chance.below(1000)}"`,
      '"control": "log-only"',
      `"ttl_seconds": ${60 + chance.below(86_341)}`,
      `"timestamp": ${chance.pick(TIMESTAMPS)}`,
      '"schema_version": "feedback.adjustment.v1"',
      `"attestation_measurement_hash": "${attestation}"`,
      ...EXTRAS.filter(() => chance.below(2) === 0),
      `"anything": ${this.#documents.document()}`,
    ];
    return `{${this.#shuffled(members).join(', ')}}`;
  }

  /** The three shapes in which an upstream may answer; the last one had been signed by somebody. */
  #wrap(data: string): string {
    const signature = '"signature": "AAAA", "kid": "own", "signature_algorithm": "none", "signed_at": 1.5';
    const envelope = `{"errors": [], "request_id": "upstream-1", "data": ${data}, ${signature}, "nonce": "x"}`;
    return this.#chance.pick([data, `{"data": ${data}}`, envelope]);
  }

  #hash(): string {
    const hex = randomBytes(32).toString('hex');
    return this.#chance.below(4) === 0 ? hex.toUpperCase() : hex;
  }

  #shuffled(members: readonly string[]): string[] {
    const left = [...members];
    return members.map(() => left.splice(this.#chance.below(left.length), 1)[0] ?? '');
  }
}
