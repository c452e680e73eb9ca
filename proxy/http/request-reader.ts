import { HeadEnd } from './head-end.ts';
import { parseRequestHead, type ReceivedRequest } from './head-parser.ts';
import type { HttpLimits } from './limits.ts';

/** Reads one request head from bytes that come in pieces. */
export class RequestReader {
  /** Set when `read` found a whole head. */
  head: ReceivedRequest | undefined;
  readonly #headEnd = new HeadEnd();
  readonly #limits: HttpLimits;
  #emptyLineSkipped = false;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  reset(): void {
    this.head = undefined;
    this.#emptyLineSkipped = false;
    this.#headEnd.reset();
  }

  /** Position after what was used; equal to `at` when more bytes are needed. Throws `ProtocolError`. */
  read(buffer: Buffer, at: number, end: number): number {
    // RFC 9112, 2.2: an empty line before the request line is skipped; one is enough for the clients that send it.
    if (!this.#emptyLineSkipped && buffer[at] === 13) {
      if (end - at === 1) return at;
      if (buffer[at + 1] === 10) {
        this.#emptyLineSkipped = true;
        return at + 2;
      }
    }
    const headEnd = this.#headEnd.find(buffer, at, end, this.#limits);
    if (headEnd === -1) return at;
    this.head = parseRequestHead(buffer, at, headEnd, this.#limits, this.#headEnd.text);
    return headEnd;
  }
}
