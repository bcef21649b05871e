import fc from 'fast-check';
import { foldedPath, pathFault } from '../../../src/verify/normal-path.js';

describe('a path in normal form', () => {
  it.each([
    '/',
    '/portal/',
    '/portal/a/b.html',
    '/.well-known/openid-configuration',
    '/portal/a..b/..c/.d',
    '/portal/report.',
    "/portal/~user/a-b_c!$&'()*+,=:@",
    '/portal/a%20b',
    '/portal/caf%C3%A9',
    '/portal/caf%c3%a9',
    '/portal/user%40example.org',
    '/portal/100%25',
    '/portal/100%25%20sure',
    '/portal/what%3F',
    '/portal/%E2%80%A6more',
    '/portal/a%EF%BC%9Bb',
  ])('may be %s', (path) => {
    expect(pathFault(path)).toBeUndefined();
  });
});

describe('a path that can be read in two ways', () => {
  it.each([
    ['/portal/..;/internal', 'a path parameter (;)'],
    ['/portal/x;v=1/y', 'a path parameter (;)'],
    ['/portal/..%3b/internal', 'a path parameter (;)'],
    ['/portal/..%3B/internal', 'a path parameter (;)'],
    ['/portal/..%c0%afinternal', 'an escape that is no UTF-8'],
    ['/portal/%ff', 'an escape that is no UTF-8'],
    ['/portal/%ed%a0%80', 'an escape that is no UTF-8'],
    ['/portal/%', 'an escape that is no UTF-8'],
    ['/portal/%zz', 'an escape that is no UTF-8'],
    ['/portal/%u002e', 'an escape that is no UTF-8'],
    ['/portal/%252e%252e%252finternal', 'an escape within an escape'],
    ['/portal/%25%32%65', 'an escape within an escape'],
    ['/portal/%25u002e', 'an escape within an escape'],
    ['/portal/a%2fb', 'an escaped or wrong separator'],
    ['/portal/a%2Fb', 'an escaped or wrong separator'],
    ['/portal/a%5cb', 'an escaped or wrong separator'],
    ['/portal/a\\b', 'an escaped or wrong separator'],
    ['/portal//internal', 'an empty segment'],
    ['//portal/x', 'an empty segment'],
    ['/portal/../internal', 'a dot segment'],
    ['/portal/..', 'a dot segment'],
    ['/portal/./x', 'a dot segment'],
    ['/portal/%2e%2e/internal', 'a dot segment'],
    ['/portal/.%2E/internal', 'a dot segment'],
    ['/portal/.../internal', 'a dot segment'],
    ['/portal/..%20/internal', 'a dot segment'],
    ['/portal/.%20./internal', 'a dot segment'],
    ['/portal/..%C2%A0/internal', 'a dot segment'],
    ['/portal/..%3F/internal', 'a dot segment'],
    ['/portal/..%23x/internal', 'a dot segment'],
    ['/portal/%EF%BC%8E%EF%BC%8E/internal', 'a dot segment'],
    ['/portal/%EF%BC%8E%EF%BC%8E%EF%BC%8Finternal', 'a dot segment'],
    ['/portal/..%EF%BC%9B/internal', 'a dot segment'],
    ['/portal/..%EF%BC%9Bx=1/internal', 'a dot segment'],
    ['/portal/..%EF%BC%BCinternal', 'a dot segment'],
    ['/portal/a%EF%BC%BC..%EF%BC%BCinternal', 'a dot segment'],
    ['/portal/..%EF%B9%A8internal', 'a dot segment'],
    ['/portal/%EF%BC%852e%EF%BC%852e/internal', 'an escape within an escape'],
    ['/portal/a%00', 'a control character'],
    ['/portal/a%0d%0ab', 'a control character'],
    ['/portal/a%7f', 'a control character'],
    ['/portal/a%C2%85', 'a control character'],
    ['/portal/a%E2%80%A8', 'a control character'],
    ['/portal/caf\u00e9', 'a character that has to be escaped'],
    ['/portal/a b', 'a character that has to be escaped'],
    ['/portal/a\tb', 'a character that has to be escaped'],
    ['/portal/x#/../y', 'a character that has to be escaped'],
  ])('is %s', (path, fault) => {
    expect(pathFault(path)).toBe(fault);
  });

  it('is found in linear time, whatever it repeats', () => {
    const started = performance.now();
    for (const unit of ['.', './', '%2e', ' ', '%20', '/.', '%25', '?', '%3F.', 'a.'])
      for (const end of ['', 'x', '%', ';']) {
        const path = `/portal/${unit.repeat(100_000)}${end}`;
        pathFault(path);
        foldedPath(path);
      }
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('never throws, and no fault is hidden by what stands before or behind it', () => {
    const plain = fc.stringMatching(/^[a-z0-9._-]{0,8}$/);
    const odd = fc.constantFrom('..;', '..%3b', '%252e', '%c0%af', '%2f', '%5c', '/..', '%00', '//');
    fc.assert(
      fc.property(plain, odd, plain, (before, fault, behind) => {
        expect(pathFault(`/a${before}${fault}/${behind}z`)).toBeDefined();
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        pathFault(text);
        foldedPath(text);
      }),
    );
  });
});

describe('spellings that a lenient application takes for one path', () => {
  it.each([
    '/Portal/Admin',
    '/portal/admin.',
    '/portal/admin%20',
    '/portal/%61dmin',
    '/portal/admin%3Fx',
    '/portal/%EF%BD%81dmin',
    '/portal./admin..',
    '/portal/adm%C4%B1n',
    '/portal/adm%C4%B0n',
    '/Portal/Adm%C4%B1n.',
  ])('%s is folded', (path) => {
    expect(foldedPath(path)).toBe('/portal/admin');
  });

  it('keeps what is another path', () => {
    expect(['/portal/admin/', '/portal/administrator', '/portal/a.dmin'].map(foldedPath)).toEqual([
      '/portal/admin/',
      '/portal/administrator',
      '/portal/a.dmin',
    ]);
  });
});
