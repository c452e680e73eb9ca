import type { Clock, Random, Timer } from '../base/clock.ts';
import type { EndpointState } from './endpoints.ts';

/** DESIGN section 5: an endpoint that fails connects leaves for 5 s to 60 s and is probed by a connection before it comes back. */
const FIRST_MS = 5_000;
const LONGEST_MS = 60_000;
/** A peer that said GOAWAY is shutting down; a sidecar that only restarted is back well before this. */
const LEAVING_MS = 30_000;

/**
 * Keeps an endpoint out of the choice while connects to it fail. The time doubles with each failed probe and is spread by 20 %, so that not
 * every proxy probes at once. "Never the last one" is the business of `pick`.
 */
export class Quarantine {
  readonly #endpoint: EndpointState;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #probe: () => void;
  #failures = 0;
  #timer: Timer | undefined;

  /** `probe` tries a connection and then calls `failed` or `succeeded`. */
  constructor(endpoint: EndpointState, clock: Clock, random: Random, probe: () => void) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#random = random;
    this.#probe = probe;
  }

  failed(): void {
    if (this.#timer !== undefined && this.#endpoint.quarantined) return;
    this.stop();
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    this.#endpoint.quarantined = true;
    this.#arm(ceiling);
  }

  /** The peer asked to go elsewhere: it still serves, but is chosen only where nobody better is left, until a probe after 30 s. */
  leaving(): void {
    this.#endpoint.leaving = true;
    if (this.#timer === undefined) this.#arm(LEAVING_MS);
  }

  /** A probe could not be made for a reason of our own: it is made later. */
  postpone(): void {
    if (this.#timer === undefined && (this.#endpoint.quarantined || this.#endpoint.leaving)) this.#arm(FIRST_MS);
  }

  succeeded(): void {
    this.stop();
    this.#failures = 0;
    this.#endpoint.quarantined = false;
    this.#endpoint.leaving = false;
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #arm(ceiling: number): void {
    this.#timer = this.#clock.after(ceiling * (0.8 + 0.2 * this.#random()), () => {
      this.#timer = undefined;
      this.#probe();
    });
  }
}
