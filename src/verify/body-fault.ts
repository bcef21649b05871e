/** What is wrong with a body that is not accepted: for the record, and for a client whose signature has verified. */
import type { JsonFault } from '../json/faults.js';

/** What a member is, or what makes the whole body no acceptable JSON. */
export type BodyProblem =
  | 'missing'
  /** Another JSON type; a float where an integer belongs. */
  | 'wrong_type'
  /** Of the right type, but not of the syntax, the length or the bounds. */
  | 'malformed'
  /** A closed object has a member that the contract does not know. */
  | 'undeclared_member'
  /** Well formed, but not on the list that applies. */
  | 'not_allowed'
  /** Not the value that it repeats. */
  | 'mismatch'
  | JsonFault;

/** Nothing in it is the sender's text. */
export interface BodyFault {
  readonly problem: BodyProblem;
  /** RFC 6901, of the contract; with `undeclared_member` that of the object, the whole body being ''. */
  readonly pointer?: string;
  /** Byte offset in the body, where it is no acceptable JSON. */
  readonly offset?: number;
}
