import { parseTrailers } from './head-parser.ts';
import type { HttpLimits } from './limits.ts';
import type { HeaderList } from './message.ts';
import { malformed, tooLarge } from './protocol-error.ts';

/** `more`: all bytes are used up; `data`: `dataStart`, `dataEnd` say where a piece of the body stands; `end`: the body is complete. */
export type ChunkEvent = 'more' | 'data' | 'end';

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'done';

/** 13 hexadecimal digits stay below 2^53. */
const SIZE_DIGITS = 13;
/** A message may carry this much chunk overhead in extensions beyond 16 bytes a chunk and twice its data (as Go's net/http counts). */
const EXCESS_BYTES = 16_384;

/**
 * Reads a chunked body (RFC 9112, 7.1) from pieces cut anywhere: `read` returns one event a call and leaves `position` after
 * what it used. Extensions are bounded and dropped. No lenience: CRLF only, no white space around the size.
 */
export class ChunkedReader {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  trailers: HeaderList | undefined;
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  #extension = 0;
  #excess = 0;
  #trailer: Buffer | undefined;
  #trailerBytes = 0;
  readonly #limits: HttpLimits;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  read(buffer: Buffer, start: number, end: number): ChunkEvent {
    let at = start;
    while (at < end) {
      if (this.#state === 'data') return this.#takeData(at, end);
      if (this.#state === 'done') break;
      this.#step(buffer[at++] ?? 0);
    }
    this.position = at;
    return this.#state === 'done' ? 'end' : 'more';
  }

  #takeData(at: number, end: number): ChunkEvent {
    const taken = Math.min(this.#size, end - at);
    this.#size -= taken;
    if (this.#size === 0) this.#state = 'data-cr';
    this.dataStart = at;
    this.dataEnd = this.position = at + taken;
    return 'data';
  }

  #step(code: number): void {
    switch (this.#state) {
      case 'size':
        this.#inSize(code);
        return;
      case 'extension':
        this.#inExtension(code);
        return;
      // 2.2 lets a recipient take LF alone for the end of a line; we do so nowhere: it could be read in two ways.
      case 'size-lf':
        if (code !== 10) throw malformed('a chunk size is not followed by CRLF');
        this.#sizeDone();
        return;
      // 7.1: chunk-data CRLF
      case 'data-cr':
        if (code !== 13) throw malformed('a chunk is not followed by CRLF');
        this.#state = 'data-lf';
        return;
      case 'data-lf':
        if (code !== 10) throw malformed('a chunk is not followed by CRLF');
        this.#state = 'size';
        return;
      default:
        this.#inTrailer(code);
        return;
    }
  }

  /** 7.1: chunk-size is 1*HEXDIG, and a recipient must not let a large one overflow. */
  #inSize(code: number): void {
    const digit = hexDigit(code);
    if (digit !== -1) {
      if (++this.#digits > SIZE_DIGITS) throw malformed('a chunk size has too many digits');
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw malformed('a chunk has no size');
    if (code === 13) this.#state = 'size-lf';
    else if (code === 59) this.#state = 'extension';
    else throw malformed('a chunk size is not a hexadecimal number');
  }

  /** 7.1.1: an extension that is not understood is ignored; its size is bounded. */
  #inExtension(code: number): void {
    if (code === 13) {
      this.#state = 'size-lf';
      return;
    }
    if ((code < 32 && code !== 9) || code === 127) throw malformed('a chunk extension holds a control character');
    if (++this.#extension > this.#limits.chunkExtensionBytes) throw malformed('a chunk extension is too long');
  }

  /** 7.1: a size of 0 is the last chunk; trailers follow. */
  #sizeDone(): void {
    this.#excess = Math.max(0, this.#excess + this.#digits + this.#extension + 2 - 16 - 2 * this.#size);
    if (this.#excess > EXCESS_BYTES) throw malformed('the chunks carry more overhead than data');
    this.#state = this.#size === 0 ? 'trailer' : 'data';
    this.#digits = 0;
    this.#extension = 0;
  }

  /** 7.1.2: collects until an empty line. CR and LF are checked here, so nothing waits for bytes that cannot mend it. */
  #inTrailer(code: number): void {
    const before = this.#trailerBytes === 0 ? 0 : this.#trailerByte(1);
    if ((code === 10) !== (before === 13)) throw malformed('CR or LF alone in a trailer section');
    this.#keepTrailer(code);
    if (code !== 10) return;
    const empty = this.#trailerBytes === 2 || this.#trailerByte(3) === 10;
    if (empty) this.#finish();
  }

  #trailerByte(back: number): number {
    return this.#trailer?.[this.#trailerBytes - back] ?? 0;
  }

  #keepTrailer(code: number): void {
    if (this.#trailerBytes >= this.#limits.trailerBytes) {
      throw tooLarge(431, `the trailer section is larger than ${this.#limits.trailerBytes} bytes`);
    }
    this.#trailer ??= Buffer.allocUnsafe(64);
    if (this.#trailerBytes === this.#trailer.length) {
      const larger = Buffer.allocUnsafe(this.#trailer.length * 2);
      this.#trailer.copy(larger);
      this.#trailer = larger;
    }
    this.#trailer[this.#trailerBytes++] = code;
  }

  #finish(): void {
    this.#state = 'done';
    if (this.#trailerBytes > 2 && this.#trailer !== undefined) {
      const trailers = parseTrailers(this.#trailer, 0, this.#trailerBytes, this.#limits);
      if (trailers.length > 0) this.trailers = trailers;
    }
    this.#trailer = undefined;
  }
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const folded = code | 32;
  return folded >= 97 && folded <= 102 ? folded - 87 : -1;
}
