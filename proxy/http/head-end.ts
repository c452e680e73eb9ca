import type { HttpLimits } from './limits.ts';
import { malformed, tooLarge } from './protocol-error.ts';

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
/** Beyond this many bytes after `end`, a view costs less than a search that runs over what the buffer holds of earlier reads. */
const SMALL_REST = 4_096;
/** A head nearly always comes whole and is smaller: so many bytes are decoded to look for its end, and what was decoded is what is parsed. */
const AT_ONCE = 2_048;

/**
 * Finds the end of a head that arrives in pieces, in linear time: `offset`s are relative to the head's first byte, so
 * the pieces may move between calls.
 */
export class HeadEnd {
  /** Latin1 text from the first byte of the head that `find` found, maybe with bytes behind it; undefined: it was found in another way. */
  text: string | undefined;
  /** Bytes already looked at. */
  #seen = 0;
  /** Of the start line, once its end was seen; -1 before. */
  #lineBytes = -1;

  reset(): void {
    this.text = undefined;
    this.#seen = 0;
    this.#lineBytes = -1;
  }

  /**
   * Position after the empty line in `buffer[start, end)`, or -1 when it is not there yet. Throws `ProtocolError` as soon as
   * the part cannot become a head within the limits any more, so that nobody waits for a time-out to learn it.
   */
  find(buffer: Buffer, start: number, end: number, limits: HttpLimits): number {
    const seen = this.#seen;
    const at = seen === 0 ? this.#first(buffer, start, end) : search(buffer, start + Math.max(0, seen - 3), end);
    if (at !== -1) return at + 4;
    this.#checkPart(buffer, start, end, limits);
    this.#seen = end - start;
    return -1;
  }

  #first(buffer: Buffer, start: number, end: number): number {
    const text = buffer.toString('latin1', start, Math.min(end, start + AT_ONCE));
    const at = text.indexOf('\r\n\r\n');
    if (at === -1) return end - start > AT_ONCE ? search(buffer, start + AT_ONCE - 3, end) : -1;
    this.text = text;
    return start + at;
  }

  #checkPart(buffer: Buffer, start: number, end: number, limits: HttpLimits): void {
    for (let index = start + this.#seen; index < end; index++) {
      const code = buffer[index] ?? 0;
      if (code > 31 && code !== 127) {
        if (index > start && buffer[index - 1] === 13) throw malformed('CR alone in a head');
      } else {
        checkControl(buffer, start, index, code);
        if (code === 10 && this.#lineBytes === -1) this.#lineBytes = index - start - 1;
      }
    }
    const size = end - start;
    // Before its CRLF is there, the last byte may be the CR.
    const lineBytes = this.#lineBytes === -1 ? size - 1 : this.#lineBytes;
    if (lineBytes > limits.startLineBytes) {
      throw tooLarge(414, `the start line is longer than ${limits.startLineBytes} bytes`);
    }
    if (size >= limits.headBytes) throw tooLarge(431, `the head is larger than ${limits.headBytes} bytes`);
  }
}

function search(buffer: Buffer, from: number, end: number): number {
  if (buffer.length - end > SMALL_REST) {
    const at = buffer.subarray(from, end).indexOf(HEAD_END);
    return at === -1 ? -1 : from + at;
  }
  const at = buffer.indexOf(HEAD_END, from);
  return at === -1 || at + 4 > end ? -1 : at;
}

function checkControl(buffer: Buffer, start: number, index: number, code: number): void {
  const afterReturn = index > start && buffer[index - 1] === 13;
  if (code === 10 ? !afterReturn : afterReturn) throw malformed('CR or LF alone in a head');
  if (code !== 10 && code !== 13 && code !== 9) throw malformed('a head holds a control character');
}
