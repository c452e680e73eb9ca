/** How a stream that is gone ended: decides what a late frame on it means (RFC 9113 5.1, closed). */
export type Ending = 'ended' | 'reset-by-us' | 'reset-by-peer';

const ENDINGS: readonly Ending[] = ['ended', 'reset-by-us', 'reset-by-peer'];
/** Streams remembered at most. A peer that is so far behind is treated leniently. */
const REMEMBERED = 256;
/** At first: idle connections are many, and most never have more streams at once. */
const LEAST = 8;

/** A ring of the streams that ended last. Writing is two stores; looking up is only needed for late frames. */
export class ClosedStreams {
  /** Made with the first stream, doubled until it remembers enough. */
  #ids: Int32Array = NONE;
  #endings = new Uint8Array(0);
  #next = 0;
  #overflowed = false;

  remember(id: number, ending: Ending): void {
    if (this.#next === this.#ids.length) this.#wrap();
    if (this.#ids[this.#next] !== 0) this.#overflowed = true;
    this.#ids[this.#next] = id;
    this.#endings[this.#next] = ending === 'ended' ? 0 : ending === 'reset-by-us' ? 1 : 2;
    this.#next++;
  }

  /** `forgotten`: it may have been any of them. `never`: it was never opened. */
  find(id: number): Ending | 'forgotten' | 'never' {
    const place = this.#ids.indexOf(id);
    if (place !== -1) return ENDINGS[this.#endings[place]!]!;
    return this.#overflowed ? 'forgotten' : 'never';
  }

  #wrap(): void {
    const before = this.#ids.length;
    if (before === REMEMBERED) {
      this.#next = 0;
      return;
    }
    const ids = new Int32Array(Math.max(LEAST, before * 2));
    const endings = new Uint8Array(ids.length);
    ids.set(this.#ids);
    endings.set(this.#endings);
    this.#ids = ids;
    this.#endings = endings;
  }
}

const NONE = new Int32Array(0);
