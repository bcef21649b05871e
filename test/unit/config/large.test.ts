/** Files with many thousands of entries and problems: what is done grows with the file, not with its square. */
import { Findings, shownOfEachSection } from '../../../src/config/document/findings.js';
import { parseConfigurationDocument } from '../../../src/config/document/document.js';
import { PublicKeyCache } from '../../../src/config/compile/public-key-cache.js';
import { UNSOUND_POINTS } from '../../../src/crypto/known-answers.js';
import { manyOperators } from '../../e2e/support/many.js';
import { configurationText, createWorkspace, publicKeys, type Workspace } from './workspace.js';

const COUNT = 5_000;

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

// Fault: reload-large
describe('problems by the thousand', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['operators', { operators: manyOperators(COUNT, '') }, 'must be a UUID'],
    [
      'identities',
      { identities: Array.from({ length: COUNT }, (_, at) => ({ name: `one ${at}` })) },
      'must be 1 to 128 letters',
    ],
    [
      'limits',
      { limits: Object.fromEntries(Array.from({ length: COUNT }, (_, at) => [`maxBodyByte${at}`, 1])) },
      'is not a key of this format',
    ],
  ])('of %s are counted, and the first ones are told', (section, changes, message) => {
    const result = workspace.load(configurationText(changes));
    if (result.ok) throw new Error('the configuration was accepted');
    expect(result.problemCount).toBeGreaterThanOrEqual(COUNT);
    const told = result.problems.filter(({ path }) => path.startsWith(section));
    expect(told).toHaveLength(shownOfEachSection + 1);
    expect(told[0]).toMatchObject({
      line: expect.any(Number) as number,
      message: expect.stringContaining(message) as string,
    });
    expect(told.at(-1)?.message).toBe(`has ${COUNT - shownOfEachSection} more problems`);
  });

  it('do not hide those of another section', () => {
    const result = workspace.load(
      configurationText({ operators: manyOperators(COUNT, ''), admin: { port: 70_000 } }),
    );
    expect(result.ok ? [] : result.problems.map(({ path }) => path)).toContain('admin.port');
  });

  it('have their lines and remedies looked up for those alone that are told', () => {
    const [lines, remedies] = [[] as unknown[], [] as unknown[]];
    const findings = new Findings('file', (path) => lines.push(path));
    for (let at = 0; at < COUNT; at++)
      findings.problem(['limits', `key ${at}`], 'is wrong', () => `remedy ${remedies.push(at)}`);
    expect([findings.problemCount, findings.problems.length]).toEqual([COUNT, shownOfEachSection + 1]);
    expect([lines.length, remedies.length]).toEqual([shownOfEachSection, shownOfEachSection]);
  });

  it.each<[string, string]>([
    ['keys that are there twice', 'a: 1\n'.repeat(COUNT)],
    ['syntax errors', 'a: "\n'.repeat(COUNT)],
    ['unknown tags', Array.from({ length: COUNT }, (_, at) => `k${at}: !t${at} x\n`).join('')],
  ])('of the document are told in part: %s', (_what, text) => {
    const findings = new Findings('file');
    expect(parseConfigurationDocument(text, findings)).toBeUndefined();
    expect(findings.problemCount).toBeGreaterThan(0);
    expect(findings.problems.length).toBeLessThanOrEqual(2 * shownOfEachSection);
  });
});

// Fault: reload-large
test('warnings by the thousand are told in part, and those of other sections all the same', () => {
  const findings = new Findings('file', () => undefined);
  for (let at = 0; at < COUNT; at++) findings.warn(['identities', at], 'may speak for everybody');
  findings.warn(['operators'], 'there is none');
  expect(findings.warnings).toHaveLength(shownOfEachSection + 2);
  expect(findings.warnings.at(-2)).toEqual({ path: 'operators', message: 'there is none' });
  expect(findings.warnings.at(-1)?.message).toBe(`${COUNT - shownOfEachSection} more warnings about this`);
});

// Fault: reload-large
describe('a line is found', () => {
  it('with one look at each map, however many paths are asked for', () => {
    const text = Array.from({ length: COUNT }, (_, at) => `key-${at}: { inner: ${at} }\n`).join('');
    const findings = new Findings('file');
    expect(parseConfigurationDocument(text, findings)).toBeDefined();
    const lines = Array.from({ length: COUNT }, (_, at) => findings.lineOf([`key-${at}`, 'inner']));
    expect(lines).toEqual(Array.from({ length: COUNT }, (_, at) => at + 1));
  });
});

// Fault: reload-large
describe('keys that were judged', () => {
  const unsound = Buffer.from(UNSOUND_POINTS[0] ?? '', 'hex');

  it('are not judged again by the cache that another one hands them to', () => {
    const first = new PublicKeyCache();
    first.parse(publicKeys.first);
    expect(first.judgedKeys()).toHaveLength(32);
    const second = new PublicKeyCache(Buffer.concat([first.judgedKeys(), unsound]));
    expect(second.parse(publicKeys.first)).toEqual(first.parse(publicKeys.first));
    // What stands in the list is believed, whatever it is: that is how one sees that nothing is proven again.
    expect(second.parse(unsound.toString('base64')).ok).toBe(true);
    expect(new PublicKeyCache(first.judgedKeys()).parse(unsound.toString('base64')).ok).toBe(false);
  });

  it('are handed on without those that were found unsound', () => {
    const cache = new PublicKeyCache();
    for (const key of [publicKeys.first, unsound.toString('base64'), 'rubbish', publicKeys.second])
      cache.parse(key);
    expect(cache.judgedKeys()).toHaveLength(64);
  });
});
