import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CONDITION_REASONS } from '../crds/conditions.ts';
import { LABELS, POD_ANNOTATIONS, WRITTEN_ANNOTATIONS } from '../crds/labels.ts';
import { REASONS } from '../proxy/contract/reasons.ts';

/** The pages for users, held against the code: what they name exists, and what a user may meet is named. */

const ROOT = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const tracked = (pattern: string): string[] =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', pattern], { cwd: ROOT, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(ROOT, file)));

const reference = read('REFERENCE.md');
const pages = ['README.md', 'REFERENCE.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md'];

/** One `## …` part of the reference. */
function part(title: string): string {
  const found = reference.split(/^## /m).find((text) => text.startsWith(`${title}\n`));
  if (found === undefined) throw new Error(`REFERENCE.md has no part "${title}"`);
  return found;
}

const quoted = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

test('every reason of a proxy stands in the reference, and no other', () => {
  const rows = [...part('Reasons of a proxy').matchAll(/^\| `(\w+)`/gm)].map((match) => match[1] ?? '');
  expect(sorted(rows)).toEqual(sorted(Object.keys(REASONS)));
});

test('every reason of a condition stands in the reference', () => {
  const named = new Set(quoted(part('Conditions')));
  const missing = Object.entries(CONDITION_REASONS).flatMap(([type, reasons]) =>
    [type, ...reasons].filter((name) => !named.has(name)),
  );
  expect(missing).toEqual([]);
});

test('every reason to leave a pod out stands in the reference', () => {
  const union = /export type SkipReason =([^;]+);/.exec(read('webhook/inject/decide.ts'))?.[1] ?? '';
  const reasons = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1] ?? '');
  expect(reasons).toContain('HostNetwork');
  const named = new Set(quoted(part('Pods without a proxy')));
  expect(reasons.filter((reason) => !named.has(reason))).toEqual([]);
});

test('every label and annotation stands in the reference', () => {
  const text = part('Labels and annotations');
  const names = [...Object.values(LABELS), ...Object.values(POD_ANNOTATIONS), ...Object.values(WRITTEN_ANNOTATIONS)];
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test('every metric stands in the reference, and pages name no other', () => {
  const sources = [...tracked('proxy/*.ts'), ...tracked('operator/*.ts')].filter(
    (file) => !/test\.ts$|testing\//.test(file),
  );
  const made = sources.flatMap((file) =>
    [...read(file).matchAll(/'(heddle_[a-z_]+)'/g)].map((match) => match[1] ?? ''),
  );
  const named = quoted(part('Metrics')).filter((name) => name.startsWith('heddle_'));
  expect(sorted(named)).toEqual(sorted(made));
  const known = new Set(made);
  const elsewhere = pages
    .flatMap((page) => [...read(page).matchAll(/\bheddle_[a-z_]+/g)].map((match) => match[0]))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  expect(elsewhere.filter((name) => !known.has(name))).toEqual([]);
});

test('commands of npm that a page names exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = tracked('*.md').flatMap((page) =>
    [...read(page).matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)].map((match) => `${page}: ${match[1]}`),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((one) => !((one.split(': ')[1] ?? '') in scripts))).toEqual([]);
});

test('links and overlays that a page names exist', () => {
  const broken = tracked('*.md').flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
  const folders = pages.flatMap((page) =>
    [...read(page).matchAll(/config\/overlays\/(\w+)/g)].map((match) => match[1] ?? ''),
  );
  expect(sorted(folders).filter((name) => name !== 'mine' && !existsSync(join(ROOT, 'config/overlays', name)))).toEqual(
    [],
  );
});
