/** What the reference upstream shows of itself under `/_reference/`, on its own port that Envoy never reaches. */
import type { IncomingHttpHeaders } from 'node:http';
import { notFound, refusal, type Answer } from './answer.js';
import type { RecordKind, RecordStore } from './record-store.js';
import type { RequestJournal } from './request-journal.js';

/** Paths below this are answered from here and are not recorded. */
export const LISTING_PREFIX = '/_reference/';

/** Names of this machine: a page in a browser on it gets here under a name of its own, or says whose page it is. */
const LOOPBACK_HOST = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i;

/** Whether a person or a program of this machine asks, and no page. */
export function isAskedHere({ host = '', origin }: IncomingHttpHeaders): boolean {
  return LOOPBACK_HOST.test(host) && (origin === undefined || origin === `http://${host}`);
}

/** Where the listings read. */
export interface Listed {
  readonly journal: RequestJournal;
  readonly store: RecordStore;
}

/** At most so many records of one tenant are listed. */
const LISTED_RECORDS = 1_000;

function listRecords(kind: RecordKind, tenant: string | null, store: RecordStore): Answer {
  const tenants = tenant === null ? store.tenants(kind) : [tenant];
  return { status: 200, body: tenants.flatMap((one) => store.last(kind, one, LISTED_RECORDS)) };
}

/** Answers `GET /_reference/requests`, `telemetry?tenant=`, `graphs?tenant=` and `health`. */
export function answerListing(method: string, target: string, { journal, store }: Listed): Answer {
  if (method !== 'GET') return refusal(405, 'method_not_allowed', 'Only GET.');
  const url = new URL(target, 'http://localhost');
  const tenant = url.searchParams.get('tenant');
  switch (url.pathname.slice(LISTING_PREFIX.length)) {
    case 'requests':
      return { status: 200, body: journal.list() };
    case 'telemetry':
      return listRecords('telemetry', tenant, store);
    case 'graphs':
      return listRecords('graphs', tenant, store);
    case 'health':
      return { status: 200, body: { status: 'ok' } };
    default:
      return notFound();
  }
}
