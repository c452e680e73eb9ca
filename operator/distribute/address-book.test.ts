import { expect, test } from '@jest/globals';
import { AddressBook } from './address-book.ts';
import { OldestOut } from './oldest-out.ts';

test('the oldest go where there are too many or too heavy ones; the newest stays', () => {
  const held = new OldestOut<number>({ most: 3, heaviest: 10, weightOf: (value) => value });
  const keys = () => ['a', 'b', 'c', 'd', 'e'].filter((key) => held.get(key) !== undefined).join('');
  for (const key of ['a', 'b', 'c', 'd']) held.set(key, 1);
  expect(keys()).toBe('bcd');
  held.set('b', 2);
  held.set('e', 3);
  expect(keys()).toBe('bde');
  held.set('a', 8);
  expect(keys()).toBe('a');
  held.set('c', 50);
  expect(keys()).toBe('c');
  held.set('c', 1);
  held.set('d', 9);
  expect(keys()).toBe('cd');
});

/** A book whose table has 101 addresses, and another one with each call of `next`. */
function bookOf(heaviest: number): { book: AddressBook; next(): string } {
  const entries = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`10.0.0.${at}`, 'service/shop/payment']));
  let version = 0;
  const compile = () => ({
    version: `v${version}`,
    table: { ranges: [], entries: { ...entries, '192.168.0.1': `service/shop/s${version}` } },
  });
  const book = new AddressBook(compile, () => {}, { most: 32, heaviest });
  return {
    book,
    next() {
      version++;
      book.invalidate();
      book.update(undefined);
      return `v${version}`;
    },
  };
}

test.each([
  ['small tables are remembered 32 times', 101 * 32, 31],
  ['large ones as often as the bound of all together allows', 101 * 7, 6],
])('%s', (_name, heaviest, back) => {
  const { book, next } = bookOf(heaviest);
  const versions = Array.from({ length: back + 2 }, next);
  const isDifference = (version: string | undefined) => {
    const update = book.update(version);
    return update.kind === 'send' && update.tail.toString().includes('"base":');
  };
  expect(versions.map(isDifference)).toEqual([false, ...new Array<boolean>(back).fill(true), false]);
});
