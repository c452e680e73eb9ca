import { DEFAULT_WINDOW } from './codes.ts';

/**
 * Credit that streams may borrow to grow their windows above the initial one: a bound on what all streams of a connection
 * together can make us hold.
 */
export class GrowthPool {
  #free: number;

  constructor(bytes: number) {
    this.#free = bytes;
  }

  get free(): number {
    return this.#free;
  }

  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}

/**
 * What the peer may still send us, on one stream or on the connection (RFC 9113 6.9). Credit goes back when the owner says that bytes are done with (a
 * stream: its consumer took them, so that a slow one slows the peer; the connection: they arrived), in steps of half a window: few frames.
 */
export class ReceiveWindow {
  /** Bytes the peer may still send. Below 0: it sent more, and the stream or the connection ends. */
  available: number;
  /** Size that is aimed at. */
  size: number;
  #taken = 0;
  #borrowed = 0;

  constructor(initial = DEFAULT_WINDOW, size = initial) {
    this.available = initial;
    this.size = size;
  }

  /** False: the peer sent more than it was granted (FLOW_CONTROL_ERROR, RFC 9113 6.9.1). */
  arrive(bytes: number): boolean {
    this.available -= bytes;
    return this.available >= 0;
  }

  /** `bytes` are done with; returns the increment to announce, or 0 for not yet. */
  consume(bytes: number): number {
    this.#taken += bytes;
    return this.#taken * 2 >= this.size ? this.#announce() : 0;
  }

  /** Doubles the window up to `most` when the pool has the credit: for a consumer that keeps pace. Announced with the next update. */
  grow(pool: GrowthPool, most: number): void {
    const more = Math.min(this.size, most - this.size);
    if (more <= 0 || !pool.take(more)) return;
    this.size += more;
    this.#borrowed += more;
    this.#taken += more;
  }

  /** Gives borrowed credit back; the stream is over. */
  release(pool: GrowthPool): void {
    pool.give(this.#borrowed);
    this.#borrowed = 0;
  }

  #announce(): number {
    const increment = this.#taken;
    this.#taken = 0;
    this.available += increment;
    return increment;
  }
}
