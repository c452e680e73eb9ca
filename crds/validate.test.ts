import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { MeshConfigSpec, MeshPolicySpec } from './gen/types.ts';
import {
  type Checked,
  validateMeshAccessPolicy,
  validateMeshConfig,
  validateMeshPolicy,
  warnMeshPolicy,
} from './validate.ts';
import { checkMeshConfig } from './validate-config.ts';

const VALIDATORS: Readonly<Record<string, (object: unknown) => Checked<unknown>>> = {
  MeshPolicy: (object) => validateMeshPolicy(object),
  MeshAccessPolicy: (object) => validateMeshAccessPolicy(object),
  MeshConfig: (object) => validateMeshConfig(object),
};

function load(folder: string): { name: string; text: string }[] {
  const directory = new URL(`testdata/${folder}/`, import.meta.url);
  return readdirSync(directory).map((name) => ({ name, text: readFileSync(new URL(name, directory), 'utf8') }));
}

function check(text: string): Checked<unknown> {
  const object: { kind: string } = parse(text);
  const validator = VALIDATORS[object.kind];
  if (validator === undefined) throw new Error(`testdata of kind ${object.kind}`);
  return validator(object);
}

describe('valid', () => {
  test.each(load('valid'))('$name', ({ text }) => {
    expect(check(text)).toMatchObject({ ok: true });
  });
});

describe('invalid, with exactly the expected violation', () => {
  test.each(load('invalid'))('$name', ({ text }) => {
    const expected = /^# expect: (\S+) (\S+)$/m.exec(text);
    const result = check(text);
    expect(result.ok ? [] : result.violations.map(({ path, reason }) => `${path} ${reason}`)).toEqual([
      `${expected?.[1]} ${expected?.[2]}`,
    ]);
  });
});

test('objects that are no objects are refused, not thrown at', () => {
  for (const object of [
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { spec: null },
    { spec: [] },
    { metadata: {}, spec: { targetRefs: 1 } },
  ]) {
    expect(validateMeshPolicy(object).ok).toBe(false);
  }
});

test('the trust domain never changes, spoken or not', () => {
  const none: MeshConfigSpec = {};
  const named: MeshConfigSpec = { trustDomain: 'a.example' };
  expect(checkMeshConfig('default', named, none)).toMatchObject([{ path: 'spec.trustDomain', reason: 'Forbidden' }]);
  expect(checkMeshConfig('default', none, named)).toMatchObject([{ path: 'spec.trustDomain' }]);
  expect(checkMeshConfig('default', { trustDomain: 'cluster.local' }, none)).toEqual([]);
});

test.each<[string, Omit<MeshPolicySpec, 'targetRefs'>, RegExp[]]>([
  [
    'retries without a request timeout',
    { defaults: { retries: { attempts: 2 } } },
    [/no request timeout, so a call may take 3 times/],
  ],
  ['retries with one', { defaults: { retries: { attempts: 2 }, timeouts: { request: '1s' } } }, []],
  ['retries switched off', { defaults: { retries: { attempts: 0 } } }, []],
  [
    'per-try-timeout without perTry',
    { defaults: { retries: { attempts: 1, retryOn: ['per-try-timeout'] }, timeouts: { request: '1s' } } },
    [/never happens without timeouts.perTry/],
  ],
  [
    'a route inherits the default timeouts',
    { defaults: { timeouts: { request: '1s' } }, routes: [{ name: 'a', retries: { attempts: 1 } }] },
    [],
  ],
  [
    'a subset that nobody uses',
    { subsets: [{ name: 'v2', labels: { version: 'v2' } }] },
    [/no route sends anything to v2/],
  ],
])('warns: %s', (_name, sections, expected) => {
  const warnings = warnMeshPolicy({ targetRefs: [{ kind: 'Service', name: 'a' }], ...sections });
  expect(warnings).toHaveLength(expected.length);
  for (const [index, pattern] of expected.entries()) expect(warnings[index]).toMatch(pattern);
});
