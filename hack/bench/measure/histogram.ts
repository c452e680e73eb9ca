/**
 * A high dynamic range histogram of whole microseconds: exact up to 2,047 us, above that each power of two is cut into 1,024
 * steps, so no value is off by more than 0.1 %. Fixed size, no allocation while recording. Source: HdrHistogram (Tene), with
 * unit 1 us and three significant digits.
 */
const HALF_BITS = 10;
const HALF = 1 << HALF_BITS;
const FULL = HALF * 2;
/** 2^36 us are 19 hours: more than any run. */
const LARGEST = 2 ** 36 - 1;
const BUCKETS = FULL + (36 - HALF_BITS - 1) * HALF;

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #largest = 0;

  get total(): number {
    return this.#total;
  }

  /** The largest value recorded, exact; 0 when there is none. */
  get largest(): number {
    return this.#largest;
  }

  /** Negative values count as 0, values above 19 hours as 19 hours. */
  record(microseconds: number): void {
    const value = Math.min(LARGEST, Math.max(0, Math.round(microseconds)));
    this.#counts[bucketOf(value)]! += 1;
    this.#total += 1;
    if (value > this.#largest) this.#largest = value;
  }

  /** The least recorded value that `percent` of all values do not exceed (as the upper edge of its bucket); undefined when empty. */
  percentile(percent: number): number | undefined {
    if (this.#total === 0) return undefined;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(upperEdge(bucket), this.#largest);
    }
    return this.#largest;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#largest = 0;
  }
}

function bucketOf(value: number): number {
  if (value < FULL) return value;
  const exponent = Math.floor(Math.log2(value)) - HALF_BITS;
  return FULL + (exponent - 1) * HALF + (Math.floor(value / 2 ** exponent) - HALF);
}

function upperEdge(bucket: number): number {
  if (bucket < FULL) return bucket;
  const exponent = Math.floor((bucket - FULL) / HALF) + 1;
  const step = (bucket - FULL) % HALF;
  return (HALF + step + 1) * 2 ** exponent - 1;
}
