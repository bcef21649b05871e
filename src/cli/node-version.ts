/** Whether this Node can run us. No import: it must load on any Node. */

const OLDEST = [20, 19] as const;

/** A sentence with its remedy when `version` (`process.versions.node`) is too old. */
export function nodeVersionFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return `countersign: Node ${version} is too old\n  remedy: run Node ${OLDEST.join('.')} or newer, best a maintained LTS\n`;
}
