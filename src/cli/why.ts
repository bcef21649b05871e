/** `countersign why`: what became of one request, from the records of the verifier and of Envoy. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MAX_FILE_BYTES, readBoundedText } from '../config/files/read-file.js';
import { isDirectory } from './audit-places.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { readOrFault } from './files.js';
import { collecting, matching } from './option-values.js';
import { jsonText, memberOf } from './text.js';
import { look, type LogFiles, type WhyFindings } from '../why/look.js';
import { UnreadableRecords } from '../why/records.js';
import { whyJson, whyText } from '../why/report.js';
import { REQUEST_ID, withoutId } from '../why/search.js';

interface WhyOptions {
  readonly config?: string;
  readonly audit?: readonly string[];
  readonly envoyLog?: readonly string[];
  readonly json?: true;
}

const FILE = /^[^]+$/;
const LOCAL_FEDERATION = 'local_federation/countersign.yaml';

async function why(world: CliWorld, id: string, options: WhyOptions): Promise<ExitCode> {
  const files = await logFiles(options);
  const findings = await lookOrFault(id, files);
  const { records, copies, lines } = findings;
  if (records.length + copies.length + lines.length === 0)
    throw new CliFault(
      `nothing is recorded under ${id}`,
      'give the request id of the refusal, or the x-request-id of Envoy, and the files of that time with --audit and --envoy-log' +
        (files.log === undefined ? '' : `; ${withoutId(files.log)}`),
      ExitCode.refused,
    );
  world.out(options.json ? jsonText(whyJson(findings)) : whyText(findings));
  return ExitCode.good;
}

async function lookOrFault(id: string, files: LogFiles): Promise<WhyFindings> {
  try {
    return await look(id, files);
  } catch (error) {
    if (error instanceof UnreadableRecords) throw new CliFault(error.message, error.remedy);
    throw error;
  }
}

/** Those that were named, and else those of the configuration. */
async function logFiles({ config, audit, envoyLog }: WhyOptions): Promise<LogFiles> {
  if (config === undefined && (audit !== undefined || envoyLog !== undefined))
    return namedFiles(audit ?? [], envoyLog ?? []);
  const file = config ?? defaultConfiguration();
  if (file === undefined)
    throw usageFault(
      'no file to look in',
      'give --config FILE, or --audit FILE and --envoy-log FILE, or set COUNTERSIGN_CONFIG_FILE',
    );
  const configured = await configuredFiles(file);
  const envoy = envoyLog ?? configured.envoy;
  const files = audit === undefined ? { ...configured, envoy } : namedFiles(audit, envoy);
  if (files.audit.length + files.envoy.length > 0 || files.log !== undefined) return files;
  throw new CliFault(
    `the configuration: ${file} names no file of records (they go to standard output)`,
    'give the files with --audit and --envoy-log',
  );
}

/** A directory among them is that of a log. */
function namedFiles(audit: readonly string[], envoy: readonly string[]): LogFiles {
  const log = audit.find(isDirectory);
  return { audit: audit.filter((place) => place !== log), envoy, log };
}

/** Of the environment of the local federation, or of the federation that is kept here. */
function defaultConfiguration(): string | undefined {
  const named = process.env['COUNTERSIGN_CONFIG_FILE'];
  if (named !== undefined && named !== '') return named;
  return existsSync(LOCAL_FEDERATION) ? LOCAL_FEDERATION : undefined;
}

/**
 * Only the two names are read: whoever looks something up need not be able to read the keys of the verifier. What is
 * not there yet is left out; what was named by an option and is missing is an error.
 */
async function configuredFiles(file: string): Promise<LogFiles> {
  const { parseConfigurationDocument } = await import('../config/document/document.js');
  const { Findings } = await import('../config/document/findings.js');
  const { text } = readOrFault('the configuration:', file, readBoundedText(file, MAX_FILE_BYTES));
  const parsed = parseConfigurationDocument(text, new Findings(file));
  if (parsed === undefined)
    throw new CliFault(
      `the configuration: ${file} is not acceptable`,
      `run countersign check-config ${file} and mend what it says`,
    );
  const envoy = memberOf(parsed, 'envoy');
  const accessLog = memberOf(envoy, 'accessLog') ?? (envoy === undefined ? undefined : 'audit/access.ndjson');
  const present = (name: unknown): string[] => {
    const path = typeof name === 'string' ? resolve(dirname(file), name) : '';
    return path !== '' && !path.startsWith('/dev/') && existsSync(path) ? [path] : [];
  };
  const audit = memberOf(parsed, 'audit');
  const log = memberOf(memberOf(audit, 'log'), 'directory');
  return { audit: present(memberOf(audit, 'file')), envoy: present(accessLog), log: present(log)[0] };
}

/** Adds the command. */
export const registerWhy: Register = (program, session) => {
  program
    .command('why')
    .description('tell what was decided about one request, why, what to do next, and what Envoy did with it')
    .argument(
      '<id>',
      "the request_id of an answer, Envoy's x-request-id, or the first_request_id of a 409",
      matching(REQUEST_ID),
    )
    .option(
      '-c, --config <file>',
      'the configuration, which names both files; else that of COUNTERSIGN_CONFIG_FILE, or of the local federation',
    )
    .option(
      '--audit <file>',
      'a file of decision records, or the directory of a log; may be given again, oldest first',
      collecting(FILE),
    )
    .option('--envoy-log <file>', "a file of Envoy's access log; may be given again", collecting(FILE))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign why 6f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d --config countersign.yaml',
        'countersign why 6f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d --audit decisions.ndjson.1 --audit decisions.ndjson --envoy-log access.ndjson',
      ),
    )
    .action(session.action(why));
};
