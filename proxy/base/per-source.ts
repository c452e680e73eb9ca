export interface SourceBound {
  readonly mostOfOne: number;
  /** Of all sources together. */
  readonly most: number;
}

/** Counts what sources (addresses) hold at a time, so that one of them cannot use up what is for all. Remembers only sources that hold something. */
export class PerSource {
  readonly #bound: SourceBound;
  readonly #sources = new Map<string, number>();
  #all = 0;

  constructor(bound: SourceBound) {
    this.#bound = bound;
  }

  /** Held now, by all. */
  get size(): number {
    return this.#all;
  }

  /** Counts one more of `source`; call the answer when it is given back, however often. Undefined: too many. */
  begin(source: string): (() => void) | undefined {
    const own = this.#sources.get(source) ?? 0;
    if (own >= this.#bound.mostOfOne || this.#all >= this.#bound.most) return undefined;
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
