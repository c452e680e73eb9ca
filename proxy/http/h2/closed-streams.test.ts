import { expect, test } from '@jest/globals';
import { ClosedStreams, type Ending } from './closed-streams.ts';

const ENDINGS: readonly Ending[] = ['ended', 'reset-by-us', 'reset-by-peer'];
const idOf = (nth: number): number => 2 * nth + 1;
const endingOf = (nth: number): Ending => ENDINGS[nth % 3]!;

test('the last 256 streams are remembered with how they ended; before them nothing is certain', () => {
  for (const count of [0, 1, 7, 8, 9, 16, 17, 255, 256, 257, 300, 1_000]) {
    const closed = new ClosedStreams();
    for (let nth = 0; nth < count; nth++) closed.remember(idOf(nth), endingOf(nth));
    const first = Math.max(0, count - 256);
    for (let nth = first; nth < count; nth++) expect(closed.find(idOf(nth))).toBe(endingOf(nth));
    expect(closed.find(idOf(count))).toBe(first > 0 ? 'forgotten' : 'never');
    if (first > 0) expect(closed.find(idOf(first - 1))).toBe('forgotten');
  }
});
