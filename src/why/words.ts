/**
 * What each code of a decision means and what to do about it, and Envoy's response flags in words. Data, once: the
 * table of docs/operations.md (*Why was this refused?*) is the short form of it.
 */
import type { Assurance } from '../verify/decision.js';
import type { RefusalCode } from '../verify/refusal.js';

/** One sentence each, without a full stop. */
interface Meaning {
  readonly why: string;
  readonly next: string;
}

const RETRY = 'the same bytes may be sent again, nonce included';
const store = (why: string): Meaning => ({
  why,
  next: `${RETRY}; GET /readyz of the verifier says what is wrong with the store`,
});
const header = (why: string): Meaning => ({
  why,
  next: 'compare the request with what `countersign sign` prints',
});

/** Of every refusal; the compiler wants all of them. */
const REFUSAL_MEANINGS: Readonly<Record<RefusalCode, Meaning>> = {
  check_malformed: {
    why: 'Envoy did not hand over what a check needs',
    next: 'have `countersign doctor` look at its filter: encode_raw_headers and pack_as_bytes of ext_authz, the modes and attributes of ext_proc',
  },
  certificate_missing: {
    why: 'Envoy gave no client certificate',
    next: 'have the client present one, and Envoy hand it over (include_peer_certificate of ext_authz, request_attributes of ext_proc); TLS must end at this Envoy',
  },
  certificate_malformed: {
    why: 'the client certificate could not be read',
    next: 'look at the certificate with `countersign fingerprint`',
  },
  certificate_sources_disagree: {
    why: 'the certificate of the connection and the forwarded one differ',
    next: 'have the trusted hop set x-forwarded-client-cert afresh (SANITIZE_SET), or take forwardedClientCert out',
  },
  header_missing: header('a security header is missing'),
  header_duplicate: header('a security header is there more than once'),
  header_malformed: header('a security header has not the syntax of the contract'),
  certificate_claim_mismatch: {
    why: 'the fingerprint that the request states is not that of its certificate',
    next: 'state the certificate that is used for TLS (`--cert`), or none',
  },
  identity_unknown: {
    why: 'no identity of that name is configured',
    next: 'correct the name, or add it under `identities`',
  },
  identity_revoked: {
    why: 'the identity is revoked',
    next: 'take `revoked: true` out if that was a mistake',
  },
  pin_mismatch: {
    why: 'the certificate is pinned to another identity or to none, most often since it was renewed',
    next: 'run `countersign fingerprint CERT` and add the pin beside the old one',
  },
  pin_not_valid: {
    why: 'the pin of this certificate has ended or not begun',
    next: 'look at notBefore and notAfter of the pin',
  },
  certificate_details_missing: {
    why: 'only the hash of the certificate is known here, and the identity is pinned by its key or known by a name',
    next: 'have Envoy hand over the certificate itself (include_peer_certificate, or connection.peer_certificate), or pin the certificate',
  },
  certificate_name_mismatch: {
    why: 'neither a pin nor a name of this identity is that of the certificate',
    next: 'compare the names that `countersign fingerprint CERT` prints with certificateNames of the identity',
  },
  certificate_name_not_valid: {
    why: 'the certificate bears the name, but it, its issuer or the name itself does not count at this moment',
    next: 'renew the certificate and connect anew; look at notBefore, notAfter and issuedFrom of the name',
  },
  certificate_untrusted: {
    why: 'the certificate bears the name, but not from the authority of that name, or not as a client may',
    next: 'read `detail` of the record; put the certificate that issued it into the file of the authority',
  },
  timestamp_outside_window: {
    why: 'the timestamp is outside the window: a clock is off, or the event waited in a queue',
    next: 'compare the clocks; the timestamp is that of the event, so sign a delayed one anew',
  },
  key_unknown: {
    why: 'the identity has no key of that id for this purpose',
    next: 'add the key under the identity (of a key set: pin it, where it is published), or send the right key id',
  },
  key_not_valid: {
    why: 'the key has ended or not begun',
    next: 'sign with a key that is valid now, or look at its notBefore and notAfter, or at its key set (/status)',
  },
  signature_invalid: {
    why: 'the signature does not hold for these bytes',
    next: 'check that the key is the pinned one, and that nothing changes the body between signing and sending',
  },
  authority_ambiguous: { why: 'the request names more than one host', next: 'send one Host header' },
  upgrade_refused: { why: 'an upgrade or CONNECT is never let through', next: 'send a plain request' },
  no_policy: { why: 'no policy has this path', next: 'correct the path, or add a policy' },
  query_not_allowed: {
    why: 'the path carries a query, which is not signed',
    next: 'leave the query out, or allow it in the policy',
  },
  path_not_normal: {
    why: 'The path can be read in two ways (dot segments, `;`, encoded or doubled separators, double encoding), so another program could take it for another route.',
    next: 'Send the plain form of the path. An application that needs such paths gets a policy with `rawPaths` and its reason.',
  },
  method_not_allowed: {
    why: 'the policy of this path does not have this method',
    next: 'use a method that the policy lists',
  },
  body_not_whole: {
    why: 'the body did not arrive whole',
    next: 'send it again, and look at max_request_bytes of the ext_authz filter, or at request_body_mode of ext_proc, which must be BUFFERED',
  },
  body_too_large: {
    why: 'the body is over the limit',
    next: 'send a smaller one, or raise limits.maxBodyBytes and render Envoy anew',
  },
  content_encoding: { why: 'the body is compressed', next: 'send it without a content encoding' },
  content_type: { why: 'the content type is not acceptable on a JSON route', next: 'send application/json' },
  body_not_json: {
    why: 'the body is not acceptable JSON',
    next: 'mend it: no double names, no byte-order mark, valid UTF-8, no NaN',
  },
  body_contract: {
    why: 'the body does not meet the contract of the route',
    next: 'compare it with the contract in docs/configuration.md',
  },
  schema_version: {
    why: 'the schema version is not allowed',
    next: 'send an allowed one, or add it to schemaVersions of the policy',
  },
  attestation_malformed: {
    why: 'the attestation measurement hash is missing or malformed',
    next: 'send 64 hex digits',
  },
  body_repeats_other_nonce: {
    why: 'the body repeats the nonce with another value',
    next: 'repeat that of the header; `--fill` does it',
  },
  body_repeats_other_timestamp: {
    why: 'the body repeats the timestamp with another value',
    next: 'repeat that of the header; `--fill` does it',
  },
  body_binding_mismatch: {
    why: 'the signed metadata differ from the body',
    next: 'repeat tenant, operator and campaign exactly',
  },
  operator_unmapped: { why: 'the operator is mapped to no tenant', next: 'add it under `operators`' },
  operator_not_of_identity: {
    why: 'the identity may not act for this operator',
    next: 'add the operator to the identity',
  },
  tenant_mismatch: {
    why: 'the operator is mapped to another tenant',
    next: 'send the tenant that it is mapped to',
  },
  attestation_not_allowed: {
    why: 'the attestation measurement is not one of this identity',
    next: 'add it under `attestations` of the identity, if the measurement is known to be good',
  },
  rate_limited: {
    why: 'the operator has used up its requests for now',
    next: `wait as long as Retry-After says; ${RETRY}`,
  },
  replayed_nonce: {
    why: 'the nonce was used before: a first copy was let through',
    next: 'do not send this event again; ask `countersign why` about the first copy',
  },
  rate_limit_unavailable: store('the rate limit could not be counted'),
  nonce_below_floor: {
    why: 'the store cannot know about so old a timestamp: it has just started without durable state, or lost it',
    next: 'sign later events as usual; this one stays refused unless it is signed anew',
  },
  nonce_store_full: store('the nonce store is full'),
  nonce_quota_exceeded: store('the identity has used up its share of the nonce store'),
  clock_diverged: { why: 'the clock of the verifier has stepped', next: `keep its time by NTP; ${RETRY}` },
  nonce_store_unavailable: store('the nonce store did not answer'),
  execution_store_unavailable: store('the store of executions did not answer'),
  deadline_spent: {
    why: 'Envoy would not have waited for the answer; the nonce was not used up',
    next: RETRY,
  },
  audit_unavailable: {
    why: 'the decision could not be recorded',
    next: `make room for the audit log; ${RETRY}`,
  },
  overloaded: { why: 'more was asked than can be judged at once', next: `${RETRY}; more workers judge more` },
  internal_error: { why: 'a defect of the verifier; its log has the details', next: `report it; ${RETRY}` },
};

