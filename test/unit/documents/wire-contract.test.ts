/** The tables of docs/wire-contract.md#answers-and-refusals against what Envoy is told to answer, the verifier, and the client's advice. */
import { readFileSync } from 'node:fs';
import { answerDecision, retryAdvice, type RetryAdvice } from '../../../src/client/index.js';
import { localReplies } from '../../../src/envoy-config/local-replies.js';
import { DEFAULT_BOOTSTRAP_OPTIONS } from '../../../src/envoy-config/options.js';
import { DECISION_HEADER } from '../../../src/protocol/header-names.js';
import { answerFor, REFUSAL_CODES } from '../../../src/verify/refusal.js';

const page = readFileSync(new URL('../../../docs/wire-contract.md', import.meta.url), 'utf8');

/** The rows below a heading, cell by cell, without the table's own head. */
function tableUnder(heading: string): string[][] {
  const section = page.split(/^### /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const codesIn = (cell = ''): string[] => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code!);

/** The first word of "the same bytes again?". */
const ADVICE: Readonly<Record<string, RetryAdvice>> = { yes: 'retry', no: 'final', safe: 'uncertain' };
const adviceIn = (cell = ''): RetryAdvice | undefined => ADVICE[/^[a-z]+/.exec(cell)?.[0] ?? ''];

const adviceFor = (status: string, decision: string | undefined): RetryAdvice =>
  retryAdvice(
    Number(status),
    answerDecision(new Map(decision === undefined ? [] : [[DECISION_HEADER, decision]])),
  );

const verifiers = tableUnder('Refusals by the verifier');
const envoys = tableUnder('Answers of Envoy');

interface BodyFormat {
  readonly json_format?: { readonly errors: readonly { readonly code: string }[] };
}
interface Mapper {
  readonly filter?: {
    readonly status_code_filter?: {
      readonly comparison: { readonly value: { readonly default_value: number } };
    };
  };
  readonly body_format_override?: BodyFormat;
  readonly headers_to_add?: unknown;
}

describe('the answers of Envoy', () => {
  const rendered = JSON.parse(JSON.stringify(localReplies(DEFAULT_BOOTSTRAP_OPTIONS))) as {
    readonly mappers: readonly (Mapper & { readonly value?: Mapper })[];
    readonly body_format: BodyFormat;
  };
  const codeOf = (format?: BodyFormat): string | undefined => format?.json_format?.errors[0]?.code;
  const given = rendered.mappers.flatMap((mapper) => {
    const { filter, body_format_override: format, headers_to_add: marks } = mapper.value ?? mapper;
    const status = filter?.status_code_filter?.comparison.value.default_value;
    return status === undefined ? [] : [{ status, code: codeOf(format), isMarked: marks !== undefined }];
  });

  it('are all in its table, and its table has no others', () => {
    expect(given.length).toBeGreaterThan(8);
    const rest = { status: 403, code: codeOf(rendered.body_format), isMarked: false };
    const wanted = [...given, rest].map(({ status, code, isMarked }) => `${status} ${code} ${isMarked}`);
    const shown = envoys.map(
      ([status, code, decision]) => `${status} ${codesIn(code)[0]} ${decision !== 'absent'}`,
    );
    expect([...new Set(shown)].sort()).toEqual(wanted.sort());
  });

  it.each(envoys)('%s %s with %s: the client says of the same bytes what the page says', (...row) => {
    const [status = '', , decision, , again] = row;
    const decisions = decision === 'absent' ? [undefined] : codesIn(decision);
    expect(decisions.length).toBeGreaterThan(0);
    for (const each of decisions) expect(adviceFor(status, each)).toBe(adviceIn(again));
  });
});

describe('the refusals by the verifier', () => {
  it('are all in their table, and their table has no others', () => {
    const shown = verifiers.flatMap(([status, codes]) => codesIn(codes).map((code) => `${status} ${code}`));
    const given = REFUSAL_CODES.map((code) => answerFor(code));
    expect([...new Set(shown)].sort()).toEqual(
      [...new Set(given.map(({ status, clientCode }) => `${status} ${clientCode}`))].sort(),
    );
  });

  it.each(verifiers)('%s %s: the client says of the same bytes what the page says', (...row) => {
    const [status = '', , , again] = row;
    expect(adviceFor(status, 'refuse')).toBe(adviceIn(again));
  });
});
