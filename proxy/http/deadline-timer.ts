import type { Clock, Timer } from '../base/clock.ts';

/**
 * One deadline that moves often. The clock's timer is set again only when the deadline comes nearer or the timer fires too
 * early, so moving it away, as every request does, costs no timer.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #expired: () => void;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  set(ms: number): void {
    this.#deadline = this.#clock.now() + ms;
    if (this.#firesAt <= this.#deadline) return;
    this.#timer?.clear();
    this.#arm(ms);
  }

  clear(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Ends it for good. */
  stop(): void {
    this.clear();
    this.#timer?.clear();
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #arm(ms: number): void {
    this.#firesAt = this.#clock.now() + ms;
    this.#timer = this.#clock.after(ms, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
    if (this.#deadline === Number.POSITIVE_INFINITY) return;
    const rest = this.#deadline - this.#clock.now();
    if (rest > 0) {
      this.#arm(rest);
      return;
    }
    this.clear();
    this.#expired();
  }
}
