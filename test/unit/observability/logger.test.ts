import { formatForTerminal } from '../../../src/observability/logger.js';

const record = (members: object): string =>
  `${JSON.stringify({ level: 30, time: 1_764_000_000_123, pid: 7, hostname: 'h', name: 'countersign', ...members })}\n`;

describe('a log record at a terminal', () => {
  it.each<[string, string, string]>([
    ['a message', record({ msg: 'serving' }), '16:00:00.123 INFO  serving\n'],
    [
      'its members',
      record({ msg: 'serving', socket: '/run/a.sock', workers: 2 }),
      '16:00:00.123 INFO  serving socket=/run/a.sock workers=2\n',
    ],
    [
      'texts with spaces and lists',
      record({ level: 50, msg: 'not reloaded', problem: 'a b', changes: ['keys added: a/k2'] }),
      '16:00:00.123 ERROR not reloaded problem="a b" changes=["keys added: a/k2"]\n',
    ],
    ['a level in between', record({ level: 45, msg: 'x' }), '16:00:00.123 WARN  x\n'],
    ['no message', record({ level: 20, a: null }), '16:00:00.123 DEBUG a=null\n'],
    ['no time', '{"level":60,"msg":"x"}\n', '--:--:--.--- FATAL x\n'],
    ['what is no JSON', 'plain words\n', 'plain words\n'],
    ['JSON that is no record', '[1]\n', '[1]\n'],
    ['nothing', '', '\n'],
  ])('is one line: %s', (_title, line, text) => {
    expect(formatForTerminal(line)).toBe(text);
  });

  it('has the stack of an error below it', () => {
    const err = { type: 'Error', message: 'boom', stack: 'Error: boom\n    at f (a.ts:1:1)' };
    expect(formatForTerminal(record({ level: 50, msg: 'a defect', err }))).toBe(
      '16:00:00.123 ERROR a defect\n    Error: boom\n        at f (a.ts:1:1)\n',
    );
    expect(formatForTerminal(record({ msg: 'x', err: { code: 'E' } }))).toContain('    {"code":"E"}\n');
  });

  it('cannot move the cursor or forge a line, whatever is in it', () => {
    const hostile = 'a\u001b[2J\r\nb\u009b1A\u202ec';
    for (const line of [
      record({ msg: hostile, [hostile]: hostile }),
      record({ msg: 'x', list: [hostile], err: { stack: hostile } }),
      hostile,
    ])
      expect(
        formatForTerminal(line)
          .replace(/\n {4}/g, '')
          .slice(0, -1),
      ).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });
});
