import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Timer } from './clock.ts';
import { DeadlineLists } from './deadline-lists.ts';
import { FakeClock } from './testing/fake-clock.ts';

describe('deadlines of equal length', () => {
  test('each at its time, in order, never one that was cleared', () => {
    const action = fc.record({
      wait: fc.integer({ min: 0, max: 40 }),
      ms: fc.constantFrom(10, 25, 100),
      clears: fc.option(fc.nat(30), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const clock = new FakeClock();
        const lists = new DeadlineLists(clock);
        const fired: [number, number][] = [];
        const expected = new Map<number, number>();
        const timers: Timer[] = [];
        for (const { wait, ms, clears } of actions) {
          clock.advance(wait);
          if (clears !== undefined && clears < timers.length) {
            if ((expected.get(clears) ?? 0) > clock.now()) expected.delete(clears);
            timers[clears]?.clear();
            timers[clears]?.clear();
          }
          const id = timers.length;
          timers.push(lists.after(ms, id, (owner) => void fired.push([owner, clock.now()])));
          expected.set(id, clock.now() + ms);
        }
        clock.advance(1_000);
        expect(new Map(fired)).toEqual(expected);
        expect(fired.map(([, at]) => at)).toEqual(fired.map(([, at]) => at).sort((a, b) => a - b));
        expect(clock.pending).toBe(0);
      }),
    );
  });

  test('one timer of the clock for any number', () => {
    const clock = new FakeClock();
    const lists = new DeadlineLists(clock);
    for (let count = 0; count < 1_000; count++) lists.after(50, count, () => {}).clear();
    expect(clock.pending).toBe(1);
    clock.advance(50);
    expect(clock.pending).toBe(0);
  });

  test('one that clears, or begins, another when it fires', () => {
    const clock = new FakeClock();
    const lists = new DeadlineLists(clock);
    const fired: string[] = [];
    const first = lists.after(50, 'first', (name) => {
      fired.push(name);
      first.clear();
      second.clear();
      lists.after(50, 'fourth', (later) => void fired.push(later));
    });
    const second = lists.after(50, 'second', (name) => void fired.push(name));
    lists.after(50, 'third', (name) => void fired.push(name));
    clock.advance(50);
    expect(fired).toEqual(['first', 'third']);
    clock.advance(50);
    expect(fired).toEqual(['first', 'third', 'fourth']);
  });

  test('more lengths than lists: still each at its time', () => {
    const clock = new FakeClock();
    const lists = new DeadlineLists(clock);
    const fired: number[] = [];
    for (let ms = 200; ms > 0; ms--) lists.after(ms, ms, (owner) => void fired.push(owner));
    clock.advance(200);
    expect(fired).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });
});
