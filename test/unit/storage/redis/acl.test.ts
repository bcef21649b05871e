/** The ACL rule that operators are given, against what our scripts do in Redis. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The commands that a rule for the user `countersign` allows. */
function allowedBy(file: string): ReadonlySet<string> {
  const rule = /^user countersign on .*$/m.exec(read(file))?.[0] ?? '';
  expect(rule).toContain(' ~countersign:* -@all ');
  return new Set(rule.match(/(?<=\+)[a-z|]+/g));
}

/** Commands of every script below `src`. */
function called(): Set<string> {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const texts = sources.filter((name) => name.endsWith('.ts')).map((name) => read(join('src', name)));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/redis\.call\('([A-Z]+)'/g)]).map(([, name = '']) => name),
  );
}

const CLIENT = ['auth', 'ping', 'info', 'select', 'wait', 'evalsha', 'script|load'];
/** What could undo what the store promises. */
const NEVER = ['flushall', 'config', 'keys', 'replicaof', 'eval', 'acl', 'expire', 'rename', 'restore'];

// Fault: redis-access
describe.each(['docs/operations.md', 'k8s/overlays/replicated/users.acl.example'])(
  'the ACL of %s',
  (file) => {
    it('allows every command that our scripts call, and those of the client', () => {
      const allowed = allowedBy(file);
      const needed = [...[...called()].map((name) => name.toLowerCase()), ...CLIENT];
      expect(needed.length).toBeGreaterThan(CLIENT.length + 10);
      expect(needed.filter((name) => !allowed.has(name))).toEqual([]);
    });

    it.each(NEVER)('does not allow %s', (name) => {
      expect(allowedBy(file).has(name)).toBe(false);
    });
  },
);

it('what the manifests allow is what the page for operators says', () => {
  const said = allowedBy('docs/operations.md');
  const given = [...allowedBy('k8s/overlays/replicated/users.acl.example')];
  expect(given.filter((name) => !said.has(name))).toEqual([]);
});
