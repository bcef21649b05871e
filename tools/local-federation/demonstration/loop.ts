/**
 * The whole loop (docs/wire-contract.md#a-signed-answer): telemetry → graph → query → signed answer → verified → bound → decision,
 * and what must not change a decision. Its rows are made one after the other, as each needs what the last one left.
 */
import { randomUUID } from 'node:crypto';
import { executionFingerprint, type Execution } from '../../../src/client/index.js';
import type { ReachableFederation } from '../attach.js';
import { ATTESTATION, feedbackBody, graphBody, PATHS, telemetryBody, type Body } from '../bodies.js';
import { FEEDBACK_KID, PRODUCER_A, PRODUCER_B, type Party } from '../parties.js';
import { newNonce, type Credentials, type ProducerAnswer, type SignedParts } from '../producer.js';
import { signedSending } from './cases.js';
import { FeedbackConsumer, type Taken } from './feedback-consumer.js';
import { sendPatiently, type Say } from './patience.js';

/** One line of the loop's table, as it turned out. */
export interface LoopRow {
  readonly title: string;
  readonly expected: string;
  readonly got: string;
  readonly asExpected: boolean;
}

/** Both targets of the execution, and one that it has nothing to do with. */
const TIGHTENED = 'urn:target:loop:eight-nodes';
const OBSERVED = 'urn:target:loop:seven-nodes';
const UNTOUCHED = 'urn:target:loop:untouched';
const TARGETS = [TIGHTENED, OBSERVED, UNTOUCHED] as const;

/** Goes round once, through Envoy, with the reference upstream behind it. */
export async function goRound(federation: ReachableFederation, say: Say): Promise<readonly LoopRow[]> {
  const round = new Round(federation, say);
  await round.tell();
  const answer = await round.ask('feedback query', federation.credentials.producerA, PRODUCER_A);
  round.decide('decision before any feedback', TIGHTENED, 'allow (unbound)');
  await round.refuseForgeries(answer);
  round.bind(answer);
  round.decide('decision about the target of the eight nodes', TIGHTENED, 'refuse (tighten 0.82)');
  round.decide('decision about the target of the seven nodes', OBSERVED, 'allow (observe 0.55)');
  round.decide('decision about another target', UNTOUCHED, 'allow (unbound)');
  round.changesNothing('the same answer once more', 'replayed', () => round.take(answer));
  return round.rows;
}

