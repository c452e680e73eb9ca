import { expect, test } from '@jest/globals';
import { decisionPath, plainPath } from './path.ts';

test.each([
  ['/charge', '/charge', false],
  ['/charge?x=/../y', '/charge', false],
  ['/a//b', '/a/b', false],
  ['/a/./b', '/a/b', false],
  // Who does not resolve them sees another path: the request travels as it is.
  ['/a/./b/../c', '/a/c', true],
  ['/a/..', '/', true],
  ['/../../x', '/x', true],
  ['/a/b/.', '/a/b/', false],
  ['/%63harge', '/charge', false],
  ['/a%20b', '/a%20b', false],
  // Every decoder reads these as the characters themselves, so a decision must too.
  ['/items%3adelete', '/items:delete', false],
  ['/%21%24%26%27%28%29%2a%2b%2c%3d%40%7b', "/!$&'()*+,=@{", false],
  // Decoded, they would be the end of the path for who reads it again.
  ['/a%3fb%23c%3Bd', '/a%3Fb%23c%3Bd', false],
  ['/caf%c3%a9', '/caf%C3%A9', false],
  ['/%2e%2e/admin', '/admin', true],
  ['/a/..b', '/a/..b', false],
  // RFC 3986 4.2: to a URL parser this is host x and path /admin.
  ['//x/admin', '/x/admin', true],
  ['/a%2fb', '/a%2Fb', true],
  ['/a%5cb', '/a%5Cb', true],
  ['/a\\b', '/a\\b', true],
  ['/a;x=1/b', '/a;x=1/b', true],
  ['/a%252e', '/a%252e', true],
  ['/a%zz', '/a%zz', true],
  ['/a%00', '/a%00', true],
  // No path at all (OPTIONS *, CONNECT): whatever an application makes of it.
  ['*', '*', true],
  ['', '', true],
])('%s is decided as %s', (target, path, ambiguous) => {
  expect(decisionPath(target)).toEqual({ path, ambiguous });
});

test('the fast way is taken for plain paths only', () => {
  expect(plainPath('/charge/1?q=%2f')).toBe('/charge/1');
  expect(plainPath('/a/.b')).toBeUndefined();
  expect(plainPath('/a.b')).toBe('/a.b');
});
