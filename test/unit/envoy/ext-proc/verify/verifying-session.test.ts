import { PeerCertificates } from '../../../../../src/envoy/check/peer-certificates.js';
import { SelectedHeaders } from '../../../../../src/envoy/check/selected-headers.js';
import { AwaitedBodies } from '../../../../../src/envoy/ext-proc/verify/awaited-bodies.js';
import { PSEUDO_HEADERS } from '../../../../../src/envoy/ext-proc/verify/inbound.js';
import { VerifyingSession } from '../../../../../src/envoy/ext-proc/verify/verifying-session.js';
import { beginningOf } from '../../../../../src/envoy/ext-proc/first-message.js';
import type { Snapshot } from '../../../../../src/verify/snapshot.js';
import { fakeService } from '../../../../support/fake-service.js';
import {
  encodeProcessingRequest,
  FullProcessingResponse,
  textStruct,
} from '../../../../support/processing-messages.js';
import {
  CERTIFICATE,
  makeSnapshot,
  profilePolicy,
  telemetryParts,
  type RequestParts,
} from '../../../../support/signed-request.js';

const BUFFERED = 2;

interface Changes {
  readonly attributes?: Readonly<Record<string, string>>;
  readonly endOfStream?: boolean;
  /** `ProtocolConfiguration`: request_body_mode, response_body_mode. */
  readonly modes?: readonly [number, number];
  readonly observed?: boolean;
  readonly headers?: readonly (readonly [string, string])[];
}

const DIGEST = { 'connection.sha256_peer_certificate_digest': CERTIFICATE.certificateSha256 };

/** The first message, as Envoy was seen to send it. */
function headersMessage(parts: RequestParts, changes: Changes = {}): Buffer {
  const { attributes = DIGEST, endOfStream = false, modes = [BUFFERED, 0], observed = false } = changes;
  const pseudo = [
    [':method', parts.method],
    [':path', parts.path],
    [':authority', parts.authority],
  ] as const;
  const lines = [...pseudo, ...parts.headers, ...(changes.headers ?? [])].map(([key, value]) => ({
    key,
    raw_value: Buffer.from(value as string, 'latin1'),
  }));
  const known = encodeProcessingRequest({
    request_headers: { headers: { headers: lines }, ...(endOfStream && { end_of_stream: true }) },
    attributes: { 'envoy.filters.http.ext_proc': textStruct(attributes) },
    ...(observed && { observability_mode: true }),
  });
  return Buffer.concat([known, Buffer.from([0x5a, 4, 0x08, modes[0], 0x10, modes[1]])]);
}

const bodyMessage = (body: Uint8Array): Buffer =>
  encodeProcessingRequest({ request_body: { body: Buffer.from(body), end_of_stream: true } });

/** Sessions over the real service with every effect faked. */
function sessions(snapshot: () => Snapshot = () => makeSnapshot()) {
  const fakes = fakeService({ snapshot });
  const certificates = new PeerCertificates();
  certificates.close();
  const signed: string[] = [];
  const options = {
    checks: fakes.service,
    certificates,
    snapshot,
    selected: new SelectedHeaders(PSEUDO_HEADERS),
    bodies: new AwaitedBodies(),
    isGuarded: true,
    sign: ({ context }: { readonly context: ReadonlyMap<string, string> | undefined }) => {
      signed.push(context?.get('tenant') ?? '');
      return {
        answer: () => Promise.resolve(Buffer.from('of the signer')),
        refuse: () => Promise.resolve(Buffer.from('refused by the signer')),
        isDone: () => false,
        identity: () => 'consumer-01',
        close: () => undefined,
      };
    },
    checkTimeoutMilliseconds: 1_000,
    monotonicMs: () => fakes.time.monotonicMs,
  };
  const open = () => {
    const session = new VerifyingSession(options, CERTIFICATE.certificateSha256);
    const send = async (message: Buffer) => {
      session.arrives();
      return read(await session.answer(message));
    };
    return { session, send };
  };
  return { ...fakes, open, signed };
}

interface Read {
  readonly kind: string;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly set: readonly string[];
}

/** By Envoy's definitions. */
function read(bytes: Uint8Array): Read {
  const decoded = FullProcessingResponse.toObject(FullProcessingResponse.decode(bytes), {
    enums: Number,
  }) as {
    readonly immediate_response?: { readonly status?: { readonly code?: number } };
    readonly dynamic_metadata?: {
      fields?: Record<string, { structValue?: { fields?: Record<string, { stringValue?: string }> } }>;
    };
    readonly [part: string]: unknown;
  };
  const [kind = ''] = Object.keys(decoded).filter((name) => name !== 'dynamic_metadata');
  const common = decoded[kind] as {
    response?: { header_mutation?: { set_headers?: { header: { key: string } }[] } };
  };
  return {
    kind,
    status: decoded.immediate_response?.status?.code,
    code: decoded.dynamic_metadata?.fields?.['countersign']?.structValue?.fields?.['code']?.stringValue,
    set: (common.response?.header_mutation?.set_headers ?? []).map(({ header }) => header.key),
  };
}

