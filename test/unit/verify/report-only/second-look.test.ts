/** What report-only lets pass, and what it never does, request by request. */
import { nonceKey } from '../../../../src/verify/nonce-key.js';
import type { RefusalCode } from '../../../../src/verify/refusal.js';
import { givenUpWith, TOLERABLE_CODES } from '../../../../src/verify/report-only/tolerance.js';
import { pipelineCases } from '../../../support/pipeline-cases.js';
import { entry, lookAgainAt, toleratedIn } from '../../../support/report-only.js';
import {
  bundleFields,
  bundleParts,
  HEADER_NAMES,
  IDENTITY,
  NONCE,
  NOW_MS,
  NOW_SECONDS,
  OPERATOR,
  OTHER_CERTIFICATE,
  OTHER_IDENTITY,
  OTHER_OPERATOR,
  OTHER_TENANT,
  otherKey,
  producerKey,
  profilePolicy,
  type RequestParts,
  setBody,
  setHeader,
  signedParts,
  telemetryFields,
  telemetryParts,
  TENANT,
} from '../../../support/signed-request.js';

const isTolerable = (code: RefusalCode): boolean => TOLERABLE_CODES.includes(code);

describe('every way to be refused', () => {
  it.each(pipelineCases)('$title: $code stands where nothing is let pass', ({ parts, snapshot }) => {
    const { refusal, result } = lookAgainAt(parts(), [], snapshot);
    expect(result).toBe(refusal);
  });

  it.each(pipelineCases)('$title: $code, where all is let pass', ({ code, parts, snapshot }) => {
    const looked = lookAgainAt(parts(), [entry()], snapshot);
    const { result, refusal } = looked;
    if (!isTolerable(code)) {
      expect(result).toBe(refusal);
      return;
    }
    if (result.kind !== 'would_refuse') {
      // Something else is wrong too that is never let pass.
      expect(givenUpWith(result.notTolerated!)).toBe('never');
      return;
    }
    expect(result.refusal).toBe(refusal);
    expect(result.tolerated[0]).toBe(code);
    const { context, admissible } = result;
    if (
      result.tolerated.some((each) => each !== 'certificate_claim_mismatch' && givenUpWith(each) === 'caller')
    )
      expect(context).toEqual({});
    else expect(context).toMatchObject({ identity: IDENTITY });
    if (result.tolerated.some((each) => givenUpWith(each) === 'tenant'))
      expect(context.tenant).toBeUndefined();
    if (result.tolerated.includes('signature_invalid')) expect(admissible.once).toBeUndefined();
  });

  it.each(pipelineCases)('$title: $code, where all but $code is let pass', ({ code, parts, snapshot }) => {
    const others = TOLERABLE_CODES.filter((each) => each !== code);
    const { refusal, result } = lookAgainAt(parts(), [entry(others)], snapshot);
    expect(result).toBe(refusal);
  });
});

/** A caller who claims to be the producer and has another certificate of the same CA. */
function unpinned(): RequestParts {
  const parts: RequestParts = { ...telemetryParts(), peerCertificate: OTHER_CERTIFICATE };
  setHeader(parts, HEADER_NAMES.certificateSha256);
  return parts;
}

/** The producer before it signs. */
function unsigned(): RequestParts {
  const parts = telemetryParts();
  for (const name of [HEADER_NAMES.signature, HEADER_NAMES.nonce, HEADER_NAMES.timestamp, HEADER_NAMES.kid])
    setHeader(parts, name);
  return parts;
}

function tampered(): RequestParts {
  const parts = telemetryParts();
  setBody(
    parts,
    JSON.stringify(telemetryFields({ campaign_id: 'campaign-1', execution_hash: '00'.repeat(32) })),
  );
  return parts;
}

