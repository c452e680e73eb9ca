import { expect, test } from '@jest/globals';
import { systemClock } from './clock.ts';
import { atTurnEnd, runTurn } from './turn.ts';

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

test('the end of the turn comes once, before anything else; also for what it adds itself', async () => {
  const order: string[] = [];
  queueMicrotask(() => order.push('microtask'));
  runTurn(() => {
    atTurnEnd(() => {
      order.push('first end');
      atTurnEnd(() => order.push('third end'));
    });
    runTurn(() => atTurnEnd(() => order.push('second end')), undefined);
    order.push('turn');
  }, undefined);
  runTurn(() => order.push('another turn'), undefined);
  atTurnEnd(() => order.push('outside'));
  await undefined;
  await undefined;
  expect(order).toEqual(['turn', 'first end', 'second end', 'third end', 'another turn', 'microtask', 'outside']);
});

test('a turn that throws is over', async () => {
  const order: string[] = [];
  expect(() =>
    runTurn(() => {
      atTurnEnd(() => order.push('end'));
      throw new Error('a bug');
    }, undefined),
  ).toThrow('a bug');
  expect(order).toEqual(['end']);
  expect(() => runTurn(() => atTurnEnd(() => expect(1).toBe(2)), undefined)).toThrow();
  const now = systemClock.now();
  pass();
  expect(systemClock.now()).toBeGreaterThan(now);
});
