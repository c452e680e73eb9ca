/** Unfinished handshakes of one address at a time: an honest proxy needs one for each port that it calls, and one more when it renews. */
const MOST_OF_ONE = 64;
/** Of all together: a rolling restart brings every caller at once; an unfinished one costs some 80 kB. */
const MOST = 1_024;

/**
 * Mesh handshakes that are not finished. Each costs a key exchange and a TLS socket before anybody is proven, so one address that only begins
 * them must not use up the time and memory of all.
 */
export class Handshakes {
  readonly #sources = new Map<string, number>();
  #all = 0;

  /** Unfinished now. */
  get size(): number {
    return this.#all;
  }

  /** Counts one from `source`; call the answer once it is decided, however often. Undefined: too many. */
  begin(source: string): (() => void) | undefined {
    const own = this.#sources.get(source) ?? 0;
    if (own >= MOST_OF_ONE || this.#all >= MOST) return undefined;
    this.#sources.set(source, own + 1);
    this.#all++;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#all--;
      const left = (this.#sources.get(source) ?? 1) - 1;
      if (left === 0) this.#sources.delete(source);
      else this.#sources.set(source, left);
    };
  }
}
