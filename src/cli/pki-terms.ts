/** What the commands of `pki` share. */
import { CertificateLibraryMissing } from '../pki/issue-certificate.js';
import { CliFault } from './command.js';

/** For clients whose clock is behind. */
export const BACKDATED_MILLISECONDS = 3_600_000;
/** A year and a month: nothing here reminds anybody of a certificate that ends later. */
export const MAX_LEAF_DAYS = 397;

/** Throws the error, or what to do about it where packages are missing. */
export function throwExplained(error: unknown): never {
  if (!(error instanceof CertificateLibraryMissing)) throw error;
  throw new CliFault(error.message, 'install them: npm install --include=optional');
}

/** What the command line of `pki renew` says. */
export interface RenewOptions {
  readonly days: number;
  readonly newKey?: true;
  readonly config?: string;
  readonly overlap?: number;
  readonly admin?: readonly URL[];
  readonly withoutVerifier?: true;
  readonly dryRun?: true;
  readonly json?: true;
}