describe('an entry names all that it gives up', () => {
  const cases: readonly (readonly [string, () => RequestParts, readonly RefusalCode[]])[] = [
    ['a certificate that is not pinned', unpinned, ['pin_mismatch']],
    [
      'no certificate',
      () => ({ ...telemetryParts(), peerCertificate: 'missing' }),
      ['certificate_missing', 'pin_mismatch'],
    ],
    ['no signature', unsigned, ['header_missing', 'signature_invalid']],
    ['a wrong signature', tampered, ['signature_invalid']],
    [
      'an unknown name',
      () => {
        const parts = telemetryParts();
        setHeader(parts, HEADER_NAMES.identity, 'nobody');
        return parts;
      },
      ['identity_unknown', 'pin_mismatch', 'signature_invalid', 'tenant_mismatch'],
    ],
    [
      'an unknown name on a route without a contract',
      () => {
        const parts = signedParts();
        setHeader(parts, HEADER_NAMES.identity, 'nobody');
        return parts;
      },
      ['identity_unknown', 'pin_mismatch', 'signature_invalid'],
    ],
    [
      'no name',
      () => {
        const parts = signedParts();
        setHeader(parts, HEADER_NAMES.identity);
        return parts;
      },
      ['header_missing', 'signature_invalid', 'identity_unknown', 'pin_mismatch'],
    ],
    ['a body that is no JSON', () => telemetryParts('{'), ['body_not_json', 'tenant_mismatch']],
    [
      'a body that is compressed',
      () => {
        const parts = telemetryParts();
        setHeader(parts, 'content-encoding', 'gzip');
        return parts;
      },
      ['content_encoding', 'tenant_mismatch'],
    ],
    [
      'a stale signature by somebody else',
      () => signedParts({ timestamp: String(NOW_SECONDS - 400), key: otherKey }),
      ['timestamp_outside_window', 'signature_invalid'],
    ],
  ];

  it.each(cases)('%s', (_title, parts, codes) => {
    expect(toleratedIn(lookAgainAt(parts(), [entry(codes)]))).toEqual(codes);
    for (const code of codes) {
      const others = codes.filter((each) => each !== code);
      const { result, refusal } = lookAgainAt(parts(), [entry(others)]);
      expect(result).toEqual(code === codes[0] ? refusal : { ...refusal, notTolerated: code });
    }
  });
});

