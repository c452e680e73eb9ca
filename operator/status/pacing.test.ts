import { describe, expect, test } from '@jest/globals';
import type { PolicyStatus } from '../../crds/gen/types.ts';
import { compareStatus, type Difference, noteWritten, type Written, writeDelay } from './pacing.ts';

function status(inForce: number, selected = 10, generation = 1): PolicyStatus {
  const done = inForce === selected;
  return {
    observedGeneration: generation,
    summary: `${inForce}/${selected}`,
    conditions: [
      {
        type: 'InForce',
        status: done ? 'True' : 'False',
        reason: done ? 'InForce' : 'Pending',
        message: `${inForce} of ${selected}`,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
    rollout: { generation, selected, inForce, draining: 0, rejected: 0, lagging: 0, unreachable: 0 },
  };
}

describe('what differs', () => {
  const draining = { ...status(10), rollout: { ...status(10).rollout!, draining: 7 } };
  test.each<[string, PolicyStatus | undefined, PolicyStatus, Difference]>([
    ['nothing', status(10), status(10), 'none'],
    ['running requests of before', status(10), draining, 'none'],
    ['one more proxy', status(3), status(4), 'progress'],
    ['one more proxy in force', status(10), status(11, 11), 'progress'],
    ['not in force any more', status(10), status(9), 'state'],
    ['in force', status(9), status(10), 'final'],
    ['in force at a new generation', status(10), status(10, 10, 2), 'final'],
    ['the first status', undefined, status(1), 'state'],
  ])('%s', (_name, before, after, difference) => {
    expect(compareStatus(before, after)).toBe(difference);
  });
});

test('1,000 proxies that arrive evenly over a minute cost ten writes at most, and the last is not late', () => {
  let written: Written | undefined;
  let writes = 0;
  let lastAt = 0;
  for (let now = 0; now <= 60_000; now += 10) {
    const next = status(Math.floor(now / 60), 1_000);
    const difference = compareStatus(written?.status, next);
    if (difference === 'none' || writeDelay(written, difference, 0, now) > 0) continue;
    written = noteWritten(written, next, difference, 0, now);
    writes++;
    lastAt = now;
  }
  expect(writes).toBeLessThanOrEqual(10);
  expect(writes).toBeGreaterThan(5);
  expect(lastAt).toBe(60_000);
  expect(written?.status.summary).toBe('1000/1000');
});

test('a policy that flaps is not written at every flap', () => {
  let written: Written | undefined;
  let writes = 0;
  for (let now = 0; now <= 60_000; now += 50) {
    const next = status(now % 100 === 0 ? 10 : 9);
    const difference = compareStatus(written?.status, next);
    if (difference === 'none' || writeDelay(written, difference, 0, now) > 0) continue;
    written = noteWritten(written, next, difference, 0, now);
    writes++;
  }
  expect(writes).toBeLessThanOrEqual(22);
});

test('a new generation is told within 150 ms', () => {
  const old: Written = { at: 0, streak: 9, status: status(10), hurriedAt: 0 };
  expect(writeDelay(old, 'state', 20_000, 20_000)).toBe(150);
  expect(writeDelay(old, 'state', 20_000, 20_150)).toBe(0);
});
