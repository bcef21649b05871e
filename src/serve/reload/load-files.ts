/** Loads the files of a configuration and judges them whole: run by a thread of its own (`load-thread.ts`), off the loop that serves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { renderProblems } from '../../config/document/findings.js';
import { fileState } from '../../config/files/read-file.js';
import { packConfiguration, type PackedConfiguration } from '../../config/packed-configuration.js';
import type { Configuration, FileStates, LoadResult, RotationSettings } from '../../config/settings.js';
import type { Signer } from '../../crypto/signing.js';
import { findDisagreeingKey } from '../../feedback/feedback-settings.js';
import type { RotatedDomain } from '../../keys/rotation/round.js';
import { wipeFeedbackKeys } from './live-configuration.js';

/** What was in the files at one moment, good or not. */
export interface LoadedFiles {
  /** Sentences for whoever wrote the files; they hold no secret. Absent when the configuration is good. */
  readonly problems: readonly string[] | undefined;
  /** The states of the files, and the configuration if it is good. Absent when the load came to no end. */
  readonly parts: PackedConfiguration | undefined;
  /** From a supervisor: under which generation a process that starts takes it over. Default: the first. */
  readonly generation?: number | undefined;
  /** Of a good configuration: the signing domains whose keys are made on schedule, where there is one. */
  readonly rotated?: RotatedDomains | undefined;
}

/** What a rotation reads of a configuration; none of it is secret. */
export interface RotatedDomains {
  readonly settings: RotationSettings;
  readonly domains: readonly RotatedDomain[];
}

/** Where configurations come from: a thread that loads the files, or a supervisor that has one. */
export interface ConfigurationSource {
  /** What is in the files from now on. One load at a time. Never rejects for anything in a file. */
  load(): Promise<LoadedFiles>;
  /** Says that what `load` gave last is in force. */
  applied?(): void;
}

/** How files are judged. */
interface LoadFilesOptions {
  /** Never throws for anything in a file. */
  readonly load: () => LoadResult;
  readonly signer: Signer;
  /** Fingerprints of feedback keys that signed well before. Absent: whoever starts with them tests them all. */
  readonly tested?: ReadonlySet<string> | undefined;
}

/** Files that are being written while they are read are read again, this often. */
const ATTEMPTS = 5;
const BETWEEN_ATTEMPTS_MILLISECONDS = 50;

/** Loads, tests new feedback keys, and packs. No private key stays behind but in the parts. */
export async function loadFiles({ load, signer, tested }: LoadFilesOptions): Promise<LoadedFiles> {
  const { result, isSteady } = await loadSteadily(load);
  const { fileStates } = result;
  if (!isSteady)
    return refused(
      ['the files go on changing while they are read'],
      packConfiguration(undefined, fileStates),
    );
  if (!result.ok)
    return refused(
      result.problems.map((problem) => renderProblems([problem])),
      packConfiguration(undefined, fileStates),
    );
  const { configuration } = result;
  try {
    const { feedback } = configuration.snapshot;
    const disagreeing = feedback && tested && findDisagreeingKey(feedback, signer, tested);
    if (disagreeing === undefined)
      return {
        problems: undefined,
        parts: packConfiguration(configuration, fileStates),
        rotated: rotatedOf(configuration),
      };
    const problem = `the signing self-test failed for the feedback key ${disagreeing}`;
    return refused([problem], packConfiguration(undefined, fileStates));
  } finally {
    wipeFeedbackKeys(configuration.snapshot);
  }
}

/** Undefined where nothing is rotated. */
export function rotatedOf({ settings, snapshot }: Configuration): RotatedDomains | undefined {
  const { keyRotation } = settings;
  const { feedback } = snapshot;
  if (keyRotation === undefined || feedback === undefined) return undefined;
  const all = [[undefined, feedback.defaultDomain] as const, ...feedback.tenantDomains];
  const domains = all
    .filter(([, { activeKid, delegation }]) => activeKid === undefined && delegation === undefined)
    .map(([tenant, { keys }]) => ({
      tenant,
      keys: keys.map(({ kid, notBeforeMs, notAfterMs }) => ({ kid, notBeforeMs, notAfterMs })),
    }));
  return { settings: keyRotation, domains };
}

function refused(problems: readonly string[], parts: PackedConfiguration): LoadedFiles {
  return { problems, parts };
}

/** Not steady when the files changed under every attempt; otherwise all of it was in the files at one moment. */
async function loadSteadily(load: () => LoadResult): Promise<{ result: LoadResult; isSteady: boolean }> {
  for (let attempt = 1; ; attempt++) {
    const result = load();
    if (isUnchanged(result.fileStates)) return { result, isSteady: true };
    if (result.ok) wipeFeedbackKeys(result.configuration.snapshot);
    if (attempt === ATTEMPTS) return { result, isSteady: false };
    await sleep(BETWEEN_ATTEMPTS_MILLISECONDS);
  }
}

/** Every file still is what was read, so there was a moment between the readings at which all of them were. */
function isUnchanged(fileStates: FileStates): boolean {
  return [...fileStates].every(([path, state]) => fileState(path) === state);
}
