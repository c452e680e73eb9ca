import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';

describe('histogram', () => {
  test('is exact up to 2,047 us', () => {
    const histogram = new Histogram();
    for (let value = 0; value < 2_048; value++) histogram.record(value);
    expect(histogram.total).toBe(2_048);
    expect(histogram.percentile(50)).toBe(1_023);
    expect(histogram.percentile(100)).toBe(2_047);
  });

  test('gives any single value back, 0.1 % off at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 36 - 1 }), fc.integer({ min: 1, max: 1_000 }), (value, more) => {
        const histogram = new Histogram();
        histogram.record(value);
        // The largest is exact, so a larger one beside it lets the bucket's own edge be seen.
        histogram.record(Math.min(2 ** 36 - 1, value * 2 + more));
        const read = histogram.percentile(50) ?? -1;
        expect(read).toBeGreaterThanOrEqual(value);
        expect(read - value).toBeLessThanOrEqual(value / 1_000);
      }),
    );
  });

  test('percentiles are those of the sorted list, 0.1 % off at most', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        (values, percent) => {
          const histogram = new Histogram();
          for (const value of values) histogram.record(value);
          const sorted = [...values].sort((left, right) => left - right);
          const exact = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1]!;
          const read = histogram.percentile(percent)!;
          expect(read).toBeGreaterThanOrEqual(exact);
          expect(read - exact).toBeLessThanOrEqual(exact / 1_000);
        },
      ),
    );
  });

  test('knows what it cannot know and clamps what is out of range', () => {
    const histogram = new Histogram();
    expect(histogram.percentile(50)).toBeUndefined();
    histogram.record(-5);
    expect(histogram.percentile(100)).toBe(0);
    histogram.record(Number.MAX_SAFE_INTEGER);
    expect(histogram.largest).toBe(2 ** 36 - 1);
    histogram.reset();
    expect(histogram.total).toBe(0);
    expect(histogram.percentile(99)).toBeUndefined();
  });
});
