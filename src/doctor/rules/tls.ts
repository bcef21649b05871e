/** CSD6xx: TLS towards clients, and the certificates in it. */
import type { FilterChain } from '../model/envoy.js';
import { ABSENT, type Message } from '../read/message.js';
import type { Judged, Place, Rule } from './rule.js';

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** Chains with a filter of ours. */
function chains({ envoy }: Judged): FilterChain[] {
  return [...new Set(envoy.guarded.map(({ chain }) => chain))];
}

function tlsRule(check: (tls: Message, judged: Judged) => Iterable<Place>): Rule['check'] {
  return (judged) => chains(judged).flatMap(({ tls }) => (tls.isThere ? [...check(tls, judged)] : []));
}

/** How clients are validated: in the chain, or by SDS; absent where nothing is there. */
function validation(tls: Message, { envoy }: Judged): Message {
  const context = tls.at('common_tls_context');
  const combined = context.at('combined_validation_context');
  const inline = context.at('validation_context');
  if (inline.isThere) return inline;
  const source = combined.isThere
    ? combined.at('validation_context_sds_secret_config')
    : context.at('validation_context_sds_secret_config');
  const name = source.text('name');
  const delivered = envoy.parts.secrets.find((candidate) => candidate.text('name') === name);
  return delivered?.at('validation_context') ?? ABSENT;
}

function usesSds(tls: Message): boolean {
  const context = tls.at('common_tls_context');
  return (
    context.has('validation_context_sds_secret_config') ||
    context.at('combined_validation_context').has('validation_context_sds_secret_config')
  );
}

/** The default part of a combined one counts as well. */
function allValidations(tls: Message, judged: Judged): Message[] {
  const fallback = tls.at('common_tls_context', 'combined_validation_context', 'default_validation_context');
  return [validation(tls, judged), fallback].filter(({ isThere }) => isThere);
}

const TRUST = ['VERIFY_TRUST_CHAIN', 'ACCEPT_UNTRUSTED'] as const;

function* untrusted(tls: Message, judged: Judged): Iterable<Place> {
  for (const context of allValidations(tls, judged)) {
    if (context.enumeration('trust_chain_verification', TRUST) === 'ACCEPT_UNTRUSTED')
      yield { where: `${context.path}.trust_chain_verification` };
    if (context.flag('allow_expired_certificate') === true)
      yield { where: `${context.path}.allow_expired_certificate` };
  }
}

function* withoutAuthority(tls: Message, judged: Judged): Iterable<Place> {
  const contexts = allValidations(tls, judged);
  const hasOne = contexts.some((context) =>
    ['trusted_ca', 'ca_certificate_provider_instance', 'custom_validator_config'].some((name) =>
      context.has(name),
    ),
  );
  if (!hasOne && !(usesSds(tls) && contexts.length === 0))
    yield { where: `${tls.path}.common_tls_context.validation_context` };
}

function* plainText(judged: Judged): Iterable<Place> {
  const isTrusted = judged.configuration?.snapshot.forwardedCertificate === 'trusted-hop';
  for (const { tls, message } of chains(judged))
    if (!tls.isThere) yield { where: message.path, severity: isTrusted ? 'warning' : 'error' };
}

function* optional(tls: Message, { configuration }: Judged): Iterable<Place> {
  if (tls.flag('require_client_certificate') === true) return;
  const isWanted = configuration?.settings.envoy?.tls.clientCertificate === 'optional';
  yield { where: `${tls.path}.require_client_certificate`, severity: isWanted ? 'note' : 'warning' };
}

const OLD = new Set(['TLSv1_0', 'TLSv1_1']);

function* oldVersions(tls: Message): Iterable<Place> {
  const parameters = tls.at('common_tls_context', 'tls_params');
  const least = parameters.enumeration('tls_minimum_protocol_version', [
    'TLS_AUTO',
    'TLSv1_0',
    'TLSv1_1',
    'TLSv1_2',
    'TLSv1_3',
  ]);
  const where = `${parameters.path}.tls_minimum_protocol_version`;
  if (OLD.has(least)) yield { where, detail: least, severity: 'warning' };
  else if (least !== 'TLSv1_3') yield { where, detail: least === 'TLS_AUTO' ? 'TLS 1.2 by default' : least };
}

function* resumption(tls: Message): Iterable<Place> {
  for (const field of ['disable_stateless_session_resumption', 'disable_stateful_session_resumption'])
    if (tls.flag(field) !== true) yield { where: `${tls.path}.${field}` };
}

