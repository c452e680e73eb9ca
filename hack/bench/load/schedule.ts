/**
 * When requests are due, at a fixed rate, and which of them wait for a free connection. A request's time counts from the instant it was due, however
 * late it could be sent: a server that stands still for a second pays for every request of that second (no coordinated omission).
 */
export class Schedule {
  readonly #intervalMs: number;
  readonly #total: number;
  readonly #startMs: number;
  #noticed = 0;
  #sent = 0;

  /** `total` requests at `rate` a second, the first one at `startMs`. */
  constructor(startMs: number, rate: number, total: number) {
    this.#startMs = startMs;
    this.#intervalMs = 1_000 / rate;
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  get allSent(): boolean {
    return this.#sent === this.#total;
  }

  /** Calls `onDue` with the lateness (ms) of each request that has become due since the last call. */
  notice(nowMs: number, onDue: (lateMs: number) => void): void {
    while (this.#noticed < this.#total && this.#dueAt(this.#noticed) <= nowMs) {
      onDue(nowMs - this.#dueAt(this.#noticed));
      this.#noticed += 1;
    }
  }

  /** The instant the oldest waiting request was due, which is now taken as sent; undefined when none waits. */
  take(): number | undefined {
    if (this.#sent === this.#noticed) return undefined;
    const due = this.#dueAt(this.#sent);
    this.#sent += 1;
    return due;
  }

  #dueAt(index: number): number {
    return this.#startMs + index * this.#intervalMs;
  }
}
