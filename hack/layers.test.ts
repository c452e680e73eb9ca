import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Breach, judge } from './layers.ts';

const ROOT = join(import.meta.dirname, '..');
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));

/** Tests and test helpers may look anywhere: they do not ship. */
const ships = (file: string): boolean => !/\.test\.ts$|(^|\/)testing(\/|\.ts$)/.test(file);

function imports(file: string): { path: string }[] | { package: string }[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s(?!type\s)(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\('([^']+)'\)/gms,
  );
  return [...found].map((match) => {
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
  }) as { path: string }[] | { package: string }[];
}

test('no file reaches into a room that it may not enter', () => {
  const breaches: Breach[] = [];
  for (const file of files.filter(ships)) {
    for (const target of imports(file)) {
      const breach = judge(file, target);
      if (breach !== undefined) breaches.push(breach);
    }
  }
  expect(breaches).toEqual([]);
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
