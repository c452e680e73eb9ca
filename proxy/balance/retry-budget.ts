/** Over a sliding window of 10 s: retries <= max(percent x requests / 100, 10 x minPerSecond). Per proxy and destination. */
export interface BudgetLimits {
  readonly percent: number;
  readonly minPerSecond: number;
}

const WINDOW_SECONDS = 10;

const NONE = new Uint32Array(0);

/** Ten buckets of one second; a bucket is emptied when its second comes round again. */
export class RetryBudget {
  /** Made with the first request: most destinations that are held are never called. */
  #requests: Uint32Array = NONE;
  #retries: Uint32Array = NONE;
  #second = 0;
  #allRequests = 0;
  #allRetries = 0;

  /** Counts a request (not its retries). `now`: monotonic milliseconds. */
  request(now: number): void {
    const bucket = this.#turn(now);
    this.#requests[bucket]! += 1;
    this.#allRequests++;
  }

  /** Takes a retry out of the budget; false: it is spent. */
  take(now: number, limits: BudgetLimits): boolean {
    const bucket = this.#turn(now);
    const allowed = Math.max((limits.percent * this.#allRequests) / 100, WINDOW_SECONDS * limits.minPerSecond);
    if (this.#allRetries + 1 > allowed) return false;
    this.#retries[bucket]! += 1;
    this.#allRetries++;
    return true;
  }

  #turn(now: number): number {
    if (this.#requests === NONE) {
      this.#requests = new Uint32Array(WINDOW_SECONDS);
      this.#retries = new Uint32Array(WINDOW_SECONDS);
    }
    const second = Math.floor(now / 1_000);
    const passed = Math.min(second - this.#second, WINDOW_SECONDS);
    for (let step = 1; step <= passed; step++) {
      const bucket = (this.#second + step) % WINDOW_SECONDS;
      this.#allRequests -= this.#requests[bucket]!;
      this.#allRetries -= this.#retries[bucket]!;
      this.#requests[bucket] = 0;
      this.#retries[bucket] = 0;
    }
    if (passed > 0) this.#second = second;
    return this.#second % WINDOW_SECONDS;
  }
}
