import { expect, test } from '@jest/globals';
import { FakeClock } from './base/testing/fake-clock.ts';
import { createTidy } from './tidy.ts';

function make() {
  const clock = new FakeClock();
  const events: string[] = [];
  const tidy = createTidy({
    clock,
    collect: ({ flavor }) => events.push(`${flavor} at ${clock.now()}`),
    trim: () => void events.push('trim'),
  });
  const configured = (keys: number): void => {
    for (let key = 0; key < keys; key++) tidy.configured();
  };
  return { clock, events, tidy, configured };
}

test('once after the start, whatever was configured by then', () => {
  const { clock, events, tidy, configured } = make();
  configured(5_000);
  clock.advance(60_000);
  expect(events).toEqual([]);
  tidy.started();
  configured(10);
  clock.advance(999);
  expect(events).toEqual([]);
  clock.advance(1);
  expect(events).toEqual(['last-resort at 61000', 'trim']);
  configured(499);
  clock.advance(3_600_000);
  expect(events).toHaveLength(2);
});

test('after many keys, when no more arrive, at most once a minute', () => {
  const { clock, events, tidy, configured } = make();
  tidy.started();
  clock.advance(100_000);
  events.length = 0;
  configured(500);
  clock.advance(1_500);
  configured(1);
  clock.advance(2_000);
  expect(events).toEqual([]);
  clock.advance(500);
  expect(events).toEqual(['regular at 104000', 'trim']);
  configured(500);
  clock.advance(59_999);
  expect(events).toHaveLength(2);
  clock.advance(1);
  expect(events).toEqual(['regular at 104000', 'trim', 'regular at 164000', 'trim']);
});

test('nothing after the stop', () => {
  const { clock, events, tidy, configured } = make();
  tidy.started();
  tidy.stop();
  configured(1_000);
  clock.advance(100_000);
  expect(events).toEqual([]);
  expect(clock.pending).toBe(0);
});
