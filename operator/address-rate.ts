import { TokenBucket } from './distribute/token-bucket.ts';

/** Addresses that are remembered; the one seen longest ago goes first, and has its burst again. */
const REMEMBERED = 10_000;

/** Allows each address `burst` at once and `perSecond` on average. */
export class AddressRate {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #most: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(burst: number, perSecond: number, most = REMEMBERED) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#most = most;
  }

  get addresses(): number {
    return this.#buckets.size;
  }

  /** `now`: monotonic milliseconds. */
  take(address: string | undefined, now: number): boolean {
    const name = address ?? '';
    const bucket = this.#buckets.get(name) ?? new TokenBucket(this.#burst, this.#perSecond, now);
    // Set again at the end: the order is that of the last sight.
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#most && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket.take(now);
  }
}
