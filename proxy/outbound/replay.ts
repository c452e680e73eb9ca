import type { HeaderList } from '../http/message.ts';

/** DESIGN: a request body up to this is kept so that another try can send it again. */
export const REPLAY_BYTES = 64 * 1024;

/**
 * The request body so far. Once more than `REPLAY_BYTES` came it is not kept any more and the request cannot be repeated: except for bytes
 * that came while no try could take them (`force`): those are never lost.
 */
export class Replay {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #lost = false;
  ended = false;
  trailers: HeaderList | undefined;

  /** Everything that was received can be sent again. */
  get whole(): boolean {
    return !this.#lost;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(buffer: Buffer, start: number, end: number, force: boolean): void {
    if (this.#lost) return;
    if (!force && this.#bytes + (end - start) > REPLAY_BYTES) {
      this.forget();
      return;
    }
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    this.#bytes += end - start;
  }

  /** Frees the copy: from here on only new bytes matter. */
  forget(): void {
    this.#lost = true;
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
