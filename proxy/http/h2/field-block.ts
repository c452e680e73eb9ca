/** Frames that one field block may come in: enough for 64 KiB in full frames, and for test tools that send small ones. */
const MOST_FRAMES = 32;

/** The field block that is being received (RFC 9113 4.3), bounded in bytes and in frames. */
export class FieldBlock {
  /** 0: none. */
  streamId = 0;
  endStream = false;
  selfDependent = false;
  readonly #maxBytes: number;
  #bytes: Buffer = EMPTY;
  #frames = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  begin(streamId: number, endStream: boolean, selfDependent: boolean): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.selfDependent = selfDependent;
  }

  /** Copies a fragment; false: over a bound. */
  append(buffer: Buffer, start: number, end: number): boolean {
    this.#frames++;
    if (this.#frames > MOST_FRAMES || this.#bytes.length + end - start > this.#maxBytes) return false;
    this.#bytes = Buffer.concat([this.#bytes, buffer.subarray(start, end)]);
    return true;
  }

  /** All fragments so far. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  finish(): void {
    this.streamId = 0;
    this.#bytes = EMPTY;
    this.#frames = 0;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