describe('a request on a stream of ext_proc', () => {
  it('passes once its body is here, with the verified headers in the reply to the body', async () => {
    const { open, audit } = sessions();
    const parts = telemetryParts();
    const { session, send } = open();
    expect(await send(headersMessage(parts))).toMatchObject({
      kind: 'request_headers',
      code: undefined,
      set: [],
    });
    expect([session.isDone(), audit.lines]).toEqual([false, []]);
    const reply = await send(bodyMessage(parts.body));
    expect(reply).toMatchObject({ kind: 'request_body', code: 'allow' });
    expect(reply.set).toContain('x-countersign-identity');
    expect(session.isDone()).toBe(true);
    expect(audit.last()).toMatchObject({ code: 'allow' });
  });

  it.each<readonly [string, Changes, RegExp]>([
    ['whose body is not buffered', { modes: [1, 0] }, /request_body_mode/],
    ['whose body is not brought', { modes: [0, 0] }, /request_body_mode/],
    ['of whose body the beginning is brought', { modes: [3, 0] }, /request_body_mode/],
    ['that is only observed', { observed: true }, /observability_mode/],
  ])('%s is refused at once', async (_title, changes, detail) => {
    const { open, audit } = sessions();
    expect(await open().send(headersMessage(telemetryParts(), changes))).toMatchObject({
      kind: 'immediate_response',
      status: 503,
      code: 'check_malformed',
    });
    expect(audit.last()).toMatchObject({ detail: expect.stringMatching(detail) as string });
  });

  it.each<readonly [string, Changes, string]>([
    ['without a certificate', { attributes: {} }, 'certificate_missing'],
    [
      'with a digest that is none',
      { attributes: { 'connection.sha256_peer_certificate_digest': 'AB' } },
      'certificate_malformed',
    ],
    [
      'with a certificate that is none',
      { attributes: { ...DIGEST, 'connection.peer_certificate': 'x' } },
      'certificate_malformed',
    ],
    [
      'with a certificate and no digest',
      { attributes: { 'connection.peer_certificate': 'x' } },
      'certificate_malformed',
    ],
    ['with two authorities', { headers: [[':authority', 'another']] }, 'authority_ambiguous'],
    ['with two paths', { headers: [[':path', '/another']] }, 'check_malformed'],
  ])('%s is refused', async (_title, changes, code) => {
    const { open } = sessions();
    const parts = telemetryParts();
    const { send } = open();
    await send(headersMessage(parts, changes));
    expect(await send(bodyMessage(parts.body))).toMatchObject({ kind: 'immediate_response', code });
  });

  it('is not believed that its body is partial or whole: Envoy alone says so', async () => {
    const { open } = sessions();
    const parts = telemetryParts();
    const { send } = open();
    const headers = [['x-envoy-auth-partial-body', 'true']] as const;
    await send(headersMessage(parts, { headers }));
    expect(await send(bodyMessage(parts.body))).toMatchObject({ code: 'allow' });
  });

  it('gets a refusal for every message that is not due, and for one that is cut short anywhere', async () => {
    const { open, audit } = sessions();
    const parts = telemetryParts();
    const whole = headersMessage(parts);
    const messages = [
      ...Array.from({ length: 80 }, (_, step) => whole.subarray(0, Math.floor((whole.length * step) / 80))),
      bodyMessage(parts.body),
      encodeProcessingRequest({ request_trailers: {} }),
    ];
    for (const message of messages) {
      const { session, send } = open();
      const reply = await send(message);
      if (reply.kind !== 'request_headers')
        expect(reply).toMatchObject({ kind: 'immediate_response', status: 503 });
      else expect(await send(whole)).toMatchObject({ kind: 'immediate_response', status: 503 });
      expect(session.isDone()).toBe(true);
      expect(await send(bodyMessage(parts.body))).toMatchObject({ kind: 'immediate_response', status: 503 });
    }
    expect(audit.lines.filter((line) => line.includes('"allow"'))).toEqual([]);
  });

  it('does not have the answer of an upstream passed that must not have seen it', async () => {
    const { send } = sessions().open();
    await send(headersMessage(telemetryParts()));
    const answer = encodeProcessingRequest({
      response_headers: { headers: { headers: [{ key: ':status', raw_value: Buffer.from('404') }] } },
      attributes: { 'envoy.filters.http.ext_proc': textStruct({ 'response.code_details': 'via_upstream' }) },
    });
    expect(await send(answer)).toMatchObject({ kind: 'immediate_response', status: 503 });
  });

  // Envoy 1.37 and later show their own 413 to the processor that still waits for the body.
  it.each([
    ['413', true, ['response_headers', 'response_body']],
    ['408', false, ['response_headers']],
    ['200', true, ['immediate_response', 'immediate_response']],
    ['99', false, ['immediate_response']],
  ])('that Envoy ends with %s while its body is awaited', async (status, hasBody, kinds) => {
    const { open, audit } = sessions();
    const { session, send } = open();
    await send(headersMessage(telemetryParts()));
    const headers = { headers: [{ key: ':status', raw_value: Buffer.from(status) }] };
    const own = { response_headers: { headers, ...(!hasBody && { end_of_stream: true }) } };
    const seen = [await send(encodeProcessingRequest(own))];
    const body = { response_body: { body: Buffer.from('Payload Too Large'), end_of_stream: true } };
    if (hasBody) seen.push(await send(encodeProcessingRequest(body)));
    expect(seen.map(({ kind }) => kind)).toEqual(kinds);
    expect(session.isDone()).toBe(true);
    expect(audit.lines.map((line) => line.includes('"code":"allow"'))).not.toContain(true);
    // What comes after it is refused: no body is judged any more.
    expect(await send(bodyMessage(telemetryParts().body))).toMatchObject({ kind: 'immediate_response' });
  });

  it('is refused when the security headers were given other names while its body was on the way', async () => {
    let now = makeSnapshot();
    const { open } = sessions(() => now);
    const parts = telemetryParts();
    const { send } = open();
    await send(headersMessage(parts));
    now = { ...now, headers: { ...now.headers, nonce: 'x-other-nonce' } };
    expect(await send(bodyMessage(parts.body))).toMatchObject({ status: 503, code: 'check_malformed' });
  });

  it('holds no more bodies open for a peer than its share, and lets go of them', async () => {
    const { open } = sessions();
    const parts = telemetryParts();
    const opened = Array.from({ length: 512 }, () => open());
    for (const { send } of opened) await send(headersMessage(parts));
    expect(await open().send(headersMessage(parts))).toMatchObject({ status: 503, code: 'overloaded' });
    opened[0]?.session.close();
    expect(await open().send(headersMessage(parts))).toMatchObject({ kind: 'request_headers' });
  });

  it('that Envoy no longer waits for burns nothing', async () => {
    const { open, store } = sessions();
    const parts = telemetryParts();
    const { session, send } = open();
    await send(headersMessage(parts));
    session.close();
    expect(await send(bodyMessage(parts.body))).toMatchObject({ kind: 'immediate_response' });
    expect(store.holders.size).toBe(0);
  });
});

