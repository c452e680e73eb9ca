import type { Clock, Timer } from './base/clock.ts';

type Flavor = 'regular' | 'last-resort';

export interface TidyOptions {
  readonly clock: Clock;
  /** Node's `gc` (`--expose-gc`); undefined: V8 collects when it thinks best. */
  readonly collect: ((how: { type: 'major'; execution: 'sync'; flavor: Flavor }) => unknown) | undefined;
  /** Gives free memory of the C library back to the kernel. */
  readonly trim: () => void;
}

/** Gives back what only a rare event needed. Never runs because of requests. */
export interface Tidy {
  /** Everything listens. */
  started(): void;
  /** A key was put in force or removed. */
  configured(): void;
  stop(): void;
}

/** Who waited for the start is served by then. */
const AFTER_START_MS = 1_000;
/** Keys after which configuration's garbage is worth a collection: some megabytes. */
const MANY_KEYS = 500;
/** Without a further key for so long: it all arrived. */
const QUIET_MS = 2_000;
/** Between two collections because of configuration. */
const REST_MS = 60_000;

/**
 * Starting compiles and allocates what is never needed again, and thousands of keys leave more garbage than they keep; an idle process has no reason to
 * collect either. After the start the thorough way (drops compiled code too: nothing is warm yet; 15 to 35 ms), after configuration a plain collection
 * (10 to 30 ms), at most once a minute.
 */
export function createTidy(options: TidyOptions): Tidy {
  const { clock, collect, trim } = options;
  let timer: Timer | undefined;
  let keys = 0;
  let seen = 0;
  let lastAt = -REST_MS;
  let state: 'new' | 'started' | 'stopped' = 'new';

  const run = (flavor: Flavor): void => {
    keys = 0;
    lastAt = clock.now();
    collect?.({ type: 'major', execution: 'sync', flavor });
    trim();
  };
  const whenQuiet = (): void => {
    timer = undefined;
    if (seen !== keys) wait(QUIET_MS);
    else run('regular');
  };
  const wait = (ms: number): void => {
    seen = keys;
    timer = clock.after(ms, whenQuiet);
  };

  return {
    started() {
      state = 'started';
      timer = clock.after(AFTER_START_MS, () => {
        timer = undefined;
        run('last-resort');
      });
    },
    configured() {
      keys++;
      if (state !== 'started' || timer !== undefined || keys < MANY_KEYS) return;
      wait(Math.max(QUIET_MS, lastAt + REST_MS - clock.now()));
    },
    stop() {
      state = 'stopped';
      timer?.clear();
      timer = undefined;
    },
  };
}
