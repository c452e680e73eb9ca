/**
 * Storage of one metric family: the numbers of all its series stand in one typed array, `width` numbers a series.
 * A handle knows its place in it, so a count costs an addition and a store. Series that nobody touched for a while are evicted;
 * a handle that is used again afterwards takes a new place (Prometheus sees a counter reset, which `rate` understands).
 */
export interface SeriesHandle {
  /** Place of the series, -1 after eviction. Written by `SeriesStore` only. */
  place: number;
  readonly labels: readonly string[];
}

interface Series {
  readonly labels: readonly string[];
  handles: SeriesHandle[] | undefined;
}

/** Value of every label of the series that takes what no longer fits. */
export const OVERFLOW_LABEL = 'other';

export interface SeriesStoreOptions {
  /** Numbers a series: 1 for counters and gauges, buckets + 2 for histograms. */
  readonly width: number;
  readonly labelCount: number;
  readonly maxSeries: number;
  /** Gauges keep a series while its number is not 0: an open connection is not idle. */
  readonly keepNonZero: boolean;
}

export class SeriesStore {
  values: Float64Array;
  /** Sweep in which a place was last touched. */
  touched: Uint32Array;
  sweep = 1;
  /** How often a series went to the overflow series because the family is full. */
  overflowed = 0;
  readonly #options: SeriesStoreOptions;
  readonly #places = new Map<string, number>();
  readonly #series: (Series | undefined)[] = [];
  readonly #free: number[] = [];

  constructor(options: SeriesStoreOptions) {
    this.#options = options;
    this.values = new Float64Array(8 * options.width);
    this.touched = new Uint32Array(8);
  }

  get size(): number {
    return this.#places.size;
  }

  /** The handle that already serves these labels, if any. */
  find(labels: readonly string[]): SeriesHandle | undefined {
    const place = this.#places.get(keyOf(labels));
    if (place !== undefined) return this.#series[place]?.handles?.[0];
    if (this.#places.size < this.#options.maxSeries) return undefined;
    // Full: one handle for everything that does not fit, or each call would leave another one behind.
    const shared = this.#series[this.#overflowPlace()]?.handles?.[0];
    if (shared !== undefined) this.overflowed++;
    return shared;
  }

  /** Gives `handle` a place: that of its labels, a new one, or the overflow series. */
  attach(handle: SeriesHandle): void {
    const key = keyOf(handle.labels);
    let place = this.#places.get(key);
    if (place === undefined && this.#places.size >= this.#options.maxSeries) {
      this.overflowed++;
      place = this.#overflowPlace();
    }
    place ??= this.#create(key, handle.labels);
    handle.place = place;
    this.touched[place] = this.sweep;
    const series = this.#series[place]!;
    // Nearly always the only one: a list that something is pushed to makes room for 17.
    if (series.handles === undefined) series.handles = [handle];
    else series.handles.push(handle);
  }

  /** Forgets series untouched for `maxAge` sweeps. Families without labels keep their one series. */
  evict(maxAge: number): void {
    this.sweep++;
    if (this.#options.labelCount === 0) return;
    for (const [key, place] of this.#places) {
      if (this.sweep - this.touched[place]! <= maxAge) continue;
      const start = place * this.#options.width;
      if (this.#options.keepNonZero && this.values[start] !== 0) continue;
      for (const handle of this.#series[place]?.handles ?? []) handle.place = -1;
      this.values.fill(0, start, start + this.#options.width);
      this.#series[place] = undefined;
      this.#places.delete(key);
      this.#free.push(place);
    }
  }

  /** Calls `visit` for each series with the index of its first number. */
  each(visit: (labels: readonly string[], start: number) => void): void {
    for (const place of this.#places.values()) {
      const series = this.#series[place];
      if (series !== undefined) visit(series.labels, place * this.#options.width);
    }
  }

  #overflowPlace(): number {
    const labels = new Array<string>(this.#options.labelCount).fill(OVERFLOW_LABEL);
    const key = keyOf(labels);
    return this.#places.get(key) ?? this.#create(key, labels);
  }

  #create(key: string, labels: readonly string[]): number {
    const place = this.#free.pop() ?? this.#series.length;
    if (place >= this.touched.length) this.#grow();
    this.#series[place] = { labels, handles: undefined };
    this.#places.set(key, place);
    return place;
  }

  #grow(): void {
    const values = new Float64Array(this.values.length * 2);
    values.set(this.values);
    this.values = values;
    const touched = new Uint32Array(this.touched.length * 2);
    touched.set(this.touched);
    this.touched = touched;
  }
}

function keyOf(labels: readonly string[]): string {
  return JSON.stringify(labels);
}
