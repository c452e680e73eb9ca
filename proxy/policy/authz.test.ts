import { describe, expect, test } from '@jest/globals';
import type { Authorization, AuthorizationRule } from '../contract/snapshot.ts';
import { compileAuthorization } from './authz.ts';

const ORDER = 'spiffe://td/ns/shop/sa/order';
const FRAUD = 'spiffe://td/ns/shop/sa/fraud';
const FOREIGN = 'spiffe://other/ns/shop/sa/order';

const rule = (changes: Partial<AuthorizationRule>): AuthorizationRule => ({
  name: 'rule',
  action: 'Allow',
  from: [{ kind: 'anyone' }],
  to: [{}],
  ...changes,
});
const make = (defaultAction: 'Allow' | 'Deny', ...rules: AuthorizationRule[]) =>
  compileAuthorization({ defaultAction, rules } satisfies Authorization, 'td');

test('no section: everybody who got here may call', () => {
  const open = compileAuthorization(undefined, 'td');
  expect(open.request(undefined, 80, 'GET', '/').allowed).toBe(true);
  expect(open.tcp(undefined, 80).allowed).toBe(true);
});

describe('sources', () => {
  const byAccount = make('Deny', rule({ from: [{ kind: 'identity', namespace: 'shop', serviceAccount: 'order' }] }));
  const byNamespace = make('Deny', rule({ from: [{ kind: 'identity', namespace: 'shop' }] }));
  const unauthenticated = make('Deny', rule({ from: [{ kind: 'unauthenticated' }] }));
  test.each([
    ['the account', byAccount, ORDER, true],
    ['another account', byAccount, FRAUD, false],
    ['another trust domain', byAccount, FOREIGN, false],
    ['plaintext', byAccount, undefined, false],
    ['a longer path', byAccount, `${ORDER}/x`, false],
    ['namespace', byNamespace, FRAUD, true],
    ['namespace of another trust domain', byNamespace, FOREIGN, false],
    ['unauthenticated', unauthenticated, undefined, true],
    ['unauthenticated is not a mesh caller', unauthenticated, ORDER, false],
  ])('%s', (_name, authorizer, caller, allowed) => {
    expect(authorizer.request(caller, 80, 'GET', '/').allowed).toBe(allowed);
  });
});

describe('targets', () => {
  const charge = make(
    'Deny',
    rule({ to: [{ ports: [3000], methods: ['POST'], paths: [{ type: 'PathPrefix', value: '/charge' }] }] }),
  );
  test.each([
    ['all match', 3000, 'POST', '/charge/1', true],
    ['port', 3001, 'POST', '/charge', false],
    ['method', 3000, 'GET', '/charge', false],
    ['path', 3000, 'POST', '/refund', false],
    ['dot segments lead elsewhere', 3000, 'POST', '/charge/../refund', false],
    ['an ambiguous path is not allowed', 3000, 'POST', '/charge%2f..%2frefund', false],
  ])('%s', (_name, port, method, path, allowed) => {
    expect(charge.request(ORDER, port, method, path).allowed).toBe(allowed);
  });
});

describe('Deny wins, on the safe side', () => {
  const authorizer = make(
    'Allow',
    rule({ name: 'all', from: [{ kind: 'anyone' }] }),
    rule({ name: 'admin', action: 'Deny', to: [{ paths: [{ type: 'PathPrefix', value: '/admin' }] }] }),
  );
  test.each([
    ['/', true],
    ['/admin', false],
    ['/%61dmin', false],
    ['//admin', false],
    ['/x/../admin/y', false],
    ['/x%2f..%2fadmin', false],
    ['/admins', true],
  ])('%s', (path, allowed) => {
    expect(authorizer.request(ORDER, 80, 'GET', path)).toEqual({ allowed, rule: allowed ? 'all' : 'admin' });
  });

  test('opaque bytes could be anything: a Deny with a path matches, an Allow with a path does not', () => {
    expect(authorizer.tcp(ORDER, 80)).toEqual({ allowed: false, rule: 'admin' });
    const narrow = make('Deny', rule({ to: [{ methods: ['GET'] }] }));
    expect(narrow.tcp(ORDER, 80).allowed).toBe(false);
    expect(make('Deny', rule({})).tcp(ORDER, 80).allowed).toBe(true);
  });

  test('a connection is refused only when every request on it would be', () => {
    expect(authorizer.connection(ORDER, 80).allowed).toBe(true);
    expect(make('Deny', rule({ to: [{ methods: ['GET'] }] })).connection(ORDER, 80).allowed).toBe(true);
    expect(make('Deny', rule({ to: [{ ports: [81] }] })).connection(ORDER, 80).allowed).toBe(false);
    expect(make('Allow', rule({ action: 'Deny', to: [{}] })).connection(ORDER, 80).allowed).toBe(false);
  });
});

