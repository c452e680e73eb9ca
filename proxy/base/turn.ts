/**
 * A turn is what one event of a socket brings, from the call out of the event loop until it returns; a round is all turns of what is readable now.
 * - Within a turn the system clock is read once: a request asks for the time some seven times, and each look costs 50 ns.
 * - What turns gather is written when the round is over. Requests of one connection that came together leave in one write; and the programs that
 *   are written to are woken once for many writes instead of once for each, which costs more than the write.
 */

/** Within a turn: when it was first asked for the time, or 0; outside: -1. */
let time = -1;

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
    time = -1;
  }
}

/** Milliseconds of `performance.now()`; within a turn always the same. What a turn leaves for later (timers, promises) has left it. */
export function turnTime(): number {
  if (time > 0) return time;
  const now = performance.now();
  if (time === 0) time = now;
  return now;
}

/** Who waits so long for the others of a round waits no longer: a round of a busy proxy can have a thousand turns. */
const MOST = 64;

/** To be called when the round is over: the first `count`. */
const tasks: (() => void)[] = [];
let count = 0;
let scheduled = false;
let running = false;
const nothing = (): void => {};

/** Calls `task` when the event loop has handed out what is readable now, or when so many others wait that it is time. */
export function atRoundEnd(task: () => void): void {
  if (count >= MOST && !running) endRound();
  tasks[count++] = task;
  if (scheduled) return;
  scheduled = true;
  setImmediate(roundOver);
}

function roundOver(): void {
  scheduled = false;
  endRound();
}

/** Runs what waits for the end of the round; what that adds waits for the next one, so that reading gets its turn. Only tests call it from outside. */
export function endRound(): void {
  const due = count;
  running = true;
  try {
    for (let index = 0; index < due; index++) {
      const task = tasks[index]!;
      tasks[index] = nothing;
      task();
    }
  } finally {
    running = false;
    for (let index = due; index < count; index++) {
      tasks[index - due] = tasks[index]!;
      tasks[index] = nothing;
    }
    count -= due;
  }
}
