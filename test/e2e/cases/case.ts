/** One named thing that is sent through Envoy, with the outcome that it must have. */
import type { ExpectedRefusal } from '../support/expectations.js';
import type { Outgoing, Protocol } from '../support/outgoing.js';
import type { World } from '../support/world.js';

interface CaseBase {
  /** A sentence of behaviour. */
  readonly title: string;
  readonly make: (world: World) => Outgoing;
  /** Where only one protocol can say it, or where the two differ. Default: both. */
  readonly on?: Protocol;
}

/** Refused by the verifier. */
export interface RefusalCase extends CaseBase {
  readonly refused: ExpectedRefusal;
}

/** Refused by Envoy before the verifier is asked. */
export interface UnaskedCase extends CaseBase {
  readonly status: number;
  readonly client: string;
  /** What the verifier says where ext_proc asks it all the same. */
  readonly byExtProc?: ExpectedRefusal;
}

/** Let through. */
export interface AllowCase extends CaseBase {
  readonly status: number;
  /** What the application sees as path, where it is not what was sent. */
  readonly arrivesAs?: string;
}

/** Let through unchecked. */
export interface PassThroughCase extends CaseBase {
  readonly arrivesAs?: string;
}

type Code = ExpectedRefusal['audit'];
type Outcome = (audit: Code) => ExpectedRefusal;

/** 401 before anything is proven: the client learns nothing more. */
export const unauthenticated: Outcome = (audit) => ({ status: 401, client: 'unauthenticated', audit });
export const invalidBody: Outcome = (audit) => ({ status: 422, client: 'invalid_body', audit });
export const invalidJson: ExpectedRefusal = { status: 422, client: 'invalid_json', audit: 'body_not_json' };
export const notFound: Outcome = (audit) => ({ status: 404, client: 'not_found', audit });
export const notPermitted: Outcome = (audit) => ({ status: 403, client: 'operator_not_permitted', audit });
export const tooLarge: Outcome = (audit) => ({ status: 413, client: 'body_not_accepted', audit });
export const wrongMethod: ExpectedRefusal = {
  status: 405,
  client: 'method_not_allowed',
  audit: 'method_not_allowed',
};

export function refusal(
  title: string,
  refused: ExpectedRefusal,
  make: CaseBase['make'],
  on?: Protocol,
): RefusalCase {
  return { title, refused, make, ...(on !== undefined && { on }) };
}
