import process from 'node:process';

/**
 * Import this first in a program's main file. A container's first process ignores a signal that nobody listens to: one that
 * comes while the program still loads would be lost, and the program would run on until SIGKILL, 30 s later.
 */
let stop: ((signal: string) => void) | undefined;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    if (stop === undefined) process.exit(0);
    stop(signal);
  });
}

/** From now on the first SIGTERM and the first SIGINT call `run`; before, they end the process at once. */
export function onStopSignal(run: (signal: string) => void): void {
  stop = run;
}
