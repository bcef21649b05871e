/** The collector's shipper beside the sequencer, in its thread. Loaded there where a collector is configured. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { HolderAccount } from '../../audit/holders/holder-status.js';
import { Looks } from '../../audit/holders/looks.js';
import { SealedLog } from '../../audit/holders/sealed-log.js';
import { HttpPeer } from '../../storage/http/http-peer.js';
import type { Companion, CompanionContext } from '../../audit/log/companion.js';
import { Shipper } from '../../audit/otlp/shipper.js';
import type { AuditOtlpSettings } from '../../config/settings.js';
import { packageVersion } from '../../observability/package-version.js';
import { parseHeaderLines } from '../../storage/header-lines.js';
import { parseVerifierKey } from '../../tlog/note.js';
import { finishBy, reportOf, secretIn } from './companion-parts.js';

/** Of an answer: what it says of refused records is short. */
const MAX_ANSWER_BYTES = 65_536;

/** Throws OpenSSL's error when the authority is none. */
export function startCompanion(options: unknown, context: CompanionContext): Companion {
  const settings = options as AuditOtlpSettings;
  const url = new URL(settings.url);
  const peer = new HttpPeer({ ...settings, url, maxAnswerBytes: MAX_ANSWER_BYTES });
  const shipper = shipperOf(settings, url, peer, context);
  const looks = new Looks(() => shipper.ship());
  return {
    onCommitted: ({ size }) => shipper.committed(size),
    heldSize: () => shipper.shipped,
    status: () => shipper.status(),
    close: (deadlineMs) =>
      finishBy(deadlineMs, {
        finish: async () => {
          await looks.close();
          await shipper.ship();
        },
        close: () => {
          peer.close();
          return Promise.resolve();
        },
      }),
  };
}

function shipperOf(
  { headersPath, instance = hostname() }: AuditOtlpSettings,
  url: URL,
  peer: HttpPeer,
  context: CompanionContext,
): Shipper {
  const account = new HolderAccount(url.host, () => performance.now(), reportOf('the collector', context));
  return new Shipper({
    log: new SealedLog(context.directory, parseVerifierKey(context.verifierKey)),
    origin: context.origin,
    version: packageVersion(),
    instance,
    peer,
    path: `${url.pathname}${url.search}`,
    headers: () => (headersPath === undefined ? {} : headersIn(headersPath)),
    account,
    progressPath: join(context.directory, '.sequencer', 'otlp.json'),
    report: (message, members) => context.report('warn', message, members),
    nowMs: Date.now,
  });
}

function headersIn(path: string): Readonly<Record<string, string>> {
  return Object.fromEntries(secretIn(path, parseHeaderLines, 'has a line that is no header'));
}
