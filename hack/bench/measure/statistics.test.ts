import { describe, expect, test } from '@jest/globals';
import { estimate, median, ratios, seeded } from './statistics.ts';

describe('statistics', () => {
  test('median of odd, even and unsorted lists', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  test('few samples give their range, many an interval that one wild sample does not move', () => {
    expect(estimate([2, 1, 9], seeded(1))).toEqual({ median: 2, low: 1, high: 9, samples: 3, interval: 'range' });
    const many = estimate([10, 11, 10, 12, 11, 10, 11, 10, 500], seeded(1));
    expect(many?.interval).toBe('bootstrap');
    expect(many?.median).toBe(11);
    expect(many!.low).toBeGreaterThanOrEqual(10);
    expect(many!.high).toBeLessThanOrEqual(12);
    expect(estimate([], seeded(1))).toBeUndefined();
  });

  test('the same samples always give the same interval', () => {
    const samples = [5, 7, 6, 9, 4, 8, 6];
    expect(estimate(samples, seeded(42))).toEqual(estimate(samples, seeded(42)));
    const random = seeded(7);
    const drawn = Array.from({ length: 1_000 }, random);
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(990);
  });

  test('ratios are taken round by round, only where both have a value above 0', () => {
    const ours = new Map([
      [1, 10],
      [2, 20],
      [4, 5],
    ]);
    const theirs = new Map([
      [1, 20],
      [3, 1],
      [4, 0],
    ]);
    expect(ratios(ours, theirs)).toEqual([0.5]);
  });
});
