import { expect, test } from '@jest/globals';
import { AddressRate } from './address-rate.ts';

test('each address has its burst, then its rate; others are not touched', () => {
  const rate = new AddressRate(3, 10);
  const taken = (address: string, now: number) => Array.from({ length: 5 }, () => rate.take(address, now));
  expect(taken('10.0.0.1', 0)).toEqual([true, true, true, false, false]);
  expect(taken('10.0.0.2', 0)).toEqual([true, true, true, false, false]);
  expect(taken('10.0.0.1', 200)).toEqual([true, true, false, false, false]);
});

test('it remembers a bounded number of addresses, the last seen ones', () => {
  const rate = new AddressRate(1, 1, 2);
  for (const address of ['a', 'b', 'a', 'c']) rate.take(address, 0);
  expect(rate.addresses).toBe(2);
  expect(['a', 'c'].map((address) => rate.take(address, 0))).toEqual([false, false]);
  expect(rate.take('b', 0)).toBe(true);
});