describe('a policy that signs its answers', () => {
  const signing = () =>
    makeSnapshot({ policies: [profilePolicy('federation.telemetry', { answer: 'signed_feedback' })] });

  it('has the answer signed on the same stream, for what was verified', async () => {
    const { open, signed } = sessions(signing);
    const parts = telemetryParts();
    const { session, send } = open();
    await send(headersMessage(parts, { modes: [BUFFERED, BUFFERED] }));
    expect(await send(bodyMessage(parts.body))).toMatchObject({ code: 'allow' });
    expect([session.isDone(), session.identity(), signed.length]).toEqual([false, undefined, 1]);
    expect(Buffer.from(await session.answer(Buffer.from('an answer'))).toString()).toBe('of the signer');
    expect(session.identity()).toBe('consumer-01');
  });

  it('lets nothing in whose answer would not be brought to be signed', async () => {
    const { open, store, audit } = sessions(signing);
    const parts = telemetryParts();
    const { send } = open();
    await send(headersMessage(parts));
    expect(await send(bodyMessage(parts.body))).toMatchObject({ status: 503, code: 'check_malformed' });
    expect(audit.last()).toMatchObject({ detail: expect.stringContaining('response_body_mode') as string });
    expect(store.holders.size).toBe(0);
  });
});

describe('the beginning of a stream', () => {
  it('says whose request it is, that it is an answer, or neither', () => {
    const request = headersMessage(telemetryParts());
    expect(beginningOf(request)).toEqual({ kind: 'request', peer: CERTIFICATE.certificateSha256 });
    expect(beginningOf(encodeProcessingRequest({ response_headers: {} }))).toEqual({ kind: 'answer' });
    expect(beginningOf(encodeProcessingRequest({ request_trailers: {} }))).toEqual({ kind: 'other' });
    expect(beginningOf(Buffer.from([0xff]))).toEqual({ kind: 'other' });
  });
});