describe('what is let pass opens nothing else', () => {
  const otherVersion = (change: Record<string, unknown> = {}): RequestParts =>
    telemetryParts(
      telemetryFields({
        payload: { attributes: { schema_version: 'v9', attestation_measurement_hash: '5e'.repeat(32) } },
        ...change,
      }),
    );

  it('judges the tenant where the schema version is let pass', () => {
    expect(toleratedIn(lookAgainAt(otherVersion(), [entry(['schema_version'])]))).toEqual(['schema_version']);
    const foreign = otherVersion({
      tenant_id: OTHER_TENANT,
      signed_metadata: { tenant_id: OTHER_TENANT, operator_id: OPERATOR, campaign_id: 'campaign-1' },
    });
    expect(lookAgainAt(foreign, [entry(['schema_version'])]).result).toMatchObject({
      code: 'schema_version',
      notTolerated: 'tenant_mismatch',
    });
  });

  it('judges the tenant where the operator of an identity is let pass', () => {
    const identity = { operators: new Set([OTHER_OPERATOR]) };
    const allowed = [entry(['operator_not_of_identity'])];
    expect(toleratedIn(lookAgainAt(telemetryParts(), allowed, { identity }))).toEqual([
      'operator_not_of_identity',
    ]);
    const metadata = { tenant_id: OTHER_TENANT, operator_id: OPERATOR, campaign_id: 'campaign-1' };
    const foreign = telemetryParts(telemetryFields({ tenant_id: OTHER_TENANT, signed_metadata: metadata }));
    expect(lookAgainAt(foreign, allowed, { identity }).result).toMatchObject({
      notTolerated: 'tenant_mismatch',
    });
  });

  it('judges the other bindings where one is let pass', () => {
    const metadata = { tenant_id: OTHER_TENANT, operator_id: OPERATOR, campaign_id: 'campaign-1' };
    const twice = telemetryParts(telemetryFields({ nonce: 'another-nonce-0123', signed_metadata: metadata }));
    expect(lookAgainAt(twice, [entry(['body_repeats_other_nonce'])]).result).toMatchObject({
      code: 'body_repeats_other_nonce',
      notTolerated: 'body_binding_mismatch',
    });
  });

  it('judges the pin where the claim about the certificate is let pass', () => {
    const parts: RequestParts = { ...telemetryParts(), peerCertificate: OTHER_CERTIFICATE };
    expect(lookAgainAt(parts, [entry(['certificate_claim_mismatch'])]).result).toMatchObject({
      notTolerated: 'pin_mismatch',
    });
    const wrong = telemetryParts();
    setHeader(wrong, HEADER_NAMES.certificateSha256, 'ff'.repeat(32));
    const looked = lookAgainAt(wrong, [entry(['certificate_claim_mismatch'])]);
    expect(looked.result).toMatchObject({ context: { identity: IDENTITY, tenant: TENANT } });
  });

  it.each(['pin_mismatch', 'identity_unknown', 'signature_invalid', 'header_missing'] as const)(
    'refuses a revoked identity although %s is let pass',
    () => {
      const { result } = lookAgainAt(unpinned(), [entry()], { identity: { revoked: true } });
      expect(result).toMatchObject({ kind: 'refuse', code: 'identity_revoked' });
      const without = lookAgainAt({ ...telemetryParts(), peerCertificate: 'missing' }, [entry()], {
        identity: { revoked: true },
      });
      expect(without.result).toMatchObject({ kind: 'refuse', notTolerated: 'identity_revoked' });
    },
  );

  it('refuses a body that is not whole behind a pin that is let pass', () => {
    const parts = unpinned();
    parts.declaredSize = 1;
    expect(lookAgainAt(parts, [entry()]).result).toMatchObject({
      code: 'pin_mismatch',
      notTolerated: 'body_not_whole',
    });
  });
});

describe('an entry', () => {
  const one = [entry(['pin_mismatch'])];

  it('is in force until its moment, and not in it', () => {
    const until = NOW_MS + 1000;
    expect(lookAgainAt(unpinned(), one, {}, until - 1).result.kind).toBe('would_refuse');
    expect(lookAgainAt(unpinned(), one, {}, until).result.kind).toBe('refuse');
  });

  it('is for its policies and for the names that are claimed', () => {
    const of = (change: object): string =>
      lookAgainAt(unpinned(), [entry(['pin_mismatch'], change)]).result.kind;
    expect(of({ policies: new Set(['federation.telemetry']) })).toBe('would_refuse');
    expect(of({ policies: new Set(['raw']) })).toBe('refuse');
    expect(of({ identities: new Set([IDENTITY]) })).toBe('would_refuse');
    expect(of({ identities: new Set([OTHER_IDENTITY]) })).toBe('refuse');
  });

  it('for a name is for no request that claims two, or none', () => {
    const named = [entry(TOLERABLE_CODES, { identities: new Set([IDENTITY]) })];
    for (const names of [[], [IDENTITY, IDENTITY], [`${IDENTITY},${OTHER_IDENTITY}`]]) {
      const parts = telemetryParts();
      setHeader(parts, HEADER_NAMES.identity, ...names);
      expect(lookAgainAt(parts, named).result.kind).toBe('refuse');
    }
  });

  it('lets nothing pass together with another one', () => {
    const both = (): RequestParts => {
      const parts = unpinned();
      setBody(parts, JSON.stringify(telemetryFields({ execution_hash: '00'.repeat(32) })));
      return parts;
    };
    const codes = ['pin_mismatch', 'signature_invalid'] as const;
    expect(
      lookAgainAt(
        both(),
        codes.map((code) => entry([code])),
      ).result.kind,
    ).toBe('refuse');
    expect(toleratedIn(lookAgainAt(both(), [entry(['pin_mismatch']), entry(codes)]))).toEqual(codes);
  });
});

