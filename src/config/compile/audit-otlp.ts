/** The collector of the audit log: where it is, and whether the file of headers can be used. */
import { parseHeaderLines } from '../../storage/header-lines.js';
import type { OtlpInput } from '../schema/audit-holders.js';
import type { AuditOtlpSettings } from '../settings.js';
import { readAuthority, serverUrl } from './audit-holders.js';
import type { ConfigurationNode } from './context.js';

/** Where a collector takes logs (OTLP/HTTP, "OTLP/HTTP Request"). */
const LOGS_PATH = '/v1/logs';

/** Compiles `audit.otlp`; undefined when it cannot be used, which is noted. */
export function compileOtlp(
  { endpoint, headersFile, caFile, instance, timeoutMilliseconds }: OtlpInput,
  hasLog: boolean,
  node: ConfigurationNode,
): AuditOtlpSettings | undefined {
  if (!hasLog)
    node.problem('ships the records of audit.log, and there is none', 'add audit.log, or remove audit.otlp');
  const collector = compileCollector({ endpoint, headersFile, caFile }, LOGS_PATH, node);
  return collector && { ...collector, instance, timeoutMilliseconds };
}

/** Where a collector is and what it wants to hear of us; `path` where the endpoint has none. Undefined with the problem noted. */
export function compileCollector(
  { endpoint, headersFile, caFile }: Pick<OtlpInput, 'endpoint' | 'headersFile' | 'caFile'>,
  path: string,
  node: ConfigurationNode,
): Pick<AuditOtlpSettings, 'url' | 'headersPath' | 'authority'> | undefined {
  const url = serverUrl(endpoint, node.at('endpoint'), 'https://collector.example:4318');
  if (headersFile !== undefined) judgeHeaders(headersFile, node.at('headersFile'));
  const authority = readAuthority(caFile, node.at('caFile'));
  if (url === undefined) return undefined;
  if (url.pathname === '/') url.pathname = path;
  const headersPath = headersFile === undefined ? undefined : node.load.resolve(headersFile);
  return { url: url.href, headersPath, authority };
}

function judgeHeaders(file: string, node: ConfigurationNode): void {
  const read = node.load.readSecret(file);
  if (!read.ok) {
    const isOpen = read.reason === 'open-to-others';
    node.fileProblem(file, isOpen ? 'holds a secret that other users can get at' : read.message, read.remedy);
    return;
  }
  const headers = parseHeaderLines(read.bytes.toString('latin1'));
  read.bytes.fill(0);
  if (headers === undefined)
    node.fileProblem(
      file,
      'has a line that is no header, or one that is ours to set',
      'write one header a line, such as Authorization: Bearer TOKEN',
    );
}
