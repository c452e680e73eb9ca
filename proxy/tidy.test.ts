import { expect, test } from '@jest/globals';
import { FakeClock } from './base/testing/fake-clock.ts';
import { createTidy } from './tidy.ts';

function make() {
  const clock = new FakeClock();
  const events: string[] = [];
  const cpu = { ms: 0 };
  const tidy = createTidy({
    clock,
    collect: ({ flavor }) => void events.push(`${flavor} at ${clock.now()}`),
    trim: () => void events.push(`trim at ${clock.now()}`),
    cpuMs: () => cpu.ms,
  });
  const times = (count: number, what: 'configured' | 'connected'): void => {
    for (let index = 0; index < count; index++) tidy[what]();
  };
  return { clock, events, tidy, times, cpu };
}

function started() {
  const made = make();
  made.tidy.started();
  made.clock.advance(100_000);
  made.events.length = 0;
  return made;
}

test('once after the start, whatever came by then', () => {
  const { clock, events, tidy, times } = make();
  times(5_000, 'configured');
  times(5_000, 'connected');
  clock.advance(60_000);
  expect(events).toEqual([]);
  tidy.started();
  times(10, 'configured');
  clock.advance(999);
  expect(events).toEqual([]);
  clock.advance(1);
  expect(events).toEqual(['last-resort at 61000', 'trim at 61000']);
  times(499, 'configured');
  times(63, 'connected');
  clock.advance(3_600_000);
  expect(events).toHaveLength(2);
});

test('after many keys, when no more arrive, at most once a minute', () => {
  const { clock, events, times } = started();
  times(500, 'configured');
  clock.advance(1_500);
  times(1, 'configured');
  clock.advance(2_499);
  expect(events).toEqual([]);
  clock.advance(1);
  expect(events).toEqual(['regular at 104000', 'trim at 104000']);
  times(500, 'configured');
  clock.advance(59_999);
  expect(events).toHaveLength(2);
  clock.advance(1);
  expect(events.slice(2)).toEqual(['regular at 164000', 'trim at 164000']);
});

test('after many connections, when no more come; a steady stream of them is left alone', () => {
  const { clock, events, times } = started();
  for (let round = 0; round < 100; round++) {
    times(20, 'connected');
    clock.advance(2_000);
  }
  expect(events).toEqual([]);
  times(8, 'connected');
  clock.advance(2_000);
  expect(events).toEqual(['regular at 302000', 'trim at 302000']);
});

test('after work, ever more rarely; never while idle', () => {
  const { clock, events, cpu } = started();
  const busySeconds = (count: number): void => {
    for (let second = 0; second < count; second++) {
      cpu.ms += 200;
      clock.advance(1_000);
    }
  };
  clock.advance(3_600_000);
  expect(events).toEqual([]);
  const from = clock.now();
  busySeconds(1_300);
  // The first look is somewhere within 10 s, and 5 s of such a load are worth it.
  const times = events.map((event) => Number(event.slice('trim at '.length)) - from);
  expect(times.length).toBe(8);
  expect(times[0]).toBeLessThanOrEqual(20_000);
  expect(times.slice(1).map((time, index) => time - times[index]!)).toEqual([
    20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000,
  ]);
});

test('nothing after the stop', () => {
  for (const what of ['configured', 'connected'] as const) {
    const { clock, events, tidy, times, cpu } = started();
    times(1_000, what);
    tidy.stop();
    times(1_000, what);
    cpu.ms += 100_000;
    clock.advance(100_000);
    expect(events).toEqual([]);
    expect(clock.pending).toBe(0);
  }
});
