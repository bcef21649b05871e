/**
 * Producers that are known by a name in their certificate, through a real Envoy: certificates as cert-manager and SPIRE
 * issue them are renewed with new keys while requests flow, an authority is replaced, and what only bears the name is refused.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  issueCertificate,
  newCertificateKeys,
  type CertificateRequest,
  type Issuer,
} from '../../src/pki/issue-certificate.js';
import type { RefusalCode } from '../../src/verify/refusal.js';
import { fingerprintOf } from '../../tools/local-federation/certificates.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import type { Credentials } from '../../tools/local-federation/producer.js';
import { until } from '../support/until.js';
import { arrivalOf, values } from './support/arrivals.js';
import { expectRefusal } from './support/expectations.js';
import { adding, PROTOCOLS, removing, type Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';

type IdentityInput = ConfigurationDocument['identities'][number];

const HOUR_MILLISECONDS = 3_600_000;
const PAST = '2020-01-01T00:00:00Z';
const LATER = '2100-01-01T00:00:00Z';
const DNS = 'orders.example.org';
const SPIFFE_ID = 'spiffe://example.org/ns/production/sa/orders';
const RENEWALS = 3;
const REQUESTS_BETWEEN = 10;

/** A certificate and its key (PEM), by this issuer or by itself. */
async function issue(
  request: Pick<CertificateRequest, 'commonName' | 'role' | 'names' | 'uris'>,
  issuer?: Issuer,
) {
  const keys = newCertificateKeys();
  const notBefore = new Date(Date.now() - HOUR_MILLISECONDS);
  const notAfter = new Date(Date.now() + HOUR_MILLISECONDS);
  const own: Issuer = { commonName: request.commonName, keys };
  const whole = { ...request, publicKey: keys.publicKey, notBefore, notAfter };
  const certificate = await issueCertificate(whole, issuer ?? own);
  const certificateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificate, certificateKey, issuer: own };
}

const authority = await issue({ commonName: 'the authority', role: 'authority' });
const next = await issue({ commonName: 'the next authority', role: 'authority' });
/** In Envoy's bundle, and no authority of any name. */
const stranger = await issue({ commonName: 'the authority', role: 'authority' });

let stage: Stage;
let authorityFile = '';

/** Identities that are all known by names alone, each under a name that says what is special in it. */
function withNames(document: ConfigurationDocument): ConfigurationDocument {
  const [a] = document.identities;
  const { envoy } = document;
  if (a === undefined || envoy === undefined)
    throw new Error('the local federation has a producer and an Envoy');
  const folder = join(envoy.tls.clientCaFile, '..');
  authorityFile = join(folder, 'names-ca.pem');
  const clientCaFile = join(folder, 'all-ca.pem');
  const all = [authority, next, stranger].map(({ certificate }) => certificate);
  writeFileSync(clientCaFile, [readFileSync(envoy.tls.clientCaFile, 'utf8'), ...all].join('\n'));
  writeFileSync(authorityFile, authority.certificate);
  const named = (name: string, ...certificateNames: NonNullable<IdentityInput['certificateNames']>) => {
    return { ...a, name, certificates: [], certificateNames };
  };
  const dns = { dns: DNS, authority: 'producers' };
  return {
    ...document,
    envoy: { ...envoy, tls: { ...envoy.tls, clientCaFile } },
    authorities: { producers: { file: authorityFile, trustDomain: 'example.org' } },
    identities: [
      ...document.identities,
      named('orders', dns),
      named('orders-ended', { ...dns, notAfter: PAST }),
      named('orders-reissued', { ...dns, issuedFrom: LATER }),
      named(SPIFFE_ID, { uri: SPIFFE_ID, authority: 'producers' }),
      { ...named('orders-of-the-mesh'), meshNames: [{ uri: SPIFFE_ID }] },
    ],
    forwardedClientCert: 'mesh-identity',
  };
}

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: withNames });
}, 120_000);
afterAll(() => stage.close(), 90_000);

type Leaf = Pick<CertificateRequest, 'names' | 'uris'>;

/** Somebody of this name with a new certificate and a new key, and with the signing key of producer A. */
async function caller(identity: string, leaf: Leaf, issuer = authority.issuer): Promise<Credentials> {
  const { certificate, certificateKey } = await issue(
    { commonName: 'orders', role: 'client', ...leaf },
    issuer,
  );
  const certificateSha256 = fingerprintOf(certificate);
  return {
    ...stage.federation.credentials.producerA,
    identity,
    certificate,
    certificateKey,
    certificateSha256,
  };
}

const refused = (audit: RefusalCode) => ({ status: 401, client: 'unauthenticated', audit }) as const;

describe.each<[string, string, Leaf]>([
  ['a DNS name, as cert-manager renews it', 'orders', { names: ['other.example.org', DNS] }],
  ['a SPIFFE ID, as SPIRE rotates it', SPIFFE_ID, { uris: [SPIFFE_ID] }],
])('%s', (_, identity, leaf) => {
  test.each(PROTOCOLS)('is let in over %s, and everybody is told on what that rests', async (protocol) => {
    const seen = await stage.exchange(protocol, telemetry({ by: await caller(identity, leaf) }));
    const { answer, records } = seen;
    expect(answer.status).toBe(202);
    expect(records[0]).toMatchObject({ code: 'allow', identity, assurance: 'name_under_authority' });
    expect(values(arrivalOf(seen), 'x-countersign-assurance')).toEqual(['name_under_authority']);
  });

  // Fault: certificate-renewed
  test('no request fails while the certificate is renewed with a new key', async () => {
    let current = await caller(identity, leaf);
    const statuses: number[] = [];
    const ended = new AbortController();
    const flow = (async () => {
      while (!ended.signal.aborted)
        statuses.push((await stage.send('HTTP/2', telemetry({ by: current }))).status);
    })();
    for (let renewal = 0; renewal < RENEWALS; renewal++) {
      current = await caller(identity, leaf);
      const wanted = statuses.length + REQUESTS_BETWEEN;
      await until('requests went over the new certificate', () => statuses.length >= wanted);
    }
    ended.abort();
    await flow;
    expect(new Set(statuses)).toEqual(new Set([202]));
  }, 60_000);
});

