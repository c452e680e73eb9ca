import { type Clock, systemClock } from './clock.ts';

/**
 * Counts what runs, and tells when the last of it is over after the drain began. Work that starts later still counts:
 * a draining proxy keeps accepting, it only asks its callers to go elsewhere.
 */
export class Drain {
  #running = 0;
  #started = false;
  readonly #listeners = new Set<() => void>();
  readonly #waiting = new Set<() => void>();

  get running(): number {
    return this.#running;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Notes that something runs; call the returned function once when it is over. */
  enter(): () => void {
    this.#running++;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#running--;
      if (this.#running === 0) for (const wake of [...this.#waiting]) wake();
    };
  }

  /** Calls `listener` when the drain starts; at once if it has started. */
  onStart(listener: () => void): void {
    if (this.#started) listener();
    else this.#listeners.add(listener);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  /** Resolves with true when nothing runs, with false after `ms`. */
  idle(ms: number, clock: Clock = systemClock): Promise<boolean> {
    if (this.#running === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (idle: boolean): void => {
        timer.clear();
        this.#waiting.delete(wake);
        resolve(idle);
      };
      const wake = (): void => finish(true);
      const timer = clock.after(ms, () => finish(false));
      this.#waiting.add(wake);
    });
  }
}
