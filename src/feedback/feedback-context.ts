/** For whom an answer is signed: what the verifier established about the query, by its own word. */
export interface FeedbackQuery {
  /** The verified tenant, byte for byte as the query had it. */
  readonly tenant: string;
  /** Our id of the decision that let the query through. */
  readonly decisionId: string;
  /** Name of the policy. */
  readonly policy: string;
  readonly operator: string | undefined;
  readonly identity: string | undefined;
}
