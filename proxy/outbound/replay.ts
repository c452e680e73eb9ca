import type { HeaderList } from '../http/message.ts';

/** DESIGN: a request body up to this is kept so that another try can send it again. */
export const REPLAY_BYTES = 64 * 1024;

/** All copies of request bodies together: a thousand uploads at once must not fill the sidecar's memory. */
export const REPLAY_MEMORY_BYTES = 16 * 1_048_576;

/** How much the copies of all running requests hold. */
export class ReplayMemory {
  held = 0;

  /** Room for so many bytes more. */
  fits(bytes: number): boolean {
    return this.held + bytes <= REPLAY_MEMORY_BYTES;
  }
}

/**
 * The request body so far. Once more than `REPLAY_BYTES` came it is not kept any more and the request cannot be repeated: except for bytes
 * that came while no try could take them (`force`): those are never lost. The same when all requests together hold `REPLAY_MEMORY_BYTES`.
 */
export class Replay {
  readonly #memory: ReplayMemory;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #lost = false;
  ended = false;
  trailers: HeaderList | undefined;

  constructor(memory: ReplayMemory) {
    this.#memory = memory;
  }

  /** Everything that was received can be sent again. */
  get whole(): boolean {
    return !this.#lost;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(buffer: Buffer, start: number, end: number, force: boolean): void {
    if (this.#lost) return;
    const bytes = end - start;
    if (!force && (this.#bytes + bytes > REPLAY_BYTES || !this.#memory.fits(bytes))) {
      this.forget();
      return;
    }
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    this.#bytes += bytes;
    this.#memory.held += bytes;
  }

  /** Frees the copy: from here on only new bytes matter. */
  forget(): void {
    this.#lost = true;
    if (this.#pieces.length === 0) return;
    this.#memory.held -= this.#bytes;
    this.#pieces.length = 0;
    this.#bytes = 0;
  }

  /** Writes all pieces; false if the last write asked to stop. */
  writeTo(sink: { write(buffer: Buffer, start: number, end: number): boolean }): boolean {
    let more = true;
    for (const piece of this.#pieces) more = sink.write(piece, 0, piece.length);
    return more;
  }
}
