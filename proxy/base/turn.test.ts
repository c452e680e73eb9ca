import { expect, test } from '@jest/globals';
import { systemClock } from './clock.ts';
import { settle } from './testing/fake-clock.ts';
import { atRoundEnd, endRound, runTurn } from './turn.ts';

/** Until the clock has moved. */
function pass(): void {
  const begun = performance.now();
  while (performance.now() <= begun);
}

test('time stands still within a turn, and only there', async () => {
  const before = systemClock.now();
  pass();
  let inside = 0;
  let later: Promise<number> | undefined;
  runTurn((input: string) => {
    expect(input).toBe('input');
    inside = systemClock.now();
    pass();
    expect(systemClock.now()).toBe(inside);
    later = Promise.resolve().then(() => systemClock.now());
    pass();
  }, 'input');
  expect(inside).toBeGreaterThan(before);
  expect(systemClock.now()).toBeGreaterThan(inside);
  expect(await later).toBeGreaterThan(inside);
});

test('the end of the round comes once, after all turns and microtasks; what it adds waits for the next one', async () => {
  const order: string[] = [];
  runTurn(() => {
    atRoundEnd(() => {
      order.push('first end');
      atRoundEnd(() => order.push('next round'));
      setImmediate(() => order.push('the loop went on'));
    });
    runTurn(() => atRoundEnd(() => order.push('second end')), undefined);
    queueMicrotask(() => order.push('microtask'));
    order.push('turn');
  }, undefined);
  runTurn(() => order.push('another turn'), undefined);
  atRoundEnd(() => order.push('third end'));
  await settle();
  expect(order).toEqual(['turn', 'another turn', 'microtask', 'first end', 'second end', 'third end']);
  await settle();
  expect(order.slice(6).sort()).toEqual(['next round', 'the loop went on']);
  await settle();
  expect(order).toHaveLength(8);
});

test('of many in one round those that came first do not wait for the last', async () => {
  const done: number[] = [];
  for (let index = 0; index < 100; index++) atRoundEnd(() => done.push(index));
  expect(done).toEqual(Array.from({ length: 64 }, (_, index) => index));
  // One that ends a round may begin another: nothing of it is lost.
  atRoundEnd(() => {
    for (let index = 200; index < 300; index++) atRoundEnd(() => done.push(index));
  });
  await settle();
  await settle();
  expect(done).toHaveLength(200);
  expect(done.slice(64, 101)).toEqual([...Array.from({ length: 36 }, (_, index) => 64 + index), 200]);
});

test('a turn that throws is over', () => {
  expect(() =>
    runTurn(() => {
      throw new Error('a bug');
    }, undefined),
  ).toThrow('a bug');
  const now = systemClock.now();
  pass();
  expect(systemClock.now()).toBeGreaterThan(now);
});

test('a task that throws does not stop later rounds', async () => {
  atRoundEnd(() => {
    throw new Error('a bug');
  });
  expect(endRound).toThrow('a bug');
  let called = false;
  atRoundEnd(() => {
    called = true;
  });
  await settle();
  expect(called).toBe(true);
});