const OTHER_MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  [
    'allow',
    {
      why: 'every check passed and the nonce was claimed',
      next: 'nothing is to be done here: what became of it is up to Envoy and the application',
    },
  ],
  [
    'would_refuse',
    {
      why: 'it would have been refused; report-only let it pass to the application',
      next: 'mend what is named here before the entry under `reportOnly` ends, and this is refused',
    },
  ],
  ['pass_through', { why: 'the route is declared to be unchecked', next: 'nothing is to be done here' }],
  ['signed', { why: 'every adjustment is bound', next: 'nothing is to be done here' }],
  [
    'signer_unavailable',
    {
      why: 'the source of the key gave no signature, so nothing was signed',
      next: 'mend what is named here (docs/keys.md), and have the query sent again with a new nonce',
    },
  ],
  [
    'no_active_key',
    {
      why: 'no key may sign for this tenant now',
      next: 'look at `countersign keyring` and at the notes of `countersign health`: a key has ended, or its root vouches for none; then have the query sent again with a new nonce',
    },
  ],
]);

/** Of any code that a record may hold; undefined for one that this version does not know. */
export function meaningOf(code: string): Meaning | undefined {
  return Object.hasOwn(REFUSAL_MEANINGS, code)
    ? REFUSAL_MEANINGS[code as RefusalCode]
    : OTHER_MEANINGS.get(code);
}

