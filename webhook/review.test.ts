import { expect, test } from '@jest/globals';
import { sayWarnings } from './review.ts';

test('warnings are few and short, and say that there are more', () => {
  expect(sayWarnings(['one', 'x'.repeat(500)])).toEqual(['heddle: one', expect.stringMatching(/^heddle: x{247}…$/)]);
  const many = sayWarnings(Array.from({ length: 1_000 }, (_, index) => `${index} ${'y'.repeat(400)}`));
  expect(many).toHaveLength(10);
  expect(many.at(-1)).toBe('heddle: and 991 more warnings');
  for (const text of many) expect(text.length).toBeLessThanOrEqual(256);
});
