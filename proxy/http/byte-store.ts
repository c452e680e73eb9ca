/** Bytes that came and could not be used yet. Appending copies once; taking from the front moves nothing. */
export class ByteStore {
  #buffer: Buffer | undefined;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  append(buffer: Buffer, start: number, end: number): void {
    const added = end - start;
    if (added <= 0) return;
    const target = this.#roomFor(added);
    buffer.copy(target, this.#end, start, end);
    this.#end += added;
  }

  /** What is held, as `buffer[start, end)`; valid until the next `append`. */
  view(): { buffer: Buffer; start: number; end: number } {
    return { buffer: this.#buffer ?? EMPTY, start: this.#start, end: this.#end };
  }

  /** Forgets the first `count` bytes; without any left, the memory goes too. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#buffer = undefined;
    this.#start = 0;
    this.#end = 0;
  }

  clear(): void {
    this.drop(this.length);
  }

  #roomFor(added: number): Buffer {
    const current = this.#buffer;
    if (current !== undefined && this.#end + added <= current.length) return current;
    const held = this.length;
    // Doubling keeps the copies of a head that comes byte by byte linear.
    const larger = Buffer.allocUnsafe(Math.max(held + added, Math.min(2 * held, held + MOST_SLACK), LEAST));
    current?.copy(larger, 0, this.#start, this.#end);
    this.#buffer = larger;
    this.#start = 0;
    this.#end = held;
    return larger;
  }
}

const EMPTY = Buffer.alloc(0);
const LEAST = 512;
const MOST_SLACK = 65_536;
