import { givePiece, keepable } from '../../base/memory-pieces.ts';
import { ERROR, FLAG, FRAME, FRAME_HEAD, MAX_FRAME } from './codes.ts';
import type { Output } from './output.ts';

/** Who takes the frames that `FrameReader` cuts. */
export interface FrameSink {
  /** `buffer[start, end)` is the payload, valid only during the call. False: stop reading, the session is over. */
  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): boolean;
  /** A frame longer than SETTINGS_MAX_FRAME_SIZE (RFC 9113 4.2). Nothing more is read. */
  onOversize(type: number, streamId: number, length: number): void;
}

/** Cuts a byte stream into frames. Holds at most one incomplete frame (9 + 16,384 bytes), and nothing between frames. */
export class FrameReader {
  readonly #sink: FrameSink;
  #partial: Buffer | undefined;
  #held = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Bytes held of an incomplete frame. */
  get held(): number {
    return this.#held;
  }

  /** An incomplete frame that is not DATA (as far as it can be told). */
  get holdsHead(): boolean {
    return this.#held > 0 && (this.#held < 4 || this.#partial![3] !== FRAME.data);
  }

  /** False once the session is over. */
  push(buffer: Buffer, start: number, end: number): boolean {
    let at = start;
    if (this.#held > 0) {
      at = this.#complete(buffer, at, end);
      if (at === -1) return false;
      if (this.#held > 0) return true;
    }
    while (end - at >= FRAME_HEAD) {
      const length = payloadLength(buffer, at);
      if (length > MAX_FRAME) return this.#oversize(buffer, at, length);
      const next = at + FRAME_HEAD + length;
      if (next > end) break;
      if (!this.#emit(buffer, at, next)) return false;
      at = next;
    }
    if (at < end) this.#hold(buffer, at, end);
    return true;
  }

  /** Fills the held frame up; returns where reading goes on, or -1 when the session is over. */
  #complete(buffer: Buffer, start: number, end: number): number {
    let at = start;
    let partial = this.#partial!;
    if (this.#held < FRAME_HEAD) {
      at += this.#take(partial, buffer, at, end, FRAME_HEAD);
      if (this.#held < FRAME_HEAD) return at;
    }
    const length = payloadLength(partial, 0);
    if (length > MAX_FRAME) return this.#oversize(partial, 0, length) ? at : -1;
    const whole = FRAME_HEAD + length;
    if (partial.length < whole) {
      const larger = keepable(whole);
      partial.copy(larger, 0, 0, this.#held);
      partial = larger;
      this.#partial = larger;
    }
    at += this.#take(partial, buffer, at, end, whole);
    if (this.#held < whole) return at;
    this.#held = 0;
    this.#partial = undefined;
    const goesOn = this.#emit(partial, 0, whole);
    givePiece(partial);
    return goesOn ? at : -1;
  }

  #take(partial: Buffer, buffer: Buffer, at: number, end: number, until: number): number {
    const count = Math.min(until - this.#held, end - at);
    buffer.copy(partial, this.#held, at, at + count);
    this.#held += count;
    return count;
  }

  #hold(buffer: Buffer, at: number, end: number): void {
    const size = end - at >= FRAME_HEAD ? FRAME_HEAD + payloadLength(buffer, at) : FRAME_HEAD;
    this.#partial = keepable(size);
    this.#held = end - at;
    buffer.copy(this.#partial, 0, at, end);
  }

  #emit(buffer: Buffer, at: number, end: number): boolean {
    // The reserved bit is ignored (RFC 9113 4.1).
    const streamId = buffer.readUInt32BE(at + 5) & 0x7fffffff;
    return this.#sink.onFrame(buffer[at + 3]!, buffer[at + 4]!, streamId, buffer, at + FRAME_HEAD, end);
  }

  #oversize(buffer: Buffer, at: number, length: number): boolean {
    this.#sink.onOversize(buffer[at + 3]!, buffer.readUInt32BE(at + 5) & 0x7fffffff, length);
    return false;
  }
}

function payloadLength(buffer: Buffer, at: number): number {
  return (buffer[at]! << 16) | (buffer[at + 1]! << 8) | buffer[at + 2]!;
}

/** Writes a frame's head at `at` of `buffer`. */
export function putHead(
  buffer: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[at] = length >>> 16;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  putUint32(buffer, at + 5, streamId);
}

/** Any frame with a payload at hand; the payload is copied. */
export function writeFrame(
  out: Output,
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer,
  start = 0,
  end = payload.length,
): void {
  out.reserve(FRAME_HEAD + end - start);
  putHead(out.buffer, out.at, end - start, type, flags, streamId);
  payload.copy(out.buffer, out.at + FRAME_HEAD, start, end);
  out.at += FRAME_HEAD + end - start;
}

export function writeWindowUpdate(out: Output, streamId: number, increment: number): void {
  writeUint32Frame(out, FRAME.windowUpdate, streamId, increment);
}

export function writeReset(out: Output, streamId: number, code: number): void {
  writeUint32Frame(out, FRAME.rstStream, streamId, code);
}

export function writeSettings(out: Output, settings: readonly (readonly [id: number, value: number])[]): void {
  out.reserve(FRAME_HEAD + settings.length * 6);
  putHead(out.buffer, out.at, settings.length * 6, FRAME.settings, 0, 0);
  out.at += FRAME_HEAD;
  for (const [id, value] of settings) {
    out.buffer[out.at] = id >>> 8;
    out.buffer[out.at + 1] = id;
    putUint32(out.buffer, out.at + 2, value);
    out.at += 6;
  }
}

export function writeSettingsAck(out: Output): void {
  out.reserve(FRAME_HEAD);
  putHead(out.buffer, out.at, 0, FRAME.settings, FLAG.ack, 0);
  out.at += FRAME_HEAD;
}

/** `payload[start, start + 8)` is the opaque data. */
export function writePing(out: Output, ack: boolean, payload: Buffer, start: number): void {
  writeFrame(out, FRAME.ping, ack ? FLAG.ack : 0, 0, payload, start, start + 8);
}

/** `debug` is latin1 text, cut at 1,024 characters. */
export function writeGoaway(out: Output, lastStreamId: number, code: number = ERROR.noError, debug = ''): void {
  const payload = Buffer.alloc(8 + Math.min(debug.length, 1_024));
  putUint32(payload, 0, lastStreamId);
  putUint32(payload, 4, code);
  payload.write(debug, 8, 'latin1');
  writeFrame(out, FRAME.goaway, 0, 0, payload);
}

function writeUint32Frame(out: Output, type: number, streamId: number, value: number): void {
  out.reserve(FRAME_HEAD + 4);
  putHead(out.buffer, out.at, 4, type, 0, streamId);
  putUint32(out.buffer, out.at + FRAME_HEAD, value);
  out.at += FRAME_HEAD + 4;
}

function putUint32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}
