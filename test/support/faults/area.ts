/** The forms of the fault matrix. */

/** A row of the matrix. */
export interface Fault {
  readonly fault: string;
  readonly promise: string;
}

/** A table of the matrix; faults by id, in the order of their rows. */
export interface Area {
  readonly area: string;
  readonly faults: Readonly<Record<string, Fault>>;
}
