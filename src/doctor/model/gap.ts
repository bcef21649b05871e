/** What the model is told about the verifier, and what it could not find. */

/** Something that stands where it matters and could not be read: the judgement has a gap there. */
export interface Gap {
  readonly where: string;
  /** What it is, without a full stop. */
  readonly what: string;
}

/** What tells our filters from those of others. */
export interface KnownVerifier {
  /** Sockets of the verifier by its configuration. */
  readonly sockets: readonly string[];
  /** Clusters that the operator named. */
  readonly clusterNames: readonly string[];
}
