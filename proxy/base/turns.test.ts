import { expect, test } from '@jest/globals';
import { inTurns } from './turns.ts';

test('other work comes between turns; the end is told after the last item, also of none', async () => {
  const seen: unknown[] = [];
  const done = new Promise<void>((resolve) => inTurns([1, 2, 3, 4, 5], 2, (item) => void seen.push(item), resolve));
  setImmediate(() => void seen.push('other work'));
  expect(seen).toEqual([1, 2]);
  await done;
  expect(seen).toEqual([1, 2, 3, 4, 'other work', 5]);
  let ends = 0;
  inTurns(
    [],
    2,
    () => {},
    () => ends++,
  );
  expect(ends).toBe(1);
});