describe('what is claimed of a request that is let pass', () => {
  it('is its nonce as ever, where a key of the identity was proven', () => {
    const { result, facts, verifications } = lookAgainAt(unpinned(), [entry(['pin_mismatch'])]);
    const key = nonceKey('request', producerKey.publicKey, NONCE);
    expect(result).toMatchObject({
      context: {},
      admissible: {
        once: { key, timestampSeconds: NOW_SECONDS, skewSeconds: 0 },
        context: { identity: IDENTITY },
      },
    });
    expect(facts).toMatchObject({ identity: undefined, tenant: undefined, nonceHash: key });
    expect(verifications).toBe(1);
  });

  it('is nothing where no key was proven: nobody else can use up a nonce of the producer', () => {
    for (const [parts, codes] of [
      [unsigned(), ['header_missing', 'signature_invalid']],
      [tampered(), ['signature_invalid']],
    ] as const) {
      const { result, facts } = lookAgainAt(parts, [entry(codes)]);
      expect(result).toMatchObject({ context: {}, admissible: { once: undefined } });
      expect(facts.nonceHash).toBeUndefined();
    }
  });

  it('is nothing outside the window, of which no store remembers anything', () => {
    const stale = signedParts({ timestamp: String(NOW_SECONDS - 400) });
    const { result } = lookAgainAt(stale, [entry(['timestamp_outside_window'])]);
    expect(result).toMatchObject({ context: { identity: IDENTITY }, admissible: { once: undefined } });
  });

  it('verifies a signature once where the judgement has', () => {
    const foreign = telemetryParts('{');
    const { verifications } = lookAgainAt(foreign, [entry(['body_not_json', 'tenant_mismatch'])]);
    expect(verifications).toBe(1);
  });

  it('counts strangers in an allowance of their own, by their certificate', () => {
    const { result } = lookAgainAt(unpinned(), [entry(['pin_mismatch'])]);
    expect(result).toMatchObject({
      admissible: {
        policy: { rateLimit: { group: expect.stringMatching(/:would_refuse$/) as string } },
        context: { operator: OTHER_CERTIFICATE.certificateSha256 },
      },
    });
    const late = lookAgainAt(telemetryParts(undefined, { timestamp: String(NOW_SECONDS - 31) }), [
      entry(['timestamp_outside_window', 'body_repeats_other_timestamp']),
    ]);
    expect(late.result.kind).toBe('would_refuse');
  });
});

describe('a bundle', () => {
  const bundle = (change: object = {}, key = producerKey): RequestParts =>
    bundleParts(bundleFields({ ...change }, key));

  it('is judged from its body', () => {
    const forged = lookAgainAt(bundle({}, otherKey), [entry(['signature_invalid'])]);
    expect(forged.result).toMatchObject({
      tolerated: ['signature_invalid'],
      context: {},
      admissible: { once: undefined },
    });
    const noJson = lookAgainAt(bundleParts('{'), [
      entry(['body_not_json', 'signature_invalid', 'tenant_mismatch']),
    ]);
    expect(toleratedIn(noJson)).toEqual(['body_not_json', 'signature_invalid', 'tenant_mismatch']);
    const unproven = lookAgainAt(bundleParts('{'), [entry(['body_not_json', 'tenant_mismatch'])]);
    expect(unproven.result).toMatchObject({ notTolerated: 'signature_invalid' });
  });

  it('that counts once and is stale is not claimed', () => {
    const policies = [profilePolicy('federation.verify', { once: true })];
    const { result } = lookAgainAt(bundle(), [entry(['timestamp_outside_window'])], { policies });
    expect(result).toMatchObject({ context: { identity: IDENTITY }, admissible: { once: undefined } });
  });
});
