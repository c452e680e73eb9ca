/** How a stream that is gone ended: decides what a late frame on it means (RFC 9113 5.1, closed). */
export type Ending = 'ended' | 'reset-by-us' | 'reset-by-peer';

const ENDINGS: readonly Ending[] = ['ended', 'reset-by-us', 'reset-by-peer'];
/** Streams remembered. A peer that is so far behind is treated leniently. */
const REMEMBERED = 256;

/** A ring of the streams that ended last. Writing is two stores; looking up is only needed for late frames. */
export class ClosedStreams {
  /** Made with the first stream: idle connections are many. */
  #ids: Int32Array = NONE;
  #endings = new Uint8Array(0);
  #next = 0;
  #overflowed = false;

  remember(id: number, ending: Ending): void {
    if (this.#ids === NONE) {
      this.#ids = new Int32Array(REMEMBERED);
      this.#endings = new Uint8Array(REMEMBERED);
    }
    if (this.#ids[this.#next] !== 0) this.#overflowed = true;
    this.#ids[this.#next] = id;
    this.#endings[this.#next] = ENDINGS.indexOf(ending);
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** `forgotten`: it may have been any of them. `never`: it was never opened. */
  find(id: number): Ending | 'forgotten' | 'never' {
    const place = this.#ids.indexOf(id);
    if (place !== -1) return ENDINGS[this.#endings[place]!]!;
    return this.#overflowed ? 'forgotten' : 'never';
  }
}

const NONE = new Int32Array(0);
