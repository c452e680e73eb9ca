import { describe, expect, test } from '@jest/globals';
import { isFieldName, isFieldValue, isHost, isMethod, isTarget } from './grammar.ts';

const TCHAR = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

describe('every byte against the grammar', () => {
  test('token (RFC 9110, 5.6.2)', () => {
    for (let code = 0; code < 300; code++) {
      const character = String.fromCharCode(code);
      expect([code, isMethod(character)]).toEqual([code, TCHAR.includes(character)]);
      expect([code, isFieldName(`a${character}`)]).toEqual([
        code,
        TCHAR.includes(character) && !/[A-Z]/.test(character),
      ]);
    }
  });

  test('field-value (RFC 9110, 5.5)', () => {
    for (let code = 0; code < 300; code++) {
      const inside = code === 9 || (code >= 32 && code !== 127 && code <= 255);
      const character = String.fromCharCode(code);
      expect([code, isFieldValue(`a${character}b`)]).toEqual([code, inside]);
      expect([code, isFieldValue(`a${character}`)]).toEqual([code, inside && code !== 9 && code !== 32]);
    }
    expect(isFieldValue('')).toBe(true);
  });

  test('request target: visible or obs-text, no fragment', () => {
    for (let code = 0; code < 300; code++) {
      const legal = code > 32 && code !== 127 && code <= 255 && code !== 35;
      expect([code, isTarget(`/${String.fromCharCode(code)}`)]).toEqual([code, legal]);
    }
    expect(isTarget('')).toBe(false);
  });
});

test.each([
  ['payment', true],
  ['payment:80', true],
  ['payment:', true],
  ['', true],
  ['10.0.0.1:65535', true],
  ['[fd00::1]:80', true],
  ['[::ffff:10.0.0.1]', true],
  ['a_b.c~d%20', true],
  ['payment:65536', false],
  ['payment:123456', false],
  ['payment:8a', false],
  ['user@payment', false],
  ['a,b', false],
  ['a b', false],
  ['a/b', false],
  ['a?b', false],
  ['fd00::1', false],
  ['[fd00::1', false],
  ['[fd00::1]x', false],
  ['[]', false],
  ['a:1:2', false],
  ['ä', false],
])('host %s: %s', (text, legal) => expect(isHost(text)).toBe(legal));
