import type { Clock, Timer } from '../base/clock.ts';
import type { DeadlineLists } from '../base/deadline-lists.ts';
import type { Timeouts } from '../contract/snapshot.ts';

/** How often an idle stream is looked at: it ends at most this fraction of `streamIdleMs` too late. */
const IDLE_CHECKS = 4;

/** A longer deadline is none: no timer reaches so far. */
const LONGEST_MS = 2_147_483_647;

export interface DeadlinesOwner {
  onLate(reason: 'request_timeout' | 'stream_idle_timeout', ms: number): void;
}

/**
 * `request` (from the head to the last byte) and `streamIdle` of one request. Bytes that move only set a flag: no timer is touched for them.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lists: DeadlineLists;
  readonly #owner: DeadlinesOwner;
  #endsAt: number | undefined;
  #requestMs = 0;
  #request: Timer | undefined;
  #callEndsAt: number | undefined;
  #call: Timer | undefined;
  #idle: Timer | undefined;
  #moved = false;

  constructor(clock: Clock, lists: DeadlineLists, owner: DeadlinesOwner) {
    this.#clock = clock;
    this.#lists = lists;
    this.#owner = owner;
  }

  /** `callMs`: the caller's own deadline for the whole call (`grpc-timeout`), which also holds for streams; undefined: none. */
  start(timeouts: Timeouts, callMs?: number): void {
    if (timeouts.requestMs > 0 && (callMs === undefined || timeouts.requestMs < callMs)) {
      this.#endsAt = this.#clock.now() + timeouts.requestMs;
      this.#requestMs = timeouts.requestMs;
      this.#request = this.#lists.after(timeouts.requestMs, this, late);
    }
    if (callMs !== undefined && callMs <= LONGEST_MS) {
      this.#callEndsAt = this.#clock.now() + callMs;
      this.#call = this.#clock.after(callMs, () => this.#late(callMs));
    }
    if (timeouts.streamIdleMs > 0) this.#watch(timeouts.streamIdleMs, 0);
  }

  /** Milliseconds left for the whole request, undefined without a limit. */
  left(): number | undefined {
    const endsAt = this.#endsAt ?? this.#callEndsAt;
    return endsAt === undefined ? undefined : Math.max(0, Math.floor(endsAt - this.#clock.now()));
  }

  /** Bytes moved. */
  move(): void {
    this.#moved = true;
  }

  /** Upgrades, event streams and gRPC streams have no end but the caller's: only that and `streamIdle` hold for them. */
  endless(): void {
    this.#request?.clear();
    this.#endsAt = undefined;
  }

  stop(): void {
    this.#request?.clear();
    this.#call?.clear();
    this.#idle?.clear();
  }

  /** The time for the whole request is over. */
  requestLate(): void {
    this.#late(this.#requestMs);
  }

  #late(ms: number): void {
    this.#owner.onLate('request_timeout', Math.round(ms));
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

const late = (deadlines: Deadlines): void => deadlines.requestLate();
