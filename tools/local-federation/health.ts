/** Waiting until everything answers, with the reason while it does not. */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { FederationFault } from './fault.js';
import type { Layout } from './layout.js';
import { logFile, logTail, runningProcess, type ProcessName } from './processes.js';
import type { Credentials, Gateway } from './producer.js';

/** Undefined when ready, else why not yet. */
export type Probe = () => Promise<string | undefined>;

/** What is waited for. */
export interface Wait {
  readonly layout: Layout;
  /** Whose health it is: when this process ends, waiting makes no sense. */
  readonly process: ProcessName;
  readonly probe: Probe;
  readonly timeoutMilliseconds: number;
  readonly note: (text: string) => void;
}

const POLL_MILLISECONDS = 50;
const PROBE_MILLISECONDS = 2_000;

interface Page {
  readonly status: number;
  readonly body: string;
}

/** A page of plain HTTP on loopback. Rejects when nobody answers. */
export function fetchPage(url: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    const call = get(url, { agent: false, timeout: PROBE_MILLISECONDS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
      });
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', reject);
  });
}

const singleLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 300);

/** The reasons in the verifier's `/readyz`, or the page as it is. */
function reasonIn(body: string): string {
  try {
    const { components } = JSON.parse(body) as { components?: { reason?: string }[] };
    const reasons = (components ?? []).flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
    return reasons.length > 0 ? reasons.join('; ') : singleLine(body);
  } catch {
    return singleLine(body);
  }
}

/** Ready when `url` answers 200; else its answer is the reason. */
export function pageProbe(url: string): Probe {
  return async () => {
    try {
      const page = await fetchPage(url);
      return page.status === 200 ? undefined : reasonIn(page.body);
    } catch (error) {
      return `${new URL(url).host}: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
}

/**
 * Ready when an unsigned request is refused with 401: so Envoy has its certificate, takes the client's, asks the
 * verifier, and the verifier decides. Nothing reaches the application by it.
 */
export function refusalProbe(gateway: Gateway, credentials: Credentials, path: string): Probe {
  return async () => {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await gateway.send(credentials, {
      method: 'POST',
      path,
      headers,
      body: Buffer.from('{}'),
    });
    return answer.status === 401
      ? undefined
      : `the listener answers ${answer.status}: ${singleLine(answer.body)}`;
  };
}

/** Polls until ready. Throws a fault with the end of the process's log when it ends, or when the time is over. */
export async function waitUntilReady({
  layout,
  process,
  probe,
  timeoutMilliseconds,
  note,
}: Wait): Promise<void> {
  const deadline = performance.now() + timeoutMilliseconds;
  for (;;) {
    const reason = await probe();
    if (reason === undefined) return;
    note(reason);
    const ended = runningProcess(layout, process) === undefined;
    if (ended || performance.now() > deadline) {
      const what = ended ? `${process} ended` : `${process} is not ready: ${reason}`;
      throw new FederationFault(`${what}\n${logTail(layout, process)}`, `read ${logFile(layout, process)}`);
    }
    await sleep(POLL_MILLISECONDS);
  }
}
