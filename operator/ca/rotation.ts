import type { Slots } from './slots.ts';

/** Milliseconds. */
export interface RotationLives {
  /** Longest life of a leaf: a root that signs no more is trusted this long. */
  readonly leaf: number;
  /** How long a new root is trusted before it signs: every proxy must have seen the new bundle. */
  readonly propagation: number;
}

/** What is due, one step at a time. `at` = when to ask again. */
export type RotationStep =
  | { readonly kind: 'nothing'; readonly at: number }
  | { readonly kind: 'renew-issuer' }
  | { readonly kind: 'introduce-next' }
  | { readonly kind: 'promote-next' }
  | { readonly kind: 'drop-previous' };

/** Renewed when less than this part of the life remains. DESIGN section 5. */
const REMAINING = 0.3;
/** Waits beyond the last leaf's end: clocks differ, and the bundle takes a while to spread. */
const MARGIN_MS = 10 * 60_000;

/**
 * stable -> (root has < 30 % left) next introduced, both trusted -> (propagated) next signs, old one trusted
 * -> (last old leaf has run out) stable. The issuer is renewed under the current root at any time.
 */
export function decideRotation(slots: Slots, now: number, lives: RotationLives): RotationStep {
  const { current, next, previous } = slots;
  if (next !== undefined && now >= promoteAt(next.introducedAt, lives)) return { kind: 'promote-next' };
  if (now >= issuerDueAt(current.issuer, current.root.notAfter, lives)) return { kind: 'renew-issuer' };
  if (previous !== undefined && now >= dropAt(previous.retiredAt, lives)) return { kind: 'drop-previous' };
  const mayIntroduce = next === undefined && previous === undefined;
  if (mayIntroduce && now >= dueAt(current.root)) return { kind: 'introduce-next' };
  return {
    kind: 'nothing',
    at: Math.min(
      issuerDueAt(current.issuer, current.root.notAfter, lives),
      next === undefined ? Number.POSITIVE_INFINITY : promoteAt(next.introducedAt, lives),
      previous === undefined ? Number.POSITIVE_INFINITY : dropAt(previous.retiredAt, lives),
      mayIntroduce ? dueAt(current.root) : Number.POSITIVE_INFINITY,
    ),
  };
}

interface Life {
  readonly notBefore: number;
  readonly notAfter: number;
}

function dueAt(life: Life): number {
  return life.notAfter - REMAINING * (life.notAfter - life.notBefore);
}

/** Also before leaves would be cut short. An issuer that ends with its root cannot be renewed any further. */
function issuerDueAt(issuer: Life, rootEnd: number, lives: RotationLives): number {
  if (issuer.notAfter >= rootEnd) return Number.POSITIVE_INFINITY;
  return Math.min(dueAt(issuer), issuer.notAfter - lives.leaf);
}

function promoteAt(introducedAt: number, lives: RotationLives): number {
  return introducedAt + lives.propagation;
}

function dropAt(retiredAt: number, lives: RotationLives): number {
  return retiredAt + lives.leaf + MARGIN_MS;
}
