import { expect, test } from '@jest/globals';
import { decisionPath, plainPath } from './path.ts';

test.each([
  ['/charge', '/charge', false],
  ['/charge?x=/../y', '/charge', false],
  ['/a//b', '/a/b', false],
  ['/a/./b/../c', '/a/c', false],
  ['/a/..', '/', false],
  ['/../../x', '/x', false],
  ['/a/b/.', '/a/b/', false],
  ['/%63harge', '/charge', false],
  ['/a%20b', '/a%20b', false],
  ['/%2e%2e/admin', '/admin', false],
  ['/a%2fb', '/a%2Fb', true],
  ['/a%5cb', '/a%5Cb', true],
  ['/a\\b', '/a\\b', true],
  ['/a;x=1/b', '/a;x=1/b', true],
  ['/a%252e', '/a%252e', true],
  ['/a%zz', '/a%zz', true],
  ['/a%00', '/a%00', true],
  ['*', '*', false],
  ['', '', false],
])('%s is decided as %s', (target, path, ambiguous) => {
  expect(decisionPath(target)).toEqual({ path, ambiguous });
});

test('the fast way is taken for plain paths only', () => {
  expect(plainPath('/charge/1?q=%2f')).toBe('/charge/1');
  expect(plainPath('/a/.b')).toBeUndefined();
  expect(plainPath('/a.b')).toBe('/a.b');
});
