/** What went wrong with a bucket, in words whose subject is the server. Of its answers only its own short codes are shown. */
import type { IncomingHttpHeaders } from 'node:http';

/** `isConflict`: the bucket holds what contradicts the log. */
export class S3Fault extends Error {
  override readonly name = 'S3Fault';
  readonly isConflict: boolean;

  constructor(message: string, isConflict = false) {
    super(message);
    this.isConflict = isConflict;
  }
}

const REMEDIES: ReadonlyMap<string, string> = new Map([
  [
    'AccessDenied',
    'grant s3:PutObject, s3:PutObjectRetention, s3:GetObject, s3:GetObjectRetention and s3:ListBucket',
  ],
  ['InvalidAccessKeyId', 'correct the credentials file'],
  ['SignatureDoesNotMatch', 'correct the credentials file, and the region'],
  ['ExpiredToken', 'renew the credentials file'],
  ['InvalidToken', 'renew the credentials file'],
  ['AuthorizationHeaderMalformed', 'correct the region'],
  ['NoSuchBucket', 'create the bucket, with Object Lock'],
  ['InvalidRequest', 'is Object Lock switched on for the bucket?'],
  ['InvalidBucketObjectLockConfiguration', 'switch Object Lock on for the bucket'],
  ['NotImplemented', 'the server must know Object Lock and If-None-Match'],
]);

interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** `nowMs`: the wall clock, as the server may find fault with it. */
export function refusalInWords(
  { status, headers, body }: Refusal,
  doing: string,
  { nowMs }: { readonly nowMs: () => number },
): S3Fault {
  const [, code] = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(body.toString('latin1')) ?? [];
  const told = `answers ${status}${code === undefined ? '' : ` ${code}`} to ${doing}`;
  if (code === 'RequestTimeTooSkewed')
    return new S3Fault(`${told}: ${clockDifference(headers.date, nowMs())}`);
  const remedy = code === undefined ? undefined : REMEDIES.get(code);
  return new S3Fault(remedy === undefined ? told : `${told}: ${remedy}`);
}

function clockDifference(date: string | undefined, nowMs: number): string {
  const seconds = Math.round((nowMs - Date.parse(date ?? '')) / 1_000);
  return Number.isNaN(seconds)
    ? 'its clock and ours lie too far apart'
    : `our clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} its own`;
}
