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

/** A book whose table has `size` addresses, and another one with each call of `next`. */
function bookOf(size: number): { book: AddressBook; next(): string } {
  const many = Array.from({ length: size }, (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
  const entries = Object.fromEntries(many.map((address) => [address, 'service/shop/payment']));
  let version = 0;
  const book = new AddressBook(() => ({
    version: `v${version}`,
    table: { ranges: [], entries: { ...entries, '192.168.0.1': `service/shop/s${version}` } },
  }));
  return {
    book,
    next() {
      version++;
      book.invalidate();
      book.update(`v${version - 1}`);
      return `v${version}`;
    },
  };
}

test.each([
  ['small tables are remembered 32 times', 10, 31],
  ['large ones as often as 400,000 addresses allow', 50_000, 6],
])('%s', (_name, size, back) => {
  const { book, next } = bookOf(size);
  const versions = Array.from({ length: back + 2 }, next);
  const base = (version: string | undefined) => {
    const update = book.update(version);
    return update.kind === 'send' && update.tail.toString().includes('"base":');
  };
  expect(versions.map(base)).toEqual([false, ...new Array<boolean>(back).fill(true), false]);
});
