import type { Clock, Timer } from '../base/clock.ts';
import type { Report } from '../contract/stream.ts';

export interface ReporterOptions {
  readonly clock: Clock;
  /** Requests that were decided under something older and still run. */
  readonly draining: () => number;
  /** False: there is no stream. */
  readonly send: (report: Report) => boolean;
}

/**
 * Tells the operator what is in force: after the acks of each piece of network input, then once a second until nothing drains.
 * Commits are synchronous and close what is forbidden, so by the time of the report it is so.
 */
export interface Reporter {
  applied(seq: number): void;
  flush(): void;
  /** The stream is gone: its numbers mean nothing on the next one. */
  reset(): void;
}

const REPEAT_MS = 1_000;

export function createReporter(options: ReporterOptions): Reporter {
  let inForce = 0;
  let due = false;
  let timer: Timer | undefined;

  const report = (): void => {
    timer?.clear();
    timer = undefined;
    due = false;
    const draining = options.draining();
    if (!options.send({ type: 'report', inForce, draining })) return;
    if (draining > 0) timer = options.clock.after(REPEAT_MS, report);
  };

  return {
    applied(seq) {
      inForce = Math.max(inForce, seq);
      due = true;
    },
    flush() {
      if (due) report();
    },
    reset() {
      timer?.clear();
      timer = undefined;
      inForce = 0;
      due = false;
    },
  };
}
