import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatDuration, parseDuration } from './durations.ts';

test.each([
  ['10s', 10_000],
  ['250ms', 250],
  ['1m30s', 90_000],
  ['1h1m1s1ms', 3_661_001],
  ['0s', 0],
  ['5m5ms', 300_005],
  ['99999h', 359_996_400_000],
])('%s is %d ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['', '10', 's', '-1s', '1.5s', '1d', '1 s', '100000s', '1s1s1s1s1s', '1us', '1S', '１s'])(
  '%j is refused',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.nat(86_400_000 * 30), (milliseconds) => {
      expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
    }),
  );
});

test.each([-1, 1.5, Number.NaN, 100_000 * 3_600_000])('%d cannot be written', (value) => {
  expect(() => formatDuration(value)).toThrow(RangeError);
});