function* datedCertificates({ facts, nowMs }: Judged): Iterable<Place> {
  for (const { where, use, subject, notBeforeMs, notAfterMs } of facts.certificates) {
    const what = `${use === 'server' ? 'shown to clients' : 'a CA of clients'}: ${subject}`;
    const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
    if (nowMs >= notAfterMs) yield { where, detail: `${what}: ended ${new Date(notAfterMs).toISOString()}` };
    else if (nowMs < notBeforeMs)
      yield { where, detail: `${what}: begins ${new Date(notBeforeMs).toISOString()}` };
    else if (days < SOON_DAYS) yield { where, detail: `${what}: ends in ${days} days`, severity: 'warning' };
  }
}

/** Pins and keys are held against these files when our configuration is loaded: what Envoy has has to be the same. */
function* otherCertificates({ facts }: Judged): Iterable<Place> {
  const { certificates, configured } = facts;
  const shown = certificates.filter(({ use, isFirst }) => use === 'server' && isFirst);
  const [first] = shown;
  const { server, clientAuthorities = [] } = configured ?? {};
  if (first !== undefined && server !== undefined && shown.every(({ sha256 }) => sha256 !== server))
    yield { where: first.where, detail: `${first.subject}: not the first of envoy.tls.certificateFile` };
  const trusted = certificates.filter(({ use }) => use === 'client_ca');
  if (configured?.clientAuthorities === undefined) return;
  for (const { where, subject, sha256 } of trusted)
    if (!clientAuthorities.includes(sha256))
      yield { where, detail: `${subject}: not in envoy.tls.clientCaFile, whose clients come in` };
  const here = new Set(trusted.map(({ sha256 }) => sha256));
  for (const sha256 of trusted.length === 0 ? [] : clientAuthorities)
    if (!here.has(sha256))
      yield { where: 'envoy.tls.clientCaFile', detail: `Envoy does not have its CA with SHA-256 ${sha256}` };
}

/** In the order of their ids. */
export const TLS: readonly Rule[] = [
  {
    id: 'CSD601',
    name: 'plain-text',
    severity: 'error',
    what: 'The listener takes plain text.',
    why: 'There is no certificate to compare with a pin: every signed request is refused, unless a trusted hop forwards it, which anybody who reaches this port can pretend to be.',
    instead: 'TLS with require_client_certificate: true',
    check: plainText,
  },
  {
    id: 'CSD602',
    name: 'certificate-optional',
    severity: 'warning',
    what: 'Clients may come without a certificate.',
    why: 'They get a refusal at a later place than the handshake; only pass-through routes can answer them (AllowInsecureFallback of the Gateway API comes to this).',
    instead: 'require_client_certificate: true',
    check: tlsRule(optional),
  },
  {
    id: 'CSD603',
    name: 'untrusted-accepted',
    severity: 'error',
    what: 'Certificates that no trusted CA issued, or expired ones, are taken.',
    why: 'Anybody shows a certificate of his own making; of two defences only the pin is left (AllowInsecureFallback of the Gateway API comes to this).',
    instead: 'trust_chain_verification: VERIFY_TRUST_CHAIN, and no allow_expired_certificate',
    check: tlsRule(untrusted),
  },
  {
    id: 'CSD604',
    name: 'no-client-ca',
    severity: 'error',
    what: 'There is no CA that client certificates are held against.',
    why: 'Envoy then takes any certificate: require_client_certificate alone wants one, of whomever.',
    instead: 'validation_context.trusted_ca',
    check: tlsRule(withoutAuthority),
  },
  {
    id: 'CSD605',
    name: 'old-tls',
    severity: 'note',
    what: 'Versions before TLS 1.3 are taken.',
    why: 'In TLS 1.2 the client certificate crosses the wire in the clear; earlier ones are broken.',
    instead: 'tls_params.tls_minimum_protocol_version: TLSv1_3',
    check: tlsRule(oldVersions),
  },
  {
    id: 'CSD606',
    name: 'session-resumption',
    severity: 'note',
    what: 'TLS sessions may be resumed.',
    why: 'A resumed session outlives the removal of the CA that its certificate was validated by.',
    instead: 'disable_stateless_session_resumption: true and disable_stateful_session_resumption: true',
    check: tlsRule(resumption),
  },
  {
    id: 'CSD607',
    name: 'certificate-dates',
    severity: 'error',
    what: 'A certificate of the listener, or a CA of its clients, is not valid now or ends soon.',
    why: 'No handshake succeeds with it.',
    instead: 'renew it; files of SDS are replaced by an atomic move',
    check: datedCertificates,
  },
  {
    id: 'CSD608',
    name: 'certificates-differ',
    severity: 'warning',
    what: 'Envoy has other certificates than the files of the configuration.',
    why: 'A renewal has not come, or this is the Envoy of another: clients with pinned certificates of a CA that Envoy lacks never come in, those of one too many come as far as the pin.',
    instead: 'one set of files for both: envoy.tls.certificateFile and clientCaFile, watched by way of SDS',
    check: otherCertificates,
  },
];
