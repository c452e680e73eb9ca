import { HeddleError } from '../base/errors.ts';
import { MAX_MESSAGE_BYTES } from '../contract/stream.ts';

const HEAD_BYTES = 4;

/** One message of the configuration stream: 4 bytes length, then JSON. */
export function encodeFrame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message), 'utf8');
  const frame = Buffer.allocUnsafe(HEAD_BYTES + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, HEAD_BYTES);
  return frame;
}

/**
 * Cuts a byte stream into messages. Pieces are kept in a list and joined once, when the message is complete: linear, however
 * small the pieces. Throws `HeddleError` code `stream` on a message that is too large or not JSON.
 */
export class FrameReader {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #size = 0;
  /** Length of the message being read; -1 while its head is incomplete. */
  #expected = -1;

  constructor(maxBytes: number = MAX_MESSAGE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer, onMessage: (message: unknown) => void): void {
    this.#pieces.push(chunk);
    this.#size += chunk.length;
    for (;;) {
      if (this.#expected < 0) {
        if (this.#size < HEAD_BYTES) return;
        this.#expected = this.#take(HEAD_BYTES).readUInt32BE(0);
        if (this.#expected > this.#maxBytes) {
          throw new HeddleError('stream', `a message of ${this.#expected} bytes is larger than ${this.#maxBytes}`);
        }
      }
      if (this.#size < this.#expected) return;
      const body = this.#take(this.#expected);
      this.#expected = -1;
      onMessage(parse(body));
    }
  }

  #take(bytes: number): Buffer {
    const first = this.#pieces[0];
    const all = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces);
    const rest = all.subarray(bytes);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    return all.subarray(0, bytes);
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new HeddleError('stream', 'a message is not JSON', { cause });
  }
}
