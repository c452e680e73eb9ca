import { turnTime } from './turn.ts';

/** A pending timer; `clear` is safe to call more than once and after it fired. */
export interface Timer {
  clear(): void;
}

/** Time as an argument. Durations are milliseconds. */
export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean something. */
  now(): number;
  /** Wall clock, milliseconds since 1970. */
  wall(): number;
  /** Calls `run` once after `ms`. Timers never keep the process alive. */
  after(ms: number, run: () => void): Timer;
}

/** Randomness as an argument: a number in [0, 1). */
export type Random = () => number;

/** Longest delay that Node's timers take (2^31 - 1 ms); a longer one would fire at once. */
const LONGEST_DELAY = 2_147_483_647;

export const systemClock: Clock = {
  now: turnTime,
  wall: () => Date.now(),
  after(ms, run) {
    const handle = setTimeout(run, Math.min(Math.max(0, ms), LONGEST_DELAY));
    handle.unref();
    return { clear: () => clearTimeout(handle) };
  },
};
