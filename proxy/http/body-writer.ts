import { trailerText } from './head-writer.ts';
import type { Framing, HeaderList } from './message.ts';
import type { Output } from './output.ts';

/** Writes a body in its framing. `false` from `accepts` and `finish` mean that the caller breaks the length that its head promised. */
export class BodyWriter {
  readonly kind: Framing;
  readonly #output: Output;
  #remaining: number;

  constructor(output: Output, kind: Framing, length: number) {
    this.#output = output;
    this.kind = kind;
    this.#remaining = length;
  }

  /** RFC 9112, 6.3 item 6: exactly as many bytes as Content-Length says. */
  accepts(bytes: number): boolean {
    return this.kind !== 'length' || bytes <= this.#remaining;
  }

  /** False: the transport is full. */
  write(buffer: Buffer, start: number, end: number): boolean {
    // An empty chunk would end a chunked body (RFC 9112, 7.1).
    if (start === end) return !this.#output.blocked;
    if (this.kind === 'chunked') {
      this.#output.text(`${(end - start).toString(16)}\r\n`);
      this.#output.bytes(buffer, start, end);
      this.#output.text('\r\n');
      return !this.#output.blocked;
    }
    this.#remaining -= end - start;
    return this.#output.bytes(buffer, start, end);
  }

  /** Trailers go out only where the framing has a place for them (RFC 9112, 7.1.2). */
  finish(trailers: HeaderList | undefined): boolean {
    if (this.kind === 'chunked') {
      this.#output.text(trailers === undefined ? '0\r\n\r\n' : trailerText(trailers));
    }
    return this.kind !== 'length' || this.#remaining === 0;
  }
}
