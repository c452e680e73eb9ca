import { expect, test } from '@jest/globals';
import { equalConditions, findCondition, setCondition } from './conditions.ts';

const FIRST = '2026-01-01T00:00:00Z';
const LATER = '2026-01-01T00:01:00Z';
const pending = { type: 'InForce', status: 'False', reason: 'Pending', message: '3 of 4' } as const;

test('the time moves only with the status', () => {
  const first = setCondition([], pending, 1, FIRST);
  const second = setCondition(first, { ...pending, message: '4 of 5' }, 2, LATER);
  expect(second).toEqual([{ ...pending, message: '4 of 5', observedGeneration: 2, lastTransitionTime: FIRST }]);
  const third = setCondition(second, { ...pending, status: 'True', reason: 'InForce' }, 2, LATER);
  expect(findCondition(third, 'InForce')?.lastTransitionTime).toBe(LATER);
});

test('equal means everything but the times, in any order', () => {
  const accepted = { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' } as const;
  const left = setCondition(setCondition([], pending, 1, FIRST), accepted, 1, FIRST);
  const right = setCondition(setCondition([], accepted, 1, LATER), pending, 1, LATER);
  expect(equalConditions(left, right)).toBe(true);
  expect(equalConditions(left, setCondition(right, pending, 2, LATER))).toBe(false);
  expect(equalConditions(left, left.slice(1))).toBe(false);
});

test('a message has a bound', () => {
  const [condition] = setCondition([], { ...pending, message: 'x'.repeat(5000) }, 1, FIRST);
  expect(condition?.message).toHaveLength(900);
});
