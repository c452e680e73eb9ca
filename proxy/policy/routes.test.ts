import { expect, test } from '@jest/globals';
import type { RouteMatch } from '../contract/snapshot.ts';
import type { RequestHead } from '../http/message.ts';
import { requestHead } from '../http/testing/heads.ts';
import { NO_RETRIES, NO_TIMEOUTS } from '../inbound/testing/configuration.ts';
import { compileRoutes } from './routes.ts';

const head = (method: string, path: string, headers: string[] = []): RequestHead =>
  requestHead({ method, target: path, path, headers });

const table = (...routes: readonly (readonly RouteMatch[])[]) =>
  compileRoutes(
    routes.map((matches, index) => ({
      name: `r${index}`,
      matches,
      backends: [],
      timeouts: NO_TIMEOUTS,
      retries: NO_RETRIES,
    })),
    (route) => route.name,
  );

test.each<[string, RouteMatch, RequestHead, boolean]>([
  ['exact', { path: { type: 'Exact', value: '/charge' } }, head('GET', '/charge'), true],
  ['exact with query', { path: { type: 'Exact', value: '/charge' } }, head('GET', '/charge?a=1'), true],
  ['exact is not a prefix', { path: { type: 'Exact', value: '/charge' } }, head('GET', '/charge/1'), false],
  ['prefix itself', { path: { type: 'PathPrefix', value: '/charge' } }, head('GET', '/charge'), true],
  ['prefix segment', { path: { type: 'PathPrefix', value: '/charge' } }, head('GET', '/charge/1'), true],
  ['prefix is whole segments', { path: { type: 'PathPrefix', value: '/charge' } }, head('GET', '/charges'), false],
  ['prefix with a slash at its end', { path: { type: 'PathPrefix', value: '/charge/' } }, head('GET', '/charge'), true],
  ['prefix root', { path: { type: 'PathPrefix', value: '/' } }, head('GET', '/x'), true],
  ['encoded', { path: { type: 'PathPrefix', value: '/charge' } }, head('GET', '/%63harge/x'), true],
  ['dot segments', { path: { type: 'PathPrefix', value: '/admin' } }, head('GET', '/charge/../admin'), true],
  ['method', { method: 'POST' }, head('POST', '/'), true],
  ['other method', { method: 'POST' }, head('post', '/'), false],
  ['header exact', { headers: [{ name: 'x-a', type: 'Exact', value: '1' }] }, head('GET', '/', ['x-a', '1']), true],
  [
    'header other value',
    { headers: [{ name: 'x-a', type: 'Exact', value: '1' }] },
    head('GET', '/', ['x-a', '2']),
    false,
  ],
  [
    'any of several headers',
    { headers: [{ name: 'x-a', type: 'Exact', value: '2' }] },
    head('GET', '/', ['x-a', '1', 'x-a', '2']),
    true,
  ],
  ['header present', { headers: [{ name: 'x-a', type: 'Present' }] }, head('GET', '/', ['x-a', '']), true],
  ['header absent', { headers: [{ name: 'x-a', type: 'Present' }] }, head('GET', '/', ['x-b', 'x-a']), false],
  ['all members must match', { method: 'GET', path: { type: 'Exact', value: '/b' } }, head('GET', '/a'), false],
])('%s', (_name, match, request, expected) => {
  expect(table([match]).find(request)).toBe(expected ? 'r0' : undefined);
});

test('the first route that matches wins, an empty one matches everything and is all that opaque bytes match', () => {
  const routes = table([{ method: 'POST' }], [], [{ method: 'GET' }]);
  expect(routes.find(head('POST', '/'))).toBe('r0');
  expect(routes.find(head('GET', '/'))).toBe('r1');
  expect(routes.opaque).toBe('r1');
  expect(table([{ method: 'POST' }]).opaque).toBeUndefined();
});

test('matches of one route are alternatives', () => {
  const routes = table([{ method: 'POST' }, { method: 'PUT' }]);
  expect(routes.find(head('PUT', '/'))).toBe('r0');
  expect(routes.find(head('GET', '/'))).toBeUndefined();
});
