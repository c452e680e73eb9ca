import type { Clock } from '../base/clock.ts';
import type { Key } from '../contract/snapshot.ts';
import { WORKLOAD_KEY } from '../contract/snapshot.ts';

export interface SubscriptionsOptions {
  readonly clock: Clock;
  /** A key that nothing used for this long is given up; default 30 min. */
  readonly unusedMs: number;
  /** Monotonic ms of the last use of a key, 0 for never. */
  readonly lastUsed: (key: Key) => number;
  /** Most keys held at once; default 10,000, as the operator takes. */
  readonly maxKeys?: number;
}

/** Keys that this proxy wants, `workload` aside, which is always implied. */
export interface Subscriptions {
  readonly size: number;
  has(key: Key): boolean;
  keys(): Iterable<Key>;
  /** True: the key is new here. False: it is held already, implied, or there is no room. */
  add(key: Key): boolean;
  readonly full: boolean;
  /** Forgets and returns the keys that were not used lately. */
  takeUnused(): Key[];
  /** Forgets and returns a hundredth of the room, those whose last use is longest ago: an application that scans addresses must not keep the others out. */
  takeOldest(): Key[];
}

const MAX_KEYS = 10_000;

export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  /** Key to the time when it was first wanted: preloaded keys are not used yet. */
  const wanted = new Map<Key, number>();
  const maxKeys = options.maxKeys ?? MAX_KEYS;
  const lastUse = ([key, since]: readonly [Key, number]): number => Math.max(since, options.lastUsed(key));
  return {
    get full() {
      return wanted.size >= maxKeys;
    },
    get size() {
      return wanted.size;
    },
    has: (key) => wanted.has(key),
    keys: () => wanted.keys(),
    add(key) {
      if (key === WORKLOAD_KEY || wanted.has(key) || wanted.size >= maxKeys) return false;
      wanted.set(key, options.clock.now());
      return true;
    },
    takeUnused() {
      const before = options.clock.now() - options.unusedMs;
      const unused = [...wanted].filter((entry) => lastUse(entry) < before);
      for (const [key] of unused) wanted.delete(key);
      return unused.map(([key]) => key);
    },
    takeOldest() {
      const byUse = [...wanted].map((entry) => ({ key: entry[0], used: lastUse(entry) }));
      byUse.sort((left, right) => left.used - right.used);
      const oldest = byUse.slice(0, Math.ceil(maxKeys / 100)).map(({ key }) => key);
      for (const key of oldest) wanted.delete(key);
      return oldest;
    },
  };
}
