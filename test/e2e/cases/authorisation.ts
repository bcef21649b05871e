/** For whom a proven caller may speak, what a bundle may say, and how much. */
import type { Body } from '../../../tools/local-federation/bodies.js';
import { PRODUCER_A, PRODUCER_B } from '../../../tools/local-federation/parties.js';
import { removing } from '../support/outgoing.js';
import { bundle, feedback, graph, nowSeconds, signedBytes, telemetry } from '../support/requests.js';
import { NOTES_MAX_BYTES, type World } from '../support/world.js';
import { changed } from './body-changes.js';
import { notPermitted, refusal, tooLarge, unauthenticated, type RefusalCase } from './case.js';

const notOwn = notPermitted('operator_not_of_identity');
const wrongTenant = notPermitted('tenant_mismatch');

const authorisation: RefusalCase[] = [
  refusal("the other producer's operator is refused", notOwn, ({ a }) =>
    telemetry({ by: a, party: PRODUCER_B }),
  ),
  refusal("one's own operator for the other tenant is refused", wrongTenant, ({ a }) =>
    telemetry({ by: a, party: { ...PRODUCER_A, tenant: PRODUCER_B.tenant } }),
  ),
  refusal('a feedback query for the other tenant is refused', wrongTenant, ({ a }) =>
    feedback({ by: a, party: { ...PRODUCER_A, tenant: PRODUCER_B.tenant } }),
  ),
  refusal('a graph for the other tenant is refused', wrongTenant, ({ a }) =>
    graph({ by: a, party: { ...PRODUCER_A, tenant: PRODUCER_B.tenant } }),
  ),
  refusal('an operator that maps to no tenant is refused', notPermitted('operator_unmapped'), ({ named }) =>
    telemetry({ by: named('producer-open'), party: { ...PRODUCER_A, operator: 'operator-nobody' } }),
  ),
  refusal(
    'an operator named like a member of every object maps to no tenant',
    notPermitted('operator_unmapped'),
    ({ named }) => telemetry({ by: named('producer-open'), party: { ...PRODUCER_A, operator: 'toString' } }),
  ),
  refusal('an operator with a space behind it is another operator', notOwn, ({ a }) =>
    telemetry({ by: a, party: { ...PRODUCER_A, operator: `${PRODUCER_A.operator} ` } }),
  ),
  refusal(
    'an attestation that is not one of the identity is refused',
    { status: 403, client: 'attestation_not_permitted', audit: 'attestation_not_allowed' },
    ({ named }) => telemetry({ by: named('producer-attested') }),
  ),
];

const bundled =
  (change: Body) =>
  (body: Body): Body => ({ bundle: { ...(body['bundle'] as Body), ...change } });

const bundles: RefusalCase[] = [
  changed('a bundle with a pipe in its operator', bundled({ operator_id: 'operator|a' }), bundle),
  changed('a bundle with a pipe in its campaign', bundled({ campaign_id: 'campaign|local' }), bundle),
  changed('a bundle with a pipe in its nonce', bundled({ nonce: 'nonce|with-a-pipe' }), bundle),
  changed('a bundle with a nonce of 11 characters', bundled({ nonce: 'elevenchars' }), bundle),
  changed('a bundle without its signature', bundled({ signature: undefined }), bundle),
  changed('a bundle with a signature that is no base64', bundled({ signature: 'x'.repeat(88) }), bundle),
  changed('a bundle with an unknown member', bundled({ tenant_id: PRODUCER_A.tenant }), bundle),
  changed('a member beside the bundle', (body) => ({ ...body, extra: 1 }), bundle),
  refusal(
    'a bundle with another campaign than was signed is refused',
    unauthenticated('signature_invalid'),
    ({ a }) => bundle({ by: a, change: bundled({ campaign_id: 'campaign-forged' }) }),
  ),
  refusal(
    'a bundle of another timestamp than was signed is refused',
    unauthenticated('signature_invalid'),
    ({ a }) => bundle({ by: a, change: bundled({ timestamp: nowSeconds() - 1_000 }) }),
  ),
  refusal("a bundle by another producer's key is refused", unauthenticated('signature_invalid'), ({ a, b }) =>
    bundle({ by: { ...a, signingKey: b.signingKey } }),
  ),
  refusal("a bundle for the other producer's operator is refused", notOwn, ({ a }) =>
    bundle({ by: a, party: PRODUCER_B }),
  ),
  refusal(
    'a bundle over an unpinned certificate is refused',
    unauthenticated('pin_mismatch'),
    ({ unpinned }) => bundle({ by: unpinned }),
  ),
  refusal('a bundle of a revoked identity is refused', unauthenticated('identity_revoked'), ({ named }) =>
    bundle({ by: named('producer-revoked') }),
  ),
  refusal('a bundle without the identity header is refused', unauthenticated('header_missing'), ({ a }) =>
    removing(bundle({ by: a }), 'X-Service-Identity'),
  ),
];

const notes = (by: World['a'], bytes: number): ReturnType<typeof telemetry> =>
  signedBytes({ by }, '/notes', Buffer.alloc(bytes, 'n'));

const sizes: RefusalCase[] = [
  refusal('a body of one byte over its policy is refused', tooLarge('body_too_large'), ({ a }) =>
    notes(a, NOTES_MAX_BYTES + 1),
  ),
  refusal(
    'an unannounced body of one byte over its policy is refused',
    tooLarge('body_too_large'),
    ({ a }) => ({
      ...notes(a, NOTES_MAX_BYTES + 1),
      framing: 'unannounced',
      pieces: [NOTES_MAX_BYTES],
    }),
  ),
];

/** All of them. */
export const AUTHORISATION_CASES: readonly RefusalCase[] = [...authorisation, ...bundles, ...sizes];
