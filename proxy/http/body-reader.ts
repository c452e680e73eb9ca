import { type ChunkEvent, ChunkedReader } from './chunked.ts';
import type { HttpLimits } from './limits.ts';
import type { Framing, HeaderList } from './message.ts';

/** Reads a body of any framing; used like `ChunkedReader`. */
export class BodyReader {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  readonly #framing: Framing;
  readonly #chunked: ChunkedReader | undefined;
  #remaining: number;

  constructor(framing: Framing, length: number, limits: HttpLimits) {
    this.#framing = framing;
    this.#remaining = length;
    this.#chunked = framing === 'chunked' ? new ChunkedReader(limits) : undefined;
  }

  get trailers(): HeaderList | undefined {
    return this.#chunked?.trailers;
  }

  /** Bytes that are still to come; infinite where the framing does not tell. */
  get remaining(): number {
    return this.#framing === 'length' ? this.#remaining : Number.POSITIVE_INFINITY;
  }

  /** The peer's end of its direction completes this body (RFC 9112, 6.3 item 8); any other is incomplete by it (8). */
  get endsWithClose(): boolean {
    return this.#framing === 'close' || this.#framing === 'tunnel';
  }

  /** Nothing more belongs to this body (a chunked one says so by the event `end`). */
  get complete(): boolean {
    return this.#framing === 'length' && this.#remaining === 0;
  }

  read(buffer: Buffer, start: number, end: number): ChunkEvent {
    // RFC 9112, 6.3 item 4 and 7.1
    if (this.#chunked !== undefined) return this.#readChunked(this.#chunked, buffer, start, end);
    // RFC 9112, 6.3 item 6
    if (this.#framing === 'length') return this.#readLength(start, end);
    // 6.3 items 2 and 8: until the peer ends its direction
    return this.#take(start, end);
  }

  #readChunked(reader: ChunkedReader, buffer: Buffer, start: number, end: number): ChunkEvent {
    const event = reader.read(buffer, start, end);
    this.position = reader.position;
    this.dataStart = reader.dataStart;
    this.dataEnd = reader.dataEnd;
    return event;
  }

  #readLength(start: number, end: number): ChunkEvent {
    if (this.#remaining === 0) {
      this.position = start;
      return 'end';
    }
    const taken = Math.min(this.#remaining, end - start);
    this.#remaining -= taken;
    return this.#take(start, start + taken);
  }

  #take(start: number, end: number): ChunkEvent {
    this.position = end;
    if (start === end) return 'more';
    this.dataStart = start;
    this.dataEnd = end;
    return 'data';
  }
}
