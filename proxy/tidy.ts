import type { Clock, Timer } from './base/clock.ts';

type Flavor = 'regular' | 'last-resort';
/** As V8's `gc` takes it. */
export interface Collection {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: Flavor;
}

export interface TidyOptions {
  readonly clock: Clock;
  readonly collect: (how: Collection) => void;
  /** Gives free memory of the C library back to the kernel. */
  readonly trim: () => void;
  /** CPU time of the process so far, milliseconds. */
  readonly cpuMs: () => number;
}

/** Gives back what only a rare event needed. */
export interface Tidy {
  /** Everything listens. */
  started(): void;
  /** A key was put in force or removed. */
  configured(): void;
  /** A connection was accepted. */
  connected(): void;
  stop(): void;
}

/** Who waited for the start is served by then. */
const AFTER_START_MS = 1_000;

/** `many` events, and then at most `few` within `quietMs`: it is over. At most once in `restMs`. */
interface BurstLimits {
  readonly many: number;
  readonly few: number;
  readonly quietMs: number;
  readonly restMs: number;
}

/** Garbage of 500 keys is some megabytes. */
const KEYS: BurstLimits = { many: 500, few: 0, quietMs: 2_000, restMs: 60_000 };
/** A finished handshake leaves some 25 kB free that the C library keeps, and garbage. Who connects for every request is never quiet, and reuses both; for others this costs less than their handshakes. */
const CONNECTIONS: BurstLimits = { many: 64, few: 8, quietMs: 2_000, restMs: 10_000 };

/** Code that became hot was compiled by other threads: 10 to 15 MiB that stay free in their heaps. Worth a look after so much work. */
const WORKED_MS = 1_000;
/** Doubled with each time: what is hot changes ever less. */
const WORK = { firstMs: 10_000, longestMs: 300_000 } as const;

/**
 * Starting compiles and allocates what is never needed again, thousands of keys leave more garbage than they keep, handshakes need more than open
 * connections; an idle process has no reason to collect, and the C library keeps what is free. After the start the thorough way (drops compiled code
 * too: nothing is warm yet; 15 to 35 ms), after many keys or connections a plain collection
 * (10 to 40 ms; peers' certificates hold memory outside of the heap too), after work only the C library's (1 to 5 ms).
 */
export function createTidy(options: TidyOptions): Tidy {
  const { clock, collect, trim, cpuMs } = options;
  let start: Timer | undefined;
  const collected = (flavor: Flavor): void => {
    collect({ type: 'major', execution: 'sync', flavor });
    trim();
  };
  const keys = createBurst(clock, KEYS, () => collected('regular'));
  const connections = createBurst(clock, CONNECTIONS, () => collected('regular'));
  const work = createWork(clock, cpuMs, trim);
  return {
    started() {
      start = clock.after(AFTER_START_MS, () => {
        collected('last-resort');
        keys.begin();
        connections.begin();
        work.begin();
      });
    },
    configured: keys.add,
    connected: connections.add,
    stop() {
      start?.clear();
      keys.stop();
      connections.stop();
      work.stop();
    },
  };
}

/** Runs `worked` when the process used `WORKED_MS` of CPU since the last time; looks rarely. */
function createWork(clock: Clock, cpuMs: () => number, worked: () => void): { begin(): void; stop(): void } {
  let timer: Timer | undefined;
  let waitMs: number = WORK.firstMs;
  let usedMs = 0;
  const look = (): void => {
    if (cpuMs() - usedMs >= WORKED_MS) {
      worked();
      usedMs = cpuMs();
      waitMs = Math.min(2 * waitMs, WORK.longestMs);
    }
    timer = clock.after(waitMs, look);
  };
  return {
    begin() {
      usedMs = cpuMs();
      timer = clock.after(waitMs, look);
    },
    stop: () => timer?.clear(),
  };
}

interface Burst {
  /** Counts from now on. */
  begin(): void;
  add(): void;
  stop(): void;
}

function createBurst(clock: Clock, limits: BurstLimits, over: () => void): Burst {
  let counting = false;
  let count = 0;
  let seen = 0;
  let lastAt = -limits.restMs;
  let timer: Timer | undefined;

  const wait = (ms: number): void => {
    seen = count;
    timer = clock.after(ms, look);
  };
  const look = (): void => {
    if (count - seen > limits.few) {
      wait(limits.quietMs);
      return;
    }
    timer = undefined;
    count = 0;
    lastAt = clock.now();
    over();
  };
  return {
    begin() {
      counting = true;
    },
    add() {
      if (!counting) return;
      count++;
      if (timer === undefined && count >= limits.many) {
        wait(Math.max(limits.quietMs, lastAt + limits.restMs - clock.now()));
      }
    },
    stop() {
      counting = false;
      timer?.clear();
    },
  };
}
