import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { claimedV4, overlaps, SLOTS, slotsFor, subnetsOf } from './subnets.ts';

describe('subnets', () => {
  test('no two slots share an IPv4 address, nor an IPv6 prefix', () => {
    const all = Array.from({ length: SLOTS }, (_, slot) => subnetsOf(slot));
    const shared = all.flatMap((one) =>
      all.filter((other) => other.slot > one.slot).flatMap((other) => clashes(claimedV4(one), claimedV4(other))),
    );
    expect(shared).toEqual([]);
    expect(new Set(all.flatMap((one) => [one.link.v6, one.pods.v6, one.services.v6])).size).toBe(3 * SLOTS);
  });

  test('the API and DNS addresses are the 1st and 10th of the Service range, in both families', () => {
    const { services, apiService, dnsService } = subnetsOf(31);
    expect(services).toEqual({ v4: '10.96.248.0/21', v6: 'fd68:6564:646c:1f01::/112' });
    expect(apiService).toEqual({ v4: '10.96.248.1', v6: 'fd68:6564:646c:1f01::1' });
    expect(dnsService).toEqual({ v4: '10.96.248.10', v6: 'fd68:6564:646c:1f01::a' });
  });

  test.each([-1, SLOTS, 1.5, Number.NaN])('slot %p does not exist', (slot) => {
    expect(() => subnetsOf(slot)).toThrow(`no subnet slot ${slot}`);
  });

  test('every name tries every slot once, and the same name the same one first', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const slots = slotsFor(name);
        expect(slotsFor(name)).toEqual(slots);
        expect([...slots].sort((a, b) => a - b)).toEqual(Array.from({ length: SLOTS }, (_, slot) => slot));
      }),
    );
  });
});

describe('overlaps', () => {
  test.each([
    ['10.0.0.0/8', '10.244.0.0/21', true],
    ['10.244.0.0/21', '10.244.7.255', true],
    ['10.244.0.0/21', '10.244.8.0/21', false],
    ['10.244.0.9/21', '10.244.0.0', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['192.0.2.0/24', '10.96.0.0/21', false],
  ])('%s and %s: %p', (one, other, expected) => {
    expect(overlaps(one, other)).toBe(expected);
    expect(overlaps(other, one)).toBe(expected);
  });

  test.each(['10.0.0/8', '10.0.0.256', '10.0.0.0/33', 'fd00::/8', ''])('%p is no IPv4 range', (text) => {
    expect(() => overlaps(text, '10.0.0.0/8')).toThrow('not an IPv4 range');
  });
});

function clashes(one: readonly string[], other: readonly string[]): readonly string[] {
  return one.flatMap((a) => other.filter((b) => overlaps(a, b)).map((b) => `${a} ${b}`));
}
