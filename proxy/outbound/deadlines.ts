import type { Clock, Timer } from '../base/clock.ts';
import type { Timeouts } from '../contract/snapshot.ts';

/** How often an idle stream is looked at: it ends at most this fraction of `streamIdleMs` too late. */
const IDLE_CHECKS = 4;

export interface DeadlinesOwner {
  onLate(reason: 'request_timeout' | 'stream_idle_timeout', ms: number): void;
}

/**
 * `request` (from the head to the last byte) and `streamIdle` of one request. Bytes that move only set a flag: no timer is touched for them.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #owner: DeadlinesOwner;
  #endsAt: number | undefined;
  #request: Timer | undefined;
  #idle: Timer | undefined;
  #moved = false;

  constructor(clock: Clock, owner: DeadlinesOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  start(timeouts: Timeouts): void {
    if (timeouts.requestMs > 0) {
      this.#endsAt = this.#clock.now() + timeouts.requestMs;
      this.#request = this.#clock.after(timeouts.requestMs, () =>
        this.#owner.onLate('request_timeout', timeouts.requestMs),
      );
    }
    if (timeouts.streamIdleMs > 0) this.#watch(timeouts.streamIdleMs, 0);
  }

  /** Milliseconds left for the whole request, undefined without a limit. */
  left(): number | undefined {
    return this.#endsAt === undefined ? undefined : Math.max(0, Math.floor(this.#endsAt - this.#clock.now()));
  }

  /** Bytes moved. */
  move(): void {
    this.#moved = true;
  }

  /** Upgrades and event streams have no end: only `streamIdle` holds for them. */
  endless(): void {
    this.#request?.clear();
    this.#endsAt = undefined;
  }

  stop(): void {
    this.#request?.clear();
    this.#idle?.clear();
  }

  #watch(ms: number, quiet: number): void {
    this.#idle = this.#clock.after(ms / IDLE_CHECKS, () => {
      const checks = this.#moved ? 0 : quiet + 1;
      this.#moved = false;
      if (checks < IDLE_CHECKS) this.#watch(ms, checks);
      else this.#owner.onLate('stream_idle_timeout', ms);
    });
  }
}
