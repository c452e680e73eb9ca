import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Drain } from './drain.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { createTimerWheel } from './timers.ts';

describe('timer wheel', () => {
  test('never early, at most one tick late, in order; one clock timer for all', () => {
    const clock = new FakeClock();
    clock.advance(17);
    const wheel = createTimerWheel({ clock, tickMs: 50 });
    const fired: [number, number][] = [];
    for (const ms of [1, 49, 50, 51, 1_000, 12_345]) {
      const due = clock.now() + ms;
      wheel.after(ms, () => fired.push([due, clock.now()]));
    }
    expect(clock.pending).toBe(1);
    clock.advance(20_000);
    expect(fired).toHaveLength(6);
    for (const [due, at] of fired) {
      expect(at).toBeGreaterThanOrEqual(due);
      expect(at - due).toBeLessThanOrEqual(50);
    }
    expect(wheel.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('cleared entries never fire, also when cleared by another one of the same tick', () => {
    const clock = new FakeClock();
    const wheel = createTimerWheel({ clock });
    const fired: string[] = [];
    const second = { timer: undefined as ReturnType<typeof wheel.after> | undefined };
    wheel.after(10, () => {
      fired.push('first');
      second.timer?.clear();
    });
    second.timer = wheel.after(10, () => fired.push('second'));
    wheel.after(20, () => fired.push('third')).clear();
    clock.advance(1_000);
    expect(fired).toEqual(['first']);
    expect(wheel.size).toBe(0);
  });

  test('an entry set by one that fires waits its whole time', () => {
    const clock = new FakeClock();
    const wheel = createTimerWheel({ clock, tickMs: 50 });
    const fired: number[] = [];
    wheel.after(50, () => wheel.after(100, () => fired.push(clock.now())));
    clock.advance(1_000);
    expect(fired).toEqual([150]);
  });

  test('property: random sets, clears and pauses of the process', () => {
    const step = fc.record({
      ms: fc.integer({ min: 0, max: 2_000 }),
      clear: fc.boolean(),
      pause: fc.integer({ min: 0, max: 3_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = new FakeClock();
        const wheel = createTimerWheel({ clock, tickMs: 50 });
        let expected = 0;
        let fired = 0;
        for (const { ms, clear, pause } of steps) {
          const due = clock.now() + ms;
          const timer = wheel.after(ms, () => {
            fired++;
            expect(clock.now()).toBeGreaterThanOrEqual(due);
            expect(clock.now() - due).toBeLessThanOrEqual(50);
          });
          if (clear) timer.clear();
          else expected++;
          clock.advance(pause);
        }
        clock.advance(5_000);
        expect([fired, wheel.size, clock.pending]).toEqual([expected, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('drain', () => {
  test('tells when the last one is over, counts what starts later, ignores a second end', async () => {
    const clock = new FakeClock();
    const drain = new Drain();
    const events: string[] = [];
    drain.onStart(() => events.push('start'));
    const first = drain.enter();
    const idle = drain.idle(1_000, clock).then((value) => events.push(`idle ${value}`));
    drain.start();
    drain.start();
    drain.onStart(() => events.push('late listener'));
    const second = drain.enter();
    first();
    first();
    expect(drain.running).toBe(1);
    second();
    await idle;
    expect(events).toEqual(['start', 'late listener', 'idle true']);
    drain.enter();
    const late = drain.idle(1_000, clock);
    clock.advance(1_001);
    expect(await late).toBe(false);
    expect(clock.pending).toBe(0);
  });
});
