import type { Clock, Timer } from '../clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that moves only when told to. `advance` fires timers in order of time, then of creation, including those that timers create. */
export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #start: number;
  readonly #pending = new Set<Pending>();

  constructor(wallStart = Date.UTC(2026, 0, 1)) {
    this.#start = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#start + this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const pending: Pending = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#pending.add(pending);
    return { clear: () => void this.#pending.delete(pending) };
  }

  /** How many timers are pending: tests that count what is given back look here. */
  get pending(): number {
    return this.#pending.size;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** Like `advance`, in steps of `step` ms, letting promises settle between the steps. */
  async advanceSettling(ms: number, step = 10): Promise<void> {
    for (let done = 0; done < ms; done += step) {
      this.advance(Math.min(step, ms - done));
      await settle();
    }
  }

  #next(end: number): Pending | undefined {
    let best: Pending | undefined;
    for (const candidate of this.#pending) {
      if (candidate.at > end) continue;
      if (best === undefined || candidate.at < best.at || (candidate.at === best.at && candidate.order < best.order)) {
        best = candidate;
      }
    }
    return best;
  }
}

/** Lets pending promise callbacks and immediates run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