/** A fingerprint as a producer names an execution that it has just run. */
function newExecution({ operator, tenant }: Party, timestamp: number): string {
  return executionFingerprint({
    manifestHash: ATTESTATION,
    toolHash: ATTESTATION,
    operatorId: operator,
    tenantId: tenant,
    policyDecisionHash: randomUUID(),
    attestationMeasurementHash: ATTESTATION,
    timestamp: String(timestamp),
  });
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

class Round {
  readonly rows: LoopRow[] = [];
  readonly #federation: ReachableFederation;
  readonly #say: Say;
  readonly #consumer: FeedbackConsumer;
  readonly #fingerprint = newExecution(PRODUCER_A, nowSeconds());

  constructor(federation: ReachableFederation, say: Say) {
    const { COUNTERSIGN_FEEDBACK_KEYRING_JSON: keyring } = federation.environment;
    this.#federation = federation;
    this.#say = say;
    this.#consumer = new FeedbackConsumer(PRODUCER_A.tenant, keyring, { nowMs: Date.now });
  }

  /** The producer tells what it has run. */
  async tell(): Promise<void> {
    const execution = this.#fingerprint;
    await this.#accept('telemetry of the execution', PATHS.telemetry, (parts) =>
      telemetryBody(PRODUCER_A, parts, execution),
    );
    for (const [nodes, target] of [
      [8, TIGHTENED],
      [7, OBSERVED],
    ] as const) {
      await this.#accept(`its graph of ${nodes} nodes`, PATHS.graph, (parts) =>
        graphBody(PRODUCER_A, parts, nodes, { fingerprint: execution, target }),
      );
    }
  }

  /** The answer to a feedback query, as it was delivered. */
  async ask(title: string, by: Credentials, party: Party): Promise<string> {
    const { status, body } = await this.#send(title, by, PATHS.feedback, (parts) =>
      feedbackBody(party, parts),
    );
    const signer = /"kid": ?"([^"]*)"/.exec(body)?.[1];
    this.#add(
      title,
      `200, signed by ${FEEDBACK_KID}`,
      `${status}, ${signer === undefined ? 'unsigned' : `signed by ${signer}`}`,
    );
    return body;
  }

  /** None of these may change a decision, nor use up the genuine answer's nonce. */
  async refuseForgeries(answer: string): Promise<void> {
    this.changesNothing('the answer, tampered with: observe → deny', 'bad_signature', () =>
      this.take(answer.replaceAll('"observe"', '"deny"')),
    );
    this.changesNothing('the answer under an unknown kid', 'unknown_kid', () =>
      this.take(answer.replace(/("kid": ?)"[^"]*"/, '$1"unknown"')),
    );
    const { producerA, producerB } = this.#federation.credentials;
    const foreign = await this.ask('feedback query of the other tenant', producerB, PRODUCER_B);
    this.changesNothing("the other tenant's answer", 'bad_signature', () => this.take(foreign));
    const again = await this.ask('another feedback query', producerA, PRODUCER_A);
    this.changesNothing('its answer, for an execution that was not run', '0 bound', () =>
      this.take(again, newExecution(PRODUCER_A, 0)),
    );
  }

  /** The genuine answer, for the execution that was run; the measurement is the one that was attested at ingress. */
  bind(answer: string): void {
    this.#add('the answer, for the execution that was run', '2 bound', this.#words(this.take(answer)));
    const input = this.#consumer.inputFor(TIGHTENED);
    const measured = input.feedback_bound ? input.feedback_attestation_measurement_hash : 'none';
    this.#add('measurement in the decision’s input', ATTESTATION.slice(0, 16), measured.slice(0, 16));
  }

  decide(title: string, target: string, expected: string): void {
    this.#add(title, expected, this.#decision(target));
  }

  changesNothing(title: string, expected: string, take: () => Taken): void {
    const before = TARGETS.map((target) => this.#decision(target)).join();
    const outcome = this.#words(take());
    const after = TARGETS.map((target) => this.#decision(target)).join();
    const change = after === before ? 'nothing changed' : 'decisions CHANGED';
    this.#add(title, `${expected}, nothing changed`, `${outcome}, ${change}`);
  }

  take(answer: string, fingerprint = this.#fingerprint): Taken {
    const execution: Execution = { executionFingerprints: [fingerprint], attestationHashes: [ATTESTATION] };
    return this.#consumer.take(answer, execution);
  }

  #words(taken: Taken): string {
    return taken.kind === 'refused' ? taken.code : `${taken.applied} bound`;
  }

  #decision(target: string): string {
    const input = this.#consumer.inputFor(target);
    const why = input.feedback_bound ? `${input.feedback_action} ${input.feedback_confidence}` : 'unbound';
    return `${this.#consumer.allows(target) ? 'allow' : 'refuse'} (${why})`;
  }

  async #accept(title: string, path: string, body: (parts: SignedParts) => Body): Promise<void> {
    const { status } = await this.#send(title, this.#federation.credentials.producerA, path, body);
    this.#add(title, '202', String(status));
  }

  #send(
    title: string,
    by: Credentials,
    path: string,
    body: (parts: SignedParts) => Body,
  ): Promise<ProducerAnswer> {
    const prepare = (): ReturnType<typeof signedSending> => {
      const parts = { timestamp: nowSeconds(), nonce: newNonce() };
      return signedSending(by, path, parts, Buffer.from(JSON.stringify(body(parts))));
    };
    return sendPatiently(this.#federation.gateway, prepare, { title, say: this.#say });
  }

  #add(title: string, expected: string, got: string): void {
    this.rows.push({ title, expected, got, asExpected: got === expected });
  }
}
