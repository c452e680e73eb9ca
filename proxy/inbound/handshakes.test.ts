import { expect, test } from '@jest/globals';
import { Handshakes } from './handshakes.ts';

test('one address may have 64 unfinished handshakes, and gets room back as they are decided', () => {
  const handshakes = new Handshakes();
  const ends = Array.from({ length: 64 }, () => handshakes.begin('10.0.0.6')!);
  expect(handshakes.begin('10.0.0.6')).toBeUndefined();
  expect(handshakes.begin('10.0.0.7')).toBeDefined();
  ends[0]!();
  ends[0]!();
  expect(handshakes.size).toBe(64);
  expect(handshakes.begin('10.0.0.6')).toBeDefined();
  expect(handshakes.begin('10.0.0.6')).toBeUndefined();
});

test('all addresses together have 1,024; nothing is kept of those that are over', () => {
  const handshakes = new Handshakes();
  const ends = Array.from({ length: 1_024 }, (_, index) => handshakes.begin(`10.0.1.${index % 250}`)!);
  expect(handshakes.begin('10.9.9.9')).toBeUndefined();
  for (const end of ends) end();
  expect(handshakes.size).toBe(0);
  expect(handshakes.begin('10.9.9.9')).toBeDefined();
});
