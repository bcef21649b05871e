/** Ways in which the cases change a body before it is signed. */
import type { Body } from '../../../tools/local-federation/bodies.js';
import { telemetry, type Draft } from '../support/requests.js';
import { ATTESTED } from '../support/world.js';
import { invalidBody, refusal, type RefusalCase } from './case.js';

/** A request whose body was changed before it was signed; refused as the contract has it, unless said otherwise. */
export const changed = (
  title: string,
  change: (body: Body) => Body,
  make: (draft: Draft) => ReturnType<typeof telemetry> = telemetry,
  refused = invalidBody('body_contract'),
): RefusalCase => refusal(`${title} is refused`, refused, ({ a }) => make({ by: a, change }));

/** Sets a member at the top of the body. */
export const member =
  (name: string, value: unknown) =>
  (body: Body): Body => ({ ...body, [name]: value });

/** Leaves a member out. */
export function without(name: string): (body: Body) => Body {
  return (body) => Object.fromEntries(Object.entries(body).filter(([other]) => other !== name));
}

/** Changes the attributes of a telemetry payload. */
export const attributes =
  (change: Body) =>
  (body: Body): Body => {
    const payload = body['payload'] as Body;
    return {
      ...body,
      payload: { ...payload, attributes: { ...(payload['attributes'] as Body), ...change } },
    };
  };

/** A measurement that its identity may present, for the cases that pass. */
export const withAttestation = attributes({ attestation_measurement_hash: ATTESTED.toUpperCase() });
