/** Size of the memory pieces that frames are collected in. One write of this size is four full TLS records. */
const SLAB = 65_536;
/** A rest smaller than this is not worth keeping. */
const LEAST_REST = 4_096;
/** Rests kept for the next session that writes: idle connections hold none. */
const MOST_SPARE = 4;

const spare: Buffer[] = [];

/**
 * Collects the frames of one event-loop turn into as few buffers as possible. Written bytes are never touched again
 * (the transport may still hold them), so the rest of a slab goes to whoever writes next.
 */
export class Output {
  /** Where `at` points into; valid after `reserve`. */
  buffer: Buffer = EMPTY;
  at = 0;
  #start = 0;
  #full: Buffer[] = [];
  #fullBytes = 0;

  /** Bytes collected and not yet taken. */
  get length(): number {
    return this.#fullBytes + this.at - this.#start;
  }

  /** Makes room for `bytes` in one piece at `at`. */
  reserve(bytes: number): void {
    if (this.buffer.length - this.at >= bytes) return;
    this.#seal();
    const kept = bytes <= LEAST_REST ? spare.pop() : undefined;
    this.buffer = kept ?? Buffer.allocUnsafeSlow(Math.max(SLAB, bytes));
    this.at = 0;
    this.#start = 0;
  }

  /** Collects `bytes` as they are. */
  copy(bytes: Buffer): void {
    this.reserve(bytes.length);
    this.at += bytes.copy(this.buffer, this.at);
  }

  /** Hands the collected pieces to `write`, in order, and forgets them. */
  take(write: (piece: Buffer) => void): void {
    this.#seal();
    const pieces = this.#full;
    if (this.buffer.length - this.at >= LEAST_REST && spare.length < MOST_SPARE)
      spare.push(this.buffer.subarray(this.at));
    this.buffer = EMPTY;
    this.at = 0;
    this.#start = 0;
    this.#fullBytes = 0;
    if (pieces.length === 1) {
      const piece = pieces.pop()!;
      write(piece);
      return;
    }
    this.#full = [];
    for (const piece of pieces) write(piece);
  }

  #seal(): void {
    if (this.at === this.#start) return;
    this.#full.push(this.buffer.subarray(this.#start, this.at));
    this.#fullBytes += this.at - this.#start;
    this.#start = this.at;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