test('an allowed connection never denies what the request level allows, for any rules', () => {
  const callers = [ORDER, FRAUD, undefined];
  for (const action of ['Allow', 'Deny'] as const) {
    for (const to of [{}, { methods: ['GET'] }, { paths: [{ type: 'Exact' as const, value: '/' }] }, { ports: [80] }]) {
      for (const fallback of ['Allow', 'Deny'] as const) {
        const authorizer = make(fallback, rule({ action, to: [to] }));
        for (const caller of callers) {
          if (authorizer.request(caller, 80, 'GET', '/').allowed) {
            expect(authorizer.connection(caller, 80).allowed).toBe(true);
          }
        }
      }
    }
  }
});

describe('a Deny is not walked around by another spelling', () => {
  const deny = (value: string, methods?: readonly string[]) => {
    const target = { paths: [{ type: 'PathPrefix' as const, value }], ...(methods === undefined ? {} : { methods }) };
    return make('Allow', rule({ action: 'Deny', to: [target] }));
  };
  test.each([
    ['an escaped colon', deny('/items:delete'), 'POST', '/items%3Adelete'],
    ['an escaped at-sign', deny('/@admin'), 'GET', '/%40admin'],
    ['an escape in the rule', deny('/%61dmin'), 'GET', '/admin'],
    ['other case of an escape in the rule', deny('/caf%c3%a9'), 'GET', '/caf%C3%A9'],
    ['lower-case method', deny('/', ['DELETE']), 'delete', '/x'],
    ['mixed-case method', deny('/', ['DELETE']), 'DeLeTe', '/x'],
    ['what a URL parser takes for a host', deny('/admin'), 'GET', '//x/admin'],
    ['a way out, for who does not resolve it', deny('/admin'), 'GET', '/admin/../public'],
    ['an encoded way out', deny('/admin'), 'GET', '/admin/%2e%2e/public'],
    ['an empty segment that some take one step up', deny('/a/admin'), 'GET', '/a//../admin'],
    ['CONNECT, which has no path: its tunnel may carry any', deny('/admin'), 'CONNECT', ''],
    ['OPTIONS *', deny('/'), 'OPTIONS', '*'],
  ])('%s', (_name, authorizer, method, path) => {
    expect(authorizer.request(ORDER, 80, method, path).allowed).toBe(false);
  });

  test('an Allow is not widened by one', () => {
    const allow = make('Deny', rule({ to: [{ methods: ['GET'], paths: [{ type: 'PathPrefix', value: '/' }] }] }));
    expect(allow.request(ORDER, 80, 'GET', '/x').allowed).toBe(true);
    expect(allow.request(ORDER, 80, 'get', '/x').allowed).toBe(false);
    const charge = make('Deny', rule({ to: [{ paths: [{ type: 'PathPrefix', value: '/charge' }] }] }));
    expect(charge.request(ORDER, 80, 'GET', '/refund/../charge').allowed).toBe(false);
    expect(charge.request(ORDER, 80, 'GET', '/refund//../charge').allowed).toBe(false);
    expect(charge.request(ORDER, 80, 'GET', '/charge//x').allowed).toBe(true);
    expect(
      make('Deny', rule({ to: [{ paths: [{ type: 'PathPrefix', value: '/' }] }] })).request(ORDER, 80, 'CONNECT', '')
        .allowed,
    ).toBe(false);
  });
});
