/** `countersign health`: whether a verifier serves, for probes of containers and for people. */
import type { HealthReply } from '../envoy/health/client.js';
import { escapeControls } from '../json/escape-text.js';
import { type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { fetchPage } from '../observability/admin-client.js';
import { httpUrl, wholeNumber } from './option-values.js';

interface HealthOptions {
  readonly socket?: string;
  readonly admin?: URL;
  readonly service?: string;
  readonly timeout: number;
}

/** Exit code 1 also when nobody answers: a probe has one question, and that is its no. */
async function health(world: CliWorld, options: HealthOptions): Promise<ExitCode> {
  const { reason, notes = [] } = await verdict(options);
  if (reason === undefined) {
    world.out('serving\n');
    for (const note of notes) world.err(`note: ${escapeControls(note)}\n`);
    return ExitCode.good;
  }
  world.err(`countersign: not serving: ${escapeControls(reason)}\n`);
  return ExitCode.refused;
}

interface Verdict {
  /** Undefined when it serves. */
  readonly reason?: string | undefined;
  /** What is worth knowing although it serves, such as a reload that was refused. */
  readonly notes?: readonly string[];
}

async function verdict({ socket, admin, service, timeout }: HealthOptions): Promise<Verdict> {
  if ((socket === undefined) === (admin === undefined))
    throw usageFault('health needs one way to ask', 'give either --socket or --admin');
  if (socket !== undefined) {
    // grpc-js takes a while to load, which no other command shall pay for.
    const { askHealth } = await import('../envoy/health/client.js');
    const question = { socketPath: socket, service: service ?? '', timeoutMilliseconds: timeout };
    return { reason: grpcReason(await askHealth(question), question.service) };
  }
  if (service !== undefined) throw usageFault('--service goes with --socket', 'leave it out');
  return admin === undefined ? {} : pageVerdict(admin, timeout);
}

/** A verifier always knows. */
const WHOLE_UNKNOWN =
  'what listens there knows of no health of the whole process: name listen.socket of a verifier, or a part of this with --service';

function grpcReason(reply: HealthReply, service: string): string | undefined {
  switch (reply.kind) {
    case 'serving':
      return undefined;
    case 'not_serving':
      return reply.reason ?? 'it says so, and not why';
    case 'unknown_service':
      return service === '' ? WHOLE_UNKNOWN : `it knows no service ${service}`;
    case 'unreachable':
      return withAdvice(reply.reason);
  }
}

function withAdvice(cause: string): string {
  if (cause.includes('ENOENT'))
    return `there is no such socket, so no verifier runs there: start it, or name listen.socket of its configuration (${cause})`;
  if (cause.includes('ECONNREFUSED'))
    return `the file is there and nobody listens on it: start the verifier, or name listen.socket of its configuration (${cause})`;
  if (cause.includes('EACCES'))
    return `this user may not use the socket: ask as a user of the verifier's group (${cause})`;
  return cause;
}

/** A path of its own is asked as it stands: `/livez` does not depend on the nonce store, as a restart mends none. */
async function pageVerdict(admin: URL, timeoutMilliseconds: number): Promise<Verdict> {
  const url = admin.pathname === '/' ? new URL('/readyz', admin) : admin;
  try {
    const page = await fetchPage('GET', url, timeoutMilliseconds);
    if (page.status === 200) return { notes: saidOf(page.body, 'note') ?? [] };
    if (page.status === 404) return { reason: noSuchPage(url) };
    return { reason: reasonsIn(page.body) };
  } catch (error) {
    return { reason: whyUnreachable(error, url) };
  }
}

/** The system's code by itself says little of what to do. */
function whyUnreachable(error: unknown, url: URL): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('ECONNREFUSED'))
    return `nobody listens at ${url.origin}: start the verifier, or give the address of its \`admin\` section (${message})`;
  if (/hang up|Parse Error/.test(message))
    return `what listens at ${url.origin} does not speak HTTP: give the address of the verifier's \`admin\` section (${message})`;
  return message;
}

function noSuchPage(url: URL): string {
  return `there is no ${url.pathname} at ${url.origin}, so it is not the admin port of a verifier: give the address of its \`admin\` section`;
}

/** `component: reason` of each that is not ready, or how the page begins, where it is somebody else's. */
function reasonsIn(body: string): string {
  const reasons = saidOf(body, 'reason');
  if (reasons === undefined) return body.trim().slice(0, MAX_FOREIGN_CHARACTERS);
  return reasons.length > 0 ? reasons.join('; ') : 'it says so, and not why';
}

/** `component: …` of each that says something under this name; undefined of a page that is not a verifier's. */
function saidOf(body: string, name: 'reason' | 'note'): readonly string[] | undefined {
  try {
    const { components } = JSON.parse(body) as {
      components: (Record<typeof name, string> & { name: string })[];
    };
    return components.flatMap((component) =>
      typeof component[name] === 'string' ? [`${component.name}: ${component[name]}`] : [],
    );
  } catch {
    return undefined;
  }
}

/** Enough to see who answered: Envoy's own pages go on for pages. */
const MAX_FOREIGN_CHARACTERS = 200;
const MAX_TIMEOUT_MILLISECONDS = 60_000;

/** Adds the command. */
export const registerHealth: Register = (program, session) => {
  program
    .command('health')
    .description('exit 0 when a verifier serves, 1 when it does not or nobody answers')
    .option('-s, --socket <path>', 'ask over gRPC on this Unix socket, as Envoy does')
    .option('-a, --admin <url>', 'ask the admin port for /readyz, or for the path of the URL', httpUrl)
    .option('--service <name>', 'with --socket: one part alone, such as countersign.nonce_store')
    .option('--timeout <milliseconds>', 'how long to wait', wholeNumber(1, MAX_TIMEOUT_MILLISECONDS), 1_000)
    .addHelpText(
      'after',
      examples(
        'countersign health --socket /run/countersign/verifier.sock',
        'countersign health --admin http://127.0.0.1:9902',
        'countersign health --admin http://127.0.0.1:9902/livez',
      ),
    )
    .action(session.action((world, options: HealthOptions) => health(world, options)));
};
