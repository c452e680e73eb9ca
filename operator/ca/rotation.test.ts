import { describe, expect, test } from '@jest/globals';
import { LIVES } from './authority.ts';
import { decideRotation, type RotationStep } from './rotation.ts';
import type { Slots } from './slots.ts';

const DAY = 86_400_000;
const lives = { leaf: 7 * DAY, propagation: DAY };

/** Times in days; the root lives from `root` for 365, the issuer from `issuer` for 30. */
function slots(root: number, issuer: number, more: { next?: number; previous?: number } = {}): Slots {
  const keyed = (from: number, days: number) => ({
    certificatePem: '',
    keyPem: '',
    notBefore: from * DAY,
    notAfter: (from + days) * DAY,
  });
  return {
    current: { root: keyed(root, 365), issuer: keyed(issuer, Math.min(30, root + 365 - issuer)) },
    ...(more.next === undefined ? {} : { next: { root: keyed(more.next, 365), introducedAt: more.next * DAY } }),
    ...(more.previous === undefined ? {} : { previous: { rootPem: '', retiredAt: more.previous * DAY } }),
  };
}

describe('rotation', () => {
  test.each<[string, Slots, number, RotationStep['kind']]>([
    ['fresh', slots(0, 0), 0, 'nothing'],
    ['issuer with 31 % left', slots(0, 0), 20.7, 'nothing'],
    ['issuer with 30 % left', slots(0, 0), 21, 'renew-issuer'],
    ['root with 31 % left', slots(0, 250), 251, 'nothing'],
    ['root with 30 % left', slots(0, 250), 255.5, 'introduce-next'],
    ['next not known everywhere', slots(0, 250, { next: 256 }), 256.9, 'nothing'],
    ['next known everywhere', slots(0, 250, { next: 256 }), 257, 'promote-next'],
    ['old leaves still live', slots(256, 257, { previous: 257 }), 263, 'nothing'],
    ['old leaves have run out', slots(256, 257, { previous: 257 }), 264.1, 'drop-previous'],
    ['issuer first, then the old root', slots(256, 240, { previous: 257 }), 264.1, 'renew-issuer'],
    ['an issuer that ends with its root is not renewed for ever', slots(0, 340), 364, 'introduce-next'],
  ])('%s', (_, held, day, kind) => {
    expect(decideRotation(held, day * DAY, lives).kind).toBe(kind);
  });

  test('says when to ask again, and something is due then', () => {
    const held = slots(0, 0);
    const step = decideRotation(held, 0, lives);
    expect(step).toEqual({ kind: 'nothing', at: 21 * DAY });
    expect(decideRotation(held, 21 * DAY, lives).kind).toBe('renew-issuer');
  });

  test('two years of days: never without a valid issuer for a whole leaf, and a root signs only after it was trusted', () => {
    let held = slots(0, 0);
    let trustedSince = new Map<number, number>([[0, 0]]);
    for (let day = 0; day < 730; day += 0.5) {
      for (
        let step = decideRotation(held, day * DAY, lives);
        step.kind !== 'nothing';
        step = decideRotation(held, day * DAY, lives)
      ) {
        const { current, next } = held;
        const rootFrom = current.root.notBefore / DAY;
        if (step.kind === 'renew-issuer') held = { ...held, current: slots(rootFrom, day).current };
        if (step.kind === 'introduce-next') {
          held = { ...held, next: slots(0, 0, { next: day }).next ?? never() };
          trustedSince = trustedSince.set(day, day);
        }
        if (step.kind === 'promote-next') {
          const from = (next ?? never()).introducedAt / DAY;
          expect(day - (trustedSince.get(from) ?? never())).toBeGreaterThanOrEqual(1);
          held = { current: slots(from, day).current, previous: { rootPem: '', retiredAt: day * DAY } };
        }
        if (step.kind === 'drop-previous') held = { current };
      }
      expect(held.current.issuer.notAfter - day * DAY).toBeGreaterThanOrEqual(LIVES.leaf);
      expect(held.current.root.notAfter).toBeGreaterThanOrEqual(held.current.issuer.notAfter);
    }
    expect(trustedSince.size).toBeGreaterThanOrEqual(3);
  });
});

function never(): never {
  throw new Error('cannot be');
}
