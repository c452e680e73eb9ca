import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Breach, judge } from './layers.ts';
import { importCycles } from './layers-cycles.ts';

const ROOT = join(import.meta.dirname, '..');
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));

/** Tests and test helpers may look anywhere: they do not ship. */
const ships = (file: string): boolean => !/\.test\.ts$|(^|\/)testing(\/|\.ts$)/.test(file);

type Target = { readonly path: string } | { readonly package: string };

/** What a file imports or re-exports; `types` false: without what is erased. */
function imports(file: string, types: boolean): Target[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const pattern = types
    ? /^(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\('([^']+)'\)/gms
    : /^(?:import|export)\s(?!type\s)(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\('([^']+)'\)/gms;
  return [...text.matchAll(pattern)].map((match) => {
    const name = match[1] ?? match[2] ?? '';
    if (name.startsWith('.')) return { path: normalize(join(dirname(file), name)) };
    return {
      package: name.startsWith('node:')
        ? name
        : name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/'),
    };
  });
}

test('no file reaches into a room that it may not enter', () => {
  const breaches: Breach[] = [];
  for (const file of files.filter(ships)) {
    for (const target of imports(file, false)) {
      const breach = judge(file, target);
      if (breach !== undefined) breaches.push(breach);
    }
  }
  expect(breaches).toEqual([]);
});

test('imports go one way: no file leads back to itself, by values or by types, tests included', () => {
  const known = new Set(files);
  const edges = new Map(
    files.map((file) => [
      file,
      imports(file, true).flatMap((target) => ('path' in target && known.has(target.path) ? [target.path] : [])),
    ]),
  );
  // Had the reading of imports broken, nothing would be found.
  expect(edges.get('proxy/http/h2/session.ts')).toContain('proxy/http/h2/receiver.ts');
  expect(edges.get('proxy/http/h2/receiver.ts')).toContain('proxy/http/h2/session-host.ts');
  expect(importCycles(edges).map((circle) => circle.join(' -> '))).toEqual([]);
});

test.each<[string, Record<string, string[]>, string[]]>([
  ['a tree', { a: ['b', 'c'], b: ['c'], c: [] }, []],
  ['two files', { b: ['a'], a: ['b'] }, ['a b a']],
  ['a file that imports itself', { a: ['a'] }, ['a a']],
  [
    'the shortest of a group, other groups by themselves',
    { a: ['b'], b: ['c'], c: ['a', 'b', 'x'], x: ['y'], y: ['x'] },
    ['a b c a', 'x y x'],
  ],
  ['two ways to the same file are no circle', { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, []],
])('circles of %s', (_name, edges, circles) => {
  expect(importCycles(new Map(Object.entries(edges))).map((circle) => circle.join(' '))).toEqual(circles);
});

test.each([
  ['proxy/outbound/retry.ts', { path: 'proxy/inbound/route.ts' }],
  ['proxy/http/framing.ts', { path: 'proxy/policy/store.ts' }],
  ['proxy/base/log.ts', { package: 'pino' }],
  ['operator/model/world.ts', { package: '@kubernetes/client-node' }],
  ['operator/status/rollup.ts', { package: '@peculiar/x509' }],
  ['operator/app.ts', { path: 'proxy/policy/store.ts' }],
  ['webhook/app.ts', { path: 'operator/kube/client.ts' }],
  ['crds/validate.ts', { path: 'proxy/base/errors.ts' }],
  ['hack/demo/up.ts', { path: 'e2e/suites/canary.ts' }],
])('%s may not import %j', (file, target) => {
  expect(judge(file, target)?.instead).toBeTruthy();
});

test.each([
  ['proxy/outbound/retry.ts', { path: 'proxy/mesh/mesh.ts' }],
  ['proxy/main.ts', { path: 'proxy/outbound/outbound.ts' }],
  ['operator/app.ts', { path: 'operator/ca/authority.ts' }],
  ['operator/ca/authority.ts', { package: '@peculiar/x509' }],
  ['e2e/suites/canary.ts', { path: 'hack/mesh/install.ts' }],
])('%s may import %j', (file, target) => {
  expect(judge(file, target)).toBeUndefined();
});
