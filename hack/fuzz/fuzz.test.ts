import { expect, test } from '@jest/globals';
import { seededRandom } from '../../proxy/base/testing/wait.ts';
import { readCorpus } from './corpus.ts';
import { fuzz } from './engine.ts';
import { bytes, sameForAllCuts, type Target } from './target.ts';
import { targets } from './targets.ts';

test.each(targets.map((target) => [target.name, target] as const))(
  '%s: a short run finds no fault',
  async (_name, target) => {
    const result = await fuzz(target, { runs: 1_500, random: seededRandom(1), corpus: readCorpus(target.name) });
    expect(result.fault).toBeUndefined();
    // A run that sees but one outcome tries nothing.
    expect(result.signatures).toBeGreaterThan(5);
  },
  60_000,
);

const planted = (check: (input: Buffer) => string): Target => ({
  name: 'planted',
  seeds: [bytes('hello')],
  dictionary: [bytes('ab')],
  check,
});

test('a planted fault is found, made small, and found again with the same seed', async () => {
  const target = planted((input) => {
    if (input.includes('ab')) throw new Error('found');
    return String(input.length);
  });
  const [first, again] = await Promise.all(
    [1, 1].map((seed) => fuzz(target, { runs: 2_000, random: seededRandom(seed) })),
  );
  expect(first?.fault?.input.toString()).toBe('ab');
  expect(first?.runs).toBe(again?.runs);
});

test('an endless loop is found', async () => {
  const target = planted((input) => {
    while (input.length > 5);
    return 'short';
  });
  const result = await fuzz(target, { runs: 100, random: seededRandom(1), hangMs: 100 });
  expect(String(result.fault?.error)).toContain('timed out');
}, 60_000);

test('one input that takes longer than the bound is a fault, many short ones are none', async () => {
  const busy = (ms: number): void => {
    for (const end = performance.now() + ms; performance.now() < end; );
  };
  const many = planted(() => {
    busy(2);
    return 'short';
  });
  // 400 ms a batch.
  const result = await fuzz(many, { runs: 200, random: seededRandom(1), hangMs: 100 });
  expect(result.fault).toBeUndefined();
  expect(result.runs).toBe(200);
  const one = planted((input) => {
    if (input.length > 5) busy(1_000);
    return 'short';
  });
  const { fault } = await fuzz(one, { runs: 100, random: seededRandom(1), hangMs: 100 });
  expect(String(fault?.error)).toContain('timed out');
}, 60_000);

test('a result that depends on the cut is a fault', () => {
  expect(() => sameForAllCuts(bytes('ab'), (pieces) => pieces.length)).toThrow('another result');
});
