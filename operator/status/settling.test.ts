import { expect, test } from '@jest/globals';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import { Settling } from './settling.ts';

const POD = { uid: 'u1', namespace: 'shop', name: 'order-1' };

test('a new leader says nothing before every ready proxy has come back', () => {
  const clock = new FakeClock();
  let unheard = [POD];
  const settling = new Settling({ clock, unheard: () => unheard });
  settling.begin();
  expect(settling.wait()).toBe(250);
  clock.advance(1_000);
  unheard = [];
  expect(settling.wait()).toBe(0);
  expect(settling.unheard()).toEqual([]);
});

test('after 15 s it speaks, and those that did not come back count', () => {
  const clock = new FakeClock();
  const settling = new Settling({ clock, unheard: () => [POD] });
  settling.begin();
  clock.advance(14_900);
  expect(settling.wait()).toBe(100);
  clock.advance(100);
  expect(settling.wait()).toBe(0);
  expect(settling.unheard()).toEqual([POD]);
});

test('those that cannot come back soon are not waited for, and count all the same', () => {
  const clock = new FakeClock();
  const settling = new Settling({ clock, unheard: () => [POD], isComingBack: () => false });
  settling.begin();
  expect(settling.wait()).toBe(0);
  expect(settling.unheard()).toEqual([POD]);
});
