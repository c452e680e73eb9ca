/** A middle value and how far it may be off. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
  /** `range`: least and largest sample (fewer than six); `bootstrap`: 95 % of the medians of 2,000 resamples. */
  readonly interval: 'range' | 'bootstrap';
}

const LEAST_FOR_BOOTSTRAP = 6;
const RESAMPLES = 2_000;

/** Undefined without samples. `random` gives [0, 1). */
export function estimate(samples: readonly number[], random: () => number): Estimate | undefined {
  if (samples.length === 0) return undefined;
  const middle = median(samples);
  if (samples.length < LEAST_FOR_BOOTSTRAP) {
    const [low, high] = [Math.min(...samples), Math.max(...samples)];
    return { median: middle, low, high, samples: samples.length, interval: 'range' };
  }
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(samples.map(() => samples[Math.floor(random() * samples.length)]!)),
  ).sort(ascending);
  const at = (share: number): number => medians[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))]!;
  return { median: middle, low: at(0.025), high: at(0.975), samples: samples.length, interval: 'bootstrap' };
}

/** Throws on an empty list. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('the median of nothing');
  const sorted = [...samples].sort(ascending);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * One over the other, round by round, where both have a value: what both suffered in a round (a warm machine, a noisy neighbour)
 * cancels out. A divisor of 0 or below gives no ratio.
 */
export function ratios(ours: ReadonlyMap<number, number>, theirs: ReadonlyMap<number, number>): readonly number[] {
  return [...ours].flatMap(([round, value]) => {
    const other = theirs.get(round);
    return other === undefined || other <= 0 ? [] : [value / other];
  });
}

/** A small seeded generator (mulberry32), so that the same samples always give the same interval. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function ascending(left: number, right: number): number {
  return left - right;
}
