import type { Clock } from '../../proxy/base/clock.ts';
import type { PodRef } from '../distribute/distribute.ts';

/** Proxies come back to a new leader within this time (their reconnect delay ends at 5 s); until then a status would say too little. */
export const SETTLE_MS = 15_000;
/** How often the wait is looked at. */
const LOOK_MS = 250;
/** The list of unheard pods is made anew after this long. */
const FRESH_MS = 1_000;

export interface SettlingOptions {
  readonly clock: Clock;
  readonly unheard: () => PodRef[];
  /** Of the unheard ones, those that are waited for; default all. */
  readonly isComingBack?: (pod: PodRef) => boolean;
  readonly settleMs?: number;
}

/** After taking the lead: no status before every proxy that was ready has come back, or 15 s are over. */
export class Settling {
  readonly #options: SettlingOptions;
  #since: number | undefined;
  #settled = false;
  #cached: { readonly at: number; readonly pods: PodRef[] } | undefined;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** This operator leads from now on. */
  begin(): void {
    this.#since = this.#options.clock.now();
    this.#settled = false;
    this.#cached = undefined;
  }

  /** Milliseconds until it is worth asking again; 0: settled. */
  wait(): number {
    if (this.#settled) return 0;
    const now = this.#options.clock.now();
    this.#since ??= now;
    const left = this.#since + (this.#options.settleMs ?? SETTLE_MS) - now;
    const isComingBack = this.#options.isComingBack ?? (() => true);
    this.#settled = left <= 0 || !this.unheard().some(isComingBack);
    return this.#settled ? 0 : Math.min(left, LOOK_MS);
  }

  /** Pods whose proxies have not come back. */
  unheard(): PodRef[] {
    const now = this.#options.clock.now();
    // While waiting always fresh; afterwards it is empty nearly always.
    if (this.#cached === undefined || !this.#settled || now - this.#cached.at >= FRESH_MS) {
      this.#cached = { at: now, pods: this.#options.unheard() };
    }
    return this.#cached.pods;
  }
}
