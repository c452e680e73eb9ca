import { performance } from 'node:perf_hooks';

/** Tells a person what is going on. Every line carries the seconds since the work began. */
export interface Progress {
  /** Something began or is still going on. */
  say(text: string): void;
  /** Runs `work` and says how long it took. */
  step<T>(text: string, work: () => Promise<T>): Promise<T>;
}

/** Milliseconds of a clock that only goes forward. */
export type Now = () => number;

export function createProgress(write: (line: string) => void = toStderr, now: Now = () => performance.now()): Progress {
  const began = now();
  const seconds = (from: number) => ((now() - from) / 1000).toFixed(1);
  const say = (text: string) => write(`${`${seconds(began)}s`.padStart(8)}  ${text}`);
  return {
    say,
    async step(text, work) {
      const from = now();
      const result = await work();
      say(`${text} (${seconds(from)} s)`);
      return result;
    },
  };
}

/** Says nothing: for callers that print their own lines. */
export const quiet: Progress = { say: () => undefined, step: (_text, work) => work() };

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
