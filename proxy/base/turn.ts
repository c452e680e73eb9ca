/**
 * A turn: what one event of a socket brings, from the call out of the event loop until it returns. Two things are done once a turn:
 * - the system clock is read: a request asks for the time some seven times, and each look costs 50 ns;
 * - what was gathered is written, and not from a microtask: for those JavaScript is entered once more.
 */

/** Within a turn: when it was first asked for the time, or 0; outside: -1. */
let time = -1;
/** To be called when the turn ends: the first `count`. */
const ends: (() => void)[] = [];
let count = 0;
const nothing = (): void => {};

/** Runs `take(input)` as a turn; inside of another one it is part of that. */
export function runTurn<Input>(take: (input: Input) => void, input: Input): void {
  if (time !== -1) {
    take(input);
    return;
  }
  time = 0;
  try {
    take(input);
  } finally {
    endTurn();
  }
}

/** Calls `run` when the turn ends; outside of one as a microtask. */
export function atTurnEnd(run: () => void): void {
  if (time === -1) queueMicrotask(run);
  else ends[count++] = run;
}

/** Milliseconds of `performance.now()`; within a turn always the same. What a turn leaves for later (timers, promises) has left it. */
export function turnTime(): number {
  if (time > 0) return time;
  const now = performance.now();
  if (time === 0) time = now;
  return now;
}

function endTurn(): void {
  try {
    for (let index = 0; index < count; index++) {
      const run = ends[index]!;
      ends[index] = nothing;
      run();
    }
  } finally {
    count = 0;
    time = -1;
  }
}
