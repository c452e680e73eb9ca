/** Something that takes hostile bytes. */
export interface Target {
  /** Name on the command line, and of its folder in `corpus/`. */
  readonly name: string;
  /** Inputs to begin with, beside those in the corpus. */
  readonly seeds: readonly Buffer[];
  /** Pieces worth inserting: what the grammar is made of. */
  readonly dictionary: readonly Buffer[];
  /**
   * Tries one input. Throws when a promise is broken (any error but the codec's own, two results for one input). Answers a short signature of
   * what happened: an input with a new one is kept and mutated further.
   */
  check(input: Buffer): string;
}

/** Latin1 text as bytes. */
export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Cuts the input in ways that depend on it only: whole, byte by byte, and at a place taken from its bytes. */
export function cutsOf(input: Buffer): Buffer[][] {
  let place = input.length;
  for (const byte of input) place = (Math.imul(place, 31) + byte) >>> 0;
  const at = input.length === 0 ? 0 : place % input.length;
  return [[input], [...input].map((byte) => Buffer.from([byte])), [input.subarray(0, at), input.subarray(at)]];
}

/** Runs the input cut in each way; throws when the results differ. */
export function sameForAllCuts<T>(input: Buffer, run: (pieces: readonly Buffer[]) => T): T {
  const [whole, ...others] = cutsOf(input).map(run);
  const expected = JSON.stringify(whole);
  for (const other of others) {
    const got = JSON.stringify(other);
    if (got !== expected)
      throw new Error(`cut in another way, the input gives another result\n whole: ${expected}\n cut:   ${got}`);
  }
  return whole as T;
}
