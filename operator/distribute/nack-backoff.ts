import { reconnectDelay } from '../../proxy/base/backoff.ts';
import type { Random } from '../../proxy/base/clock.ts';
import type { Key } from '../../proxy/contract/snapshot.ts';
import type { Stamp } from './stamp.ts';

/** Delay between two tries of what a proxy refused. */
export const NACK_BACKOFF = { base: 1_000, max: 60_000 } as const;

interface Refusal {
  readonly generations: ReadonlyMap<string, number>;
  readonly attempts: number;
  readonly notBefore: number;
}

/**
 * A refused key is tried again with growing delay: endpoint changes must not make a proxy refuse the same section at every
 * change. A new generation of any policy behind it is somebody's repair and goes at once.
 */
export class NackBackoff {
  readonly #refused = new Map<Key, Refusal>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  refused(key: Key, stamp: Stamp, now: number): void {
    const attempts = (this.#refused.get(key)?.attempts ?? 0) + 1;
    const notBefore = now + reconnectDelay(NACK_BACKOFF, attempts - 1, this.#random);
    this.#refused.set(key, { generations: stamp.generations, attempts, notBefore });
  }

  accepted(key: Key): void {
    this.#refused.delete(key);
  }

  /** Milliseconds to wait before `stamp` may be sent. */
  delay(key: Key, stamp: Stamp, now: number): number {
    const refusal = this.#refused.get(key);
    if (refusal === undefined || !sameGenerations(refusal.generations, stamp.generations)) return 0;
    return Math.max(0, refusal.notBefore - now);
  }
}

function sameGenerations(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean {
  return left.size === right.size && [...left].every(([uid, generation]) => right.get(uid) === generation);
}
