import { expect, test } from '@jest/globals';
import { PerSource } from './per-source.ts';

test('one address holds so many, and gets room back as it gives back, however often it says so', () => {
  const held = new PerSource({ mostOfOne: 64, most: 1_024 });
  const ends = Array.from({ length: 64 }, () => held.begin('10.0.0.6')!);
  expect(held.begin('10.0.0.6')).toBeUndefined();
  expect(held.begin('10.0.0.7')).toBeDefined();
  ends[0]!();
  ends[0]!();
  expect(held.size).toBe(64);
  expect(held.begin('10.0.0.6')).toBeDefined();
  expect(held.begin('10.0.0.6')).toBeUndefined();
});

test('all addresses together have a bound; nothing is kept of those that are over', () => {
  const held = new PerSource({ mostOfOne: 64, most: 1_024 });
  const ends = Array.from({ length: 1_024 }, (_, index) => held.begin(`10.0.1.${index % 250}`)!);
  expect(held.begin('10.9.9.9')).toBeUndefined();
  for (const end of ends) end();
  expect(held.size).toBe(0);
  expect(held.begin('10.9.9.9')).toBeDefined();
});
