/** What the page is told, for the type checker alone; page-routes.ts and page-source.ts are where it comes from. */
export interface Refusal {
  readonly atMs: number;
  readonly decisionId: string;
  readonly code: string;
  readonly status?: number;
  readonly clientCode?: string;
  readonly why?: string;
  readonly next?: string;
  readonly detail?: string;
  readonly method?: string;
  readonly path?: string;
  readonly envoyRequestId?: string;
  readonly policy?: string;
  readonly identity?: string;
  readonly claimedIdentity?: string;
  readonly kid?: string;
  readonly claimedKid?: string;
  readonly certificateSha256?: string;
  readonly skewSeconds?: number;
  readonly firstDecisionId?: string;
  /** Report-only let it pass. */
  readonly passed?: true;
}

export interface RefusalList {
  readonly kept: number;
  readonly matching: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly refusals: readonly Refusal[];
}

export type CodeSeries = Readonly<Record<string, readonly number[]>>;

export interface Reload {
  readonly outcome: 'applied' | 'refused';
  readonly at: string;
  readonly causes: readonly string[];
  readonly problems: readonly string[];
  readonly changes?: readonly string[];
}

export interface Ending {
  readonly kind: string;
  readonly owner: string;
  readonly name: string;
  readonly endMs: number;
}

export interface Overview {
  readonly atMs: number;
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly slotSeconds: number;
  readonly health: {
    readonly ready: boolean;
    readonly components: readonly { name: string; fault?: string; note?: string; remedy?: string }[];
  };
  readonly status: Readonly<Record<string, unknown>>;
  readonly live?: {
    readonly decisions: CodeSeries;
    readonly answers: CodeSeries;
    readonly reloads: readonly Reload[];
    readonly ends: readonly Ending[];
    readonly identities: number;
  };
}

interface Validity {
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly isValid: boolean;
}

export interface Identity {
  readonly name: string;
  readonly state: string;
  readonly keys: readonly (Validity & {
    kid: string;
    purposes: readonly string[];
    sha256: string;
    keySet?: string;
  })[];
  readonly pins: readonly (Validity & { kind: string; sha256: string })[];
  readonly names: readonly (Validity & { name: string; authority?: string })[];
  readonly operators?: number;
  readonly attestations?: number;
}

export interface IdentityPage {
  readonly total: number;
  readonly matching: number;
  readonly from: number;
  readonly identities: readonly Identity[];
}

export interface Why {
  readonly id: string;
  readonly kept?: Refusal;
  readonly outcome: 'found' | 'nothing' | 'busy' | 'failed';
  readonly text?: string;
  readonly details?: unknown;
  readonly note?: string;
  readonly reason?: string;
  readonly remedy?: string;
}
