/** The mirror and the witnesses of the audit log: where they are, and whether the files that they need can be used. */
import { quoteText } from '../../json/escape-text.js';
import { equalBytes } from '../../crypto/bytes.js';
import { parseS3Credentials } from '../../storage/s3/credentials.js';
import { parsePolicy, type Policy } from '../../tlog/policy.js';
import { TlogError } from '../../tlog/tlog-error.js';
import type { MirrorInput, WitnessesInput } from '../schema/audit-holders.js';
import type { AuditLogSettings, AuditMirrorSettings, AuditWitnessSettings } from '../settings.js';
import { isLoopback } from './addresses.js';
import { readCertificates } from './certificates.js';
import type { ConfigurationNode } from './context.js';

/** Compiles `audit.log.mirror`; undefined when it cannot be used, which is noted. */
export function compileMirror({ s3 }: MirrorInput, node: ConfigurationNode): AuditMirrorSettings | undefined {
  const at = node.at('s3');
  const endpoint = serverUrl(s3.endpoint, at.at('endpoint'));
  if (endpoint !== undefined && endpoint.pathname !== '/')
    at.at('endpoint').problem(
      'has a path',
      'give the server alone: bucket and prefix have members of their own',
    );
  judgeCredentials(s3.credentialsFile, at.at('credentialsFile'));
  const { bucket, prefix, region, retentionDays, mode, intervalSeconds, timeoutMilliseconds } = s3;
  const authority = readAuthority(s3.caFile, at.at('caFile'));
  const credentialsPath = node.load.resolve(s3.credentialsFile);
  const numbers = { retentionDays, intervalSeconds, timeoutMilliseconds };
  return (
    endpoint && {
      endpoint: endpoint.origin,
      bucket,
      prefix,
      region,
      mode,
      credentialsPath,
      authority,
      ...numbers,
    }
  );
}

/** Compiles `audit.log.witnesses`; undefined when it cannot be used, which is noted. */
export function compileWitnesses(
  input: WitnessesInput,
  log: Pick<AuditLogSettings, 'origin' | 'publicKey'>,
  node: ConfigurationNode,
): AuditWitnessSettings | undefined {
  const { policyFile, caFile, intervalSeconds, timeoutMilliseconds } = input;
  const at = node.at('policyFile');
  const authority = readAuthority(caFile, node.at('caFile'));
  const text = at.readCertificateFile(policyFile)?.toString('utf8');
  const policy = text === undefined ? undefined : policyIn(text, policyFile, at);
  if (text === undefined || policy === undefined) return undefined;
  judgeWitnesses(policy, at);
  if (log.publicKey.length > 0) judgeLogs(policy, log, at);
  return { policyText: text, authority, intervalSeconds, timeoutMilliseconds };
}

/** An https URL, or http on loopback; undefined with the problem noted. */
export function serverUrl(
  text: string,
  node: ConfigurationNode,
  example = 'https://s3.eu-central-1.amazonaws.com',
): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const remedy = `give an https URL of host and port, such as ${example}`;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) {
    node.problem(`${quoteText(text)} is no URL of http or https`, remedy);
    return undefined;
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    node.problem(`${quoteText(text)} is not encrypted, and leads away from this machine`, remedy);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    node.problem(`${quoteText(text)} has more than a host, a port and a path`, remedy);
  return url;
}

function judgeCredentials(file: string, node: ConfigurationNode): void {
  const read = node.load.readSecret(file);
  if (!read.ok) {
    const isOpen = read.reason === 'open-to-others';
    node.fileProblem(file, isOpen ? 'holds a secret that other users can get at' : read.message, read.remedy);
    return;
  }
  const isSound = parseS3Credentials(read.bytes.toString('latin1')) !== undefined;
  read.bytes.fill(0);
  if (!isSound)
    node.fileProblem(
      file,
      'does not give one pair of keys',
      'write [default], aws_access_key_id = … and aws_secret_access_key = … on three lines',
    );
}

/** PEM of authorities; undefined for none, or with the problem noted. */
export function readAuthority(file: string | undefined, node: ConfigurationNode): string | undefined {
  return file === undefined ? undefined : readCertificates(file, node)?.map(String).join('');
}

function policyIn(text: string, file: string, node: ConfigurationNode): Policy | undefined {
  try {
    return parsePolicy(text);
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    node.fileProblem(file, `is no policy: ${error.message}`, 'correct it (C2SP tlog-policy)');
    return undefined;
  }
}

function judgeWitnesses({ witnesses, quorum }: Policy, node: ConfigurationNode): void {
  if (witnesses.size === 0)
    node.problem('lists no witness', 'list one, with its submission URL, or remove audit.log.witnesses');
  for (const [name, { url }] of witnesses)
    if (url === undefined)
      node.problem(
        `lists the witness ${quoteText(name)} without a URL, so it cannot be asked`,
        'write its submission URL behind its key',
      );
    else serverUrl(url, node);
  if (quorum === 'none')
    node.warn('asks for no quorum: checkpoints count as witnessed without any cosignature');
}

/** A policy may be about any log; one that lists logs and not this one is that of another. */
function judgeLogs(
  { logs }: Policy,
  { origin, publicKey }: Pick<AuditLogSettings, 'origin' | 'publicKey'>,
  node: ConfigurationNode,
): void {
  const ours = logs.find(({ verifier }) => equalBytes(verifier.key.raw, publicKey))?.verifier;
  if (logs.length > 0 && ours === undefined)
    node.problem(
      'lists logs, and none with the key of this one',
      "add a log line with this log's verifier key (`countersign audit vkey`), or none",
    );
  if (ours !== undefined && !origin.includes('{instance}') && ours.name !== origin)
    node.problem(
      `lists this log's key under the name ${quoteText(ours.name)}, and its origin is ${quoteText(origin)}`,
      'correct the log line, or audit.log.origin',
    );
}