test.each<[string, RefusalCode, string, Leaf, Issuer]>([
  ['another name', 'certificate_name_mismatch', 'orders', { names: ['other.example.org'] }, authority.issuer],
  ['a wildcard', 'certificate_name_mismatch', 'orders', { names: ['*.example.org'] }, authority.issuer],
  [
    'two SPIFFE IDs',
    'certificate_name_mismatch',
    SPIFFE_ID,
    { uris: [SPIFFE_ID, `${SPIFFE_ID}-b`] },
    authority.issuer,
  ],
  ['the name by another CA of Envoy', 'certificate_untrusted', 'orders', { names: [DNS] }, stranger.issuer],
  ['a name that has ended', 'certificate_name_not_valid', 'orders-ended', { names: [DNS] }, authority.issuer],
  [
    'a certificate from before the renewal',
    'certificate_name_not_valid',
    'orders-reissued',
    { names: [DNS] },
    authority.issuer,
  ],
])('%s is refused as %s', async (_, code, identity, leaf, issuer) => {
  const by = await caller(identity, leaf, issuer);
  for (const protocol of PROTOCOLS)
    expectRefusal(await stage.exchange(protocol, telemetry({ by })), refused(code));
});

// Fault: certificate-renewed
test('another authority: its certificates are taken from the reload on, those of the old one no more', async () => {
  const old = await caller('orders', { names: [DNS] });
  const renewed = await caller('orders', { names: [DNS] }, next.issuer);
  const codeOf = async (by: Credentials): Promise<string | undefined> =>
    (await stage.exchange('HTTP/2', telemetry({ by }))).records[0]?.code;
  const put = (...certificates: readonly string[]): void => {
    writeFileSync(`${authorityFile}.new`, certificates.join('\n'));
    renameSync(`${authorityFile}.new`, authorityFile);
  };
  expect(await codeOf(renewed)).toBe('certificate_untrusted');
  put(authority.certificate, next.certificate);
  await until('the new authority counts', async () => (await codeOf(renewed)) === 'allow');
  expect(await codeOf(old)).toBe('allow');
  put(next.certificate);
  await until('the old one does not', async () => (await codeOf(old)) === 'certificate_untrusted');
  put('no certificate');
  put(authority.certificate);
  await until('the first one counts again', async () => (await codeOf(old)) === 'allow');
}, 60_000);

// Fault: envoy-misconfigured
describe('where Envoy hands over what a hop says, and no certificate', () => {
  beforeAll(
    () =>
      stage.change({
        patchConfiguration: withNames,
        patchBootstrap: (bootstrap) =>
          bootstrap
            .replace('include_peer_certificate: true', 'include_peer_certificate: false')
            .replace(
              'forward_client_cert_details: SANITIZE',
              'forward_client_cert_details: ALWAYS_FORWARD_ONLY',
            ),
      }),
    120_000,
  );
  const said = async (identity: string, xfcc: string): Promise<Outgoing> => {
    const by = await caller(identity, { names: [DNS] });
    return adding(removing(telemetry({ by }), 'X-Client-Cert-Sha256'), ['X-Forwarded-Client-Cert', xfcc]);
  };

  test.each(PROTOCOLS)('a name is not to be had from a hash: refused over %s', async (protocol) => {
    const outgoing = await said('orders', `Hash=${'a'.repeat(64)};URI=${SPIFFE_ID}`);
    expectRefusal(await stage.exchange(protocol, outgoing), refused('certificate_details_missing'));
  });

  test.each(PROTOCOLS)('the word of the mesh is taken over %s, and told of', async (protocol) => {
    const outgoing = await said('orders-of-the-mesh', `By=spiffe://example.org/gateway;URI=${SPIFFE_ID}`);
    const seen = await stage.exchange(protocol, outgoing);
    const { answer, records } = seen;
    expect(answer.status).toBe(202);
    expect(records[0]).toMatchObject({ code: 'allow', assurance: 'mesh_identity' });
    expect(records[0]?.cert_sha256).toBeUndefined();
    expect(values(arrivalOf(seen), 'x-countersign-assurance')).toEqual(['mesh_identity']);
    expect(values(arrivalOf(seen), 'x-countersign-cert-sha256')).toEqual([]);
  });

  test.each([`URI=${SPIFFE_ID}-b`, `By=${SPIFFE_ID};URI=spiffe://example.org/other`])(
    'another name is refused: %s',
    async (xfcc) => {
      const seen = await stage.exchange('HTTP/2', await said('orders-of-the-mesh', xfcc));
      expectRefusal(seen, refused('certificate_name_mismatch'));
    },
  );

  test('two elements are refused, whoever wrote the second', async () => {
    const outgoing = await said('orders-of-the-mesh', `URI=${SPIFFE_ID}-b,URI=${SPIFFE_ID}`);
    expectRefusal(await stage.exchange('HTTP/2', outgoing), refused('certificate_malformed'));
  });
});
