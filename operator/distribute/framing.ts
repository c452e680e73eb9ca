import { HeddleError } from '../../proxy/base/errors.ts';

/** Length prefix of a frame: 4 bytes, big endian. */
export const FRAME_HEAD_BYTES = 4;

/** One frame: the length, then the JSON text. Throws where the text is longer than `limit` bytes. */
export function encodeFrame(text: string, limit: number): Buffer {
  const length = Buffer.byteLength(text);
  if (length > limit) {
    throw new HeddleError('message_too_large', `a message of ${length} bytes exceeds the limit of ${limit}`);
  }
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, FRAME_HEAD_BYTES, 'utf8');
  return frame;
}

/**
 * Cuts a byte stream into JSON texts. Holds at most one message of `limit` bytes, in one buffer that grows with what has
 * really arrived (never with what is announced); a longer length is refused when its four bytes are read.
 */
export class FrameReader {
  readonly #limit: number;
  #buffer = Buffer.allocUnsafeSlow(1024);
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that wait for the rest of their message. */
  get held(): number {
    return this.#held;
  }

  /** Copies a chunk; returns the messages that are complete now. Throws `HeddleError` `message_too_large` or `malformed`. */
  push(chunk: Buffer): string[] {
    const messages: string[] = [];
    let bytes = chunk;
    if (this.#held > 0) {
      this.#append(chunk);
      bytes = this.#buffer.subarray(0, this.#held);
    }
    let at = 0;
    for (let length = this.#lengthAt(bytes, at); length !== undefined; length = this.#lengthAt(bytes, at)) {
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > bytes.length) break;
      messages.push(decodeUtf8(bytes.subarray(at + FRAME_HEAD_BYTES, end)));
      at = end;
    }
    this.#keep(bytes.subarray(at));
    return messages;
  }

  #lengthAt(bytes: Buffer, at: number): number | undefined {
    if (bytes.length - at < FRAME_HEAD_BYTES) return undefined;
    const length = bytes.readUInt32BE(at);
    if (length > this.#limit) {
      throw new HeddleError(
        'message_too_large',
        `the peer announces a message of ${length} bytes; at most ${this.#limit} are taken`,
      );
    }
    if (length === 0) throw new HeddleError('malformed', 'the peer sent an empty message');
    return length;
  }

  #append(chunk: Buffer): void {
    this.#reserve(this.#held + chunk.length);
    chunk.copy(this.#buffer, this.#held);
    this.#held += chunk.length;
  }

  #keep(rest: Buffer): void {
    if (rest.buffer === this.#buffer.buffer && rest.byteOffset === this.#buffer.byteOffset) return;
    this.#held = 0;
    if (rest.length === 0) return;
    if (rest.buffer !== this.#buffer.buffer) this.#reserve(rest.length);
    rest.copy(this.#buffer, 0);
    this.#held = rest.length;
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#held);
    this.#buffer = larger;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new HeddleError('malformed', 'the peer sent a message that is not UTF-8', { cause });
  }
}