/** Envoy's response flags (access log documentation, %RESPONSE_FLAGS%) of Envoy 1.40): all of them. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['UAEX', 'the verifier refused it, or did not answer'],
  ['UH', 'no healthy host of the application was there'],
  ['UF', 'no connection to the application could be made'],
  ['UC', 'the connection to the application broke'],
  ['UR', 'the application reset the request'],
  ['UT', 'the application did not answer in time'],
  ['URX', 'every try at the application failed'],
  ['UO', 'too many requests were waiting for the application'],
  ['UPE', 'the answer of the application was no HTTP'],
  ['NR', 'no route was found'],
  ['NC', 'the cluster of the route was not found'],
  ['DC', 'the client went away before the answer'],
  ['DPE', 'the request was no acceptable HTTP'],
  ['DR', 'the client reset the request'],
  ['DT', 'the request took longer than it may'],
  ['SI', 'nothing moved for too long'],
  ['RL', 'the flood guard refused it'],
  ['LR', 'Envoy reset it'],
  ['OM', 'Envoy was short of memory or connections'],
  ['RLSE', 'the rate limit service failed'],
  ['IH', 'a header was not acceptable'],
  ['LH', 'the local health check of the application failed'],
  ['DI', 'the answer was delayed on purpose'],
  ['FI', 'the answer was broken off on purpose'],
  ['DF', 'the name of the application could not be resolved'],
  ['DO', 'the request was dropped, as the application has too much to do'],
  ['UMSDR', 'the client and the application disagree on the longest duration of a stream'],
  ['RFCF', 'the answer was expected in a cache and is not there'],
  ['NFCF', 'no filter configuration has come'],
  ['UDO', 'the request was dropped, as its cluster drops all when overloaded'],
]);

/** `URX,UF` in words; a flag that is not known stays as it is. */
export function flagWords(flags: string): string {
  return flags
    .split(',')
    .map((flag) => `${FLAGS.get(flag) ?? 'a flag of Envoy'} (${flag})`)
    .join('; ');
}

const ASSURANCES: ReadonlyMap<string, string> = new Map<Assurance, string>([
  ['certificate_pin', 'the pin of its certificate'],
  ['key_pin', 'the pin of its key'],
  ['name_under_authority', 'a name in its certificate, under an authority'],
  ['mesh_identity', 'a name on the word of the mesh'],
]);

/** What an identity rests on; undefined where the record does not say. */
export function assuranceInWords(assurance: string | undefined): string | undefined {
  return assurance === undefined ? undefined : ASSURANCES.get(assurance);
}
