import { parse } from 'yaml';
import { renderBootstrap } from '../../src/envoy-config/bootstrap.js';
import { DEFAULT_BOOTSTRAP_OPTIONS } from '../../src/envoy-config/options.js';
import { RULES } from '../../src/doctor/rules/rules.js';
import { corpusOf, dumpOf, LINES } from './corpus/corpus.js';
import { MUTATIONS } from './corpus/mutations.js';
import { GOOD_FRONT } from './corpus/processor-mutations.js';
import type { Mutation } from './corpus/mutation.js';
import { OF_THE_LINE } from './support/expected.js';
import { idsOf, verdictOn } from './support/judged.js';
import { ourBootstrap } from './support/running-envoy.js';

const titled = (mutations: readonly Mutation[]): [string, Mutation][] =>
  mutations.map((mutation) => [`${mutation.rule}: ${mutation.title}`, mutation]);

describe('the rules', () => {
  it('have ids of their own, in order', () => {
    const ids = RULES.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids.every((id) => /^CSD[0-9]{3}$/.test(id))).toBe(true);
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
  });

  it('each have a mutation that breaks them', () => {
    const broken = new Set(MUTATIONS.map(({ rule }) => rule));
    expect(RULES.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([]);
  });
});

describe('our own bootstrap', () => {
  it('breaks none', () => {
    expect(verdictOn(ourBootstrap()).findings).toEqual([]);
  });

  it.each([
    ['ext_proc as its front', { front: 'ext_proc' }],
    [
      'two verifiers',
      { verifierSocketPaths: ['/run/countersign/verifier-0.sock', '/run/countersign/verifier-1.sock'] },
    ],
    ['one address', { listener: { address: '::1', port: 8443 }, healthListener: undefined }],
  ] as const)('breaks none when it is rendered with %s', (_title, changes) => {
    const text = renderBootstrap({ ...DEFAULT_BOOTSTRAP_OPTIONS, ...changes });
    expect(verdictOn(parse(text)).findings).toEqual([]);
  });

  it('breaks none with an ext_proc in the place of ext_authz', () => {
    const bootstrap = ourBootstrap();
    GOOD_FRONT(bootstrap);
    expect(idsOf(verdictOn(bootstrap))).toEqual([]);
  });

  it.each(titled(MUTATIONS.filter(({ onlyRunning }) => onlyRunning !== true)))(
    'breaks %s',
    (_title, { rule, change, known }) => {
      const bootstrap = ourBootstrap();
      change(bootstrap);
      expect(idsOf(verdictOn(bootstrap, known))).toContain(rule);
    },
  );
});

describe.each(LINES)('dumps of Envoy %s', (line) => {
  const corpus = corpusOf(line);
  const nowMs = Date.parse(corpus.madeAt) + 86_400_000;

  it('a good one breaks no rule', () => {
    expect(idsOf(verdictOn(corpus.good, { nowMs }))).toEqual(OF_THE_LINE[line]);
  });

  it('does not say which policy a route names, as Envoy redacts it', () => {
    const known = MUTATIONS.find(({ rule }) => rule === 'CSD801')!.known!;
    expect(idsOf(verdictOn(corpus.good, { nowMs, ...known }))).not.toContain('CSD801');
  });

  const here = MUTATIONS.filter(
    ({ lines, onlyWritten }) => onlyWritten !== true && (lines?.includes(line) ?? true),
  );
  it.each(titled(here))('one breaks %s', (_title, mutation) => {
    expect(idsOf(verdictOn(dumpOf(corpus, mutation), { nowMs, ...mutation.known }))).toContain(mutation.rule);
  });
});
