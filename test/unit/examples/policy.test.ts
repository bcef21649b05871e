import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';

const folder = join(repositoryRoot(), 'examples', 'policy');
const opa = findOpa();

function findOpa(): string | undefined {
  const candidate = process.env['OPA_BIN'] ?? 'opa';
  try {
    execFileSync(candidate, ['version'], { stdio: 'ignore' });
    return candidate;
  } catch {
    return undefined;
  }
}

describe('the Rego example', () => {
  if (opa === undefined) {
    // `evaluateAllow` is tested with the same cases (test/unit/client/feedback/feedback-policy.test.ts).
    it('has cases for every decision, which wait for an OPA on PATH (or OPA_BIN) to be run by', () => {
      const { cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as {
        cases: { feedback: { feedback_action?: string }; allow: boolean }[];
      };
      const decisions = cases.map(
        ({ feedback, allow }) => `${feedback.feedback_action ?? 'unbound'} ${allow}`,
      );
      expect(new Set(decisions)).toEqual(
        new Set([
          ...['unbound true', 'unbound false', 'deny false', 'tighten true', 'tighten false'],
          ...['observe true', 'observe false', 'quarantine true'],
        ]),
      );
    });
  } else {
    it('passes its own tests in OPA', () => {
      const printed = execFileSync(opa, ['test', '--verbose', folder], { encoding: 'utf8' });
      expect(printed).toContain('data.countersign.feedback_test.test_cases: PASS');
      expect(printed).not.toContain('FAIL');
    });

    it('decides on what "countersign policy input --base" prints', () => {
      const input = { base_allow: true, feedback: { feedback_bound: true, feedback_action: 'deny' } };
      const args = ['--stdin-input', '--data', join(folder, 'feedback.rego'), '--format', 'raw'];
      const decide = (value: object) =>
        execFileSync(opa, ['eval', ...args, 'data.countersign.feedback.allow'], {
          input: JSON.stringify(value),
          encoding: 'utf8',
        }).trim();
      expect([decide(input), decide({ ...input, feedback: { feedback_bound: false } })]).toEqual([
        'false',
        'true',
      ]);
    });
  }
});
