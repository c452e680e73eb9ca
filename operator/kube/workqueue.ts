import { type BackoffRange, backoffDelay } from '../../proxy/base/backoff.ts';
import type { Clock, Random, Timer } from '../../proxy/base/clock.ts';

/**
 * Keys waiting for work (client-go's workqueue): a key waits at most once, is never worked on twice at a time, and
 * one that is added while it is worked on is taken again afterwards. Bounded by the number of distinct keys.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds the key after `ms`; an earlier time wins over a later one. */
  addAfter(key: string, ms: number): void;
  /** Adds the key after a backoff that doubles with each call until `forget`, not before `leastMs`. */
  addRateLimited(key: string, leastMs?: number): void;
  forget(key: string): void;
  /** Keys that wait or are being worked on; delayed ones are not counted. */
  readonly depth: number;
  /** Takes no more work; resolves when what runs has ended. */
  stop(): Promise<void>;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Must not throw: the queue knows nothing of errors. */
  readonly work: (key: string) => Promise<void>;
  readonly concurrency: number;
  readonly backoff?: BackoffRange;
}

/** client-go starts at 5 ms and ends at 1,000 s; a person who waits for a status should wait 30 s at most. */
const BACKOFF: BackoffRange = { base: 50, max: 30_000 };

interface Delayed {
  readonly at: number;
  readonly timer: Timer;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, random, concurrency } = options;
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const delayed = new Map<string, Delayed>();
  const failures = new Map<string, number>();
  let stopped = false;

  const add = (key: string): void => {
    if (stopped) return;
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    fill();
  };

  const fill = (): void => {
    for (const key of waiting) {
      if (stopped || running.size >= concurrency) return;
      waiting.delete(key);
      running.set(key, run(key));
    }
  };

  const run = async (key: string): Promise<void> => {
    // The caller of `add` goes on first: work never runs inside an event handler.
    await Promise.resolve();
    try {
      await options.work(key);
    } finally {
      running.delete(key);
      if (again.delete(key)) waiting.add(key);
      fill();
    }
  };

  const addAfter = (key: string, ms: number): void => {
    if (stopped) return;
    const at = clock.now() + ms;
    const held = delayed.get(key);
    if (held !== undefined && held.at <= at) return;
    held?.timer.clear();
    const timer = clock.after(ms, () => {
      delayed.delete(key);
      add(key);
    });
    delayed.set(key, { at, timer });
  };

  return {
    add,
    addAfter,
    addRateLimited(key, leastMs = 0) {
      const attempt = failures.get(key) ?? 0;
      failures.set(key, attempt + 1);
      // Never below a quarter of the ceiling: full jitter alone could turn into a tight loop.
      const range = options.backoff ?? BACKOFF;
      const quarter = Math.min(range.max, range.base * 2 ** Math.min(attempt, 30)) / 4;
      addAfter(key, Math.max(leastMs, quarter + backoffDelay(range, attempt, random) * 0.75));
    },
    forget: (key) => void failures.delete(key),
    get depth() {
      return waiting.size + running.size;
    },
    async stop() {
      stopped = true;
      waiting.clear();
      again.clear();
      for (const { timer } of delayed.values()) timer.clear();
      delayed.clear();
      await Promise.allSettled(running.values());
    },
  };
}
