import { writePiece } from '../../base/memory-pieces.ts';
import type { Transport } from '../../base/transport.ts';
import { atRoundEnd } from '../../base/turn.ts';
import { DEFAULT_WINDOW, FLAG, FRAME, FRAME_HEAD, MAX_FRAME, MAX_WINDOW } from './codes.ts';
import type { Defer } from './defer.ts';
import { putHead } from './frames.ts';
import { HpackEncoder, hpackBound } from './hpack-encoder.ts';
import { Output } from './output.ts';

/** DATA collected before one write; more waits in the streams' queues so that they take turns. */
const HIGH_WATER = 65_536;
/** Most of a body in one DATA frame: with its head it fills a TLS record, so that the peer's reads end where frames do and none has to be put together. */
const MAX_DATA = MAX_FRAME - FRAME_HEAD;

/** What the sender knows of a stream. */
export interface SendingStream {
  readonly id: number;
  /** Bytes the peer lets us send (may be negative after a SETTINGS change, RFC 9113 6.9.2). */
  sendWindow: number;
  /** Whether the sender has it in its list. */
  inTurn: boolean;
  readonly closed: boolean;
  /** Bytes that wait. */
  readonly queued: number;
  readonly nextChunk: Buffer | undefined;
  /** The sender took `bytes` of `nextChunk`. */
  sent(bytes: number): void;
  /** Nothing is queued any more: sends the end when it is due. */
  finish(): void;
}

/** The writing half of a session: collects frames, gives streams with data turns, writes once per event-loop turn. */
export class Sender {
  readonly out = new Output();
  readonly encoder = new HpackEncoder();
  /** HEADERS and DATA frames sent: what a peer may have reason to answer with WINDOW_UPDATE. */
  messages = 0;
  /** DATA frames sent so far. */
  dataFrames = 0;
  readonly #transport: Transport;
  readonly #defer: Defer;
  /** What the peer lets us send on the connection (RFC 9113 6.9). */
  #window = DEFAULT_WINDOW;
  /** Streams with queued data that their own window lets go, in turn. */
  #ready: SendingStream[] = [];
  #blocked = false;
  #scheduled = false;
  /** Where the DATA frame that was written last starts, while nothing follows it: END_STREAM can still be set on it. */
  #lastDataAt = -1;
  #lastDataEnd = -1;
  #lastDataStream: SendingStream | undefined;

  constructor(transport: Transport, defer: Defer = atRoundEnd) {
    this.#transport = transport;
    this.#defer = defer;
  }

  /** Bytes that wait in this process. */
  get pending(): number {
    return this.out.length + this.#transport.pending;
  }

  /** Call after writing to `out`. */
  kick(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** Writes what is collected, and as much queued data as one turn may carry. */
  flush(): void {
    if (!this.#blocked) this.#pump();
    this.#lastDataStream = undefined;
    if (this.out.length > 0) this.out.take(this.#write);
    if (this.#ready.length > 0 && !this.#blocked && this.#window > 0) this.kick();
  }

  readonly #write = (piece: Buffer, bytes: number): void => {
    if (!writePiece(this.#transport, piece, bytes)) this.#blocked = true;
  };

  /** The transport takes more. */
  drained(): void {
    this.#blocked = false;
    if (this.#ready.length > 0) this.flush();
  }

  /** The peer granted more on the connection; false: more than 2^31-1 (RFC 9113 6.9.1). */
  grant(increment: number): boolean {
    if (this.#window + increment > MAX_WINDOW) return false;
    this.#window += increment;
    if (this.#ready.length > 0) this.kick();
    return true;
  }

  /** HEADERS, and CONTINUATION when the block is longer than a frame (RFC 9113 6.2, 6.10). */
  headers(streamId: number, list: readonly string[], endStream: boolean): void {
    this.messages++;
    const bound = hpackBound(list);
    const flags = endStream ? FLAG.endStream : 0;
    if (bound > MAX_FRAME) {
      this.#longHeaders(streamId, list, bound, flags);
    } else {
      this.out.reserve(FRAME_HEAD + bound);
      const head = this.out.at;
      const end = this.encoder.encode(list, this.out.buffer, head + FRAME_HEAD);
      putHead(this.out.buffer, head, end - head - FRAME_HEAD, FRAME.headers, flags | FLAG.endHeaders, streamId);
      this.out.at = end;
    }
    this.#lastDataStream = undefined;
    this.kick();
  }

  #longHeaders(streamId: number, list: readonly string[], bound: number, flags: number): void {
    const block = Buffer.allocUnsafeSlow(bound);
    const length = this.encoder.encode(list, block, 0);
    for (let at = 0; at < length || at === 0; at += MAX_FRAME) {
      const size = Math.min(MAX_FRAME, length - at);
      this.out.reserve(FRAME_HEAD + size);
      const last = at + size === length ? FLAG.endHeaders : 0;
      putHead(
        this.out.buffer,
        this.out.at,
        size,
        at === 0 ? FRAME.headers : FRAME.continuation,
        (at === 0 ? flags : 0) | last,
        streamId,
      );
      block.copy(this.out.buffer, this.out.at + FRAME_HEAD, at, at + size);
      this.out.at += FRAME_HEAD + size;
    }
  }

  /** Sends of `buffer[start, end)` what may go at once, nobody else waiting; returns how much. The rest belongs into the stream's queue. */
  direct(stream: SendingStream, buffer: Buffer, start: number, end: number): number {
    if (this.#blocked || this.#ready.length > 0) return 0;
    let at = start;
    while (at < end && this.out.length < HIGH_WATER) {
      const size = Math.min(end - at, MAX_DATA, this.#window, stream.sendWindow);
      if (size <= 0) break;
      this.#data(stream, buffer, at, at + size);
      at += size;
    }
    return at - start;
  }

  /** END_STREAM: on the DATA frame that was just written if it is this stream's, else on an empty one. */
  endStream(stream: SendingStream): void {
    if (this.#lastDataStream === stream && this.out.at === this.#lastDataEnd) {
      this.out.buffer[this.#lastDataAt + 4]! |= FLAG.endStream;
      this.#lastDataStream = undefined;
      return;
    }
    this.out.reserve(FRAME_HEAD);
    putHead(this.out.buffer, this.out.at, 0, FRAME.data, FLAG.endStream, stream.id);
    this.out.at += FRAME_HEAD;
    this.kick();
  }

  /** The stream has queued data and window, or only its end to send. */
  enqueue(stream: SendingStream): void {
    if (stream.inTurn) return;
    stream.inTurn = true;
    this.#ready.push(stream);
    if (!this.#blocked) this.kick();
  }

  /** One frame a stream and round, until the turn is full (RFC 9113 leaves the order to us). */
  #pump(): void {
    while (this.#ready.length > 0 && this.out.length < HIGH_WATER) {
      const round = this.#ready;
      this.#ready = [];
      let index = 0;
      for (; index < round.length && this.out.length < HIGH_WATER; index++) this.#turnOf(round[index]!);
      if (index < round.length) this.#ready = round.slice(index).concat(this.#ready);
      if (this.#window === 0) return;
    }
  }

  #turnOf(stream: SendingStream): void {
    stream.inTurn = false;
    if (stream.closed) return;
    const chunk = stream.nextChunk;
    if (chunk !== undefined) {
      const size = Math.min(chunk.length, MAX_DATA, this.#window, stream.sendWindow);
      if (size > 0) {
        this.#data(stream, chunk, 0, size);
        stream.sent(size);
      } else if (stream.sendWindow > 0) {
        // Waits for the connection's window, first in turn.
        stream.inTurn = true;
        this.#ready.push(stream);
        return;
      }
    }
    if (stream.closed) return;
    if (stream.queued === 0) stream.finish();
    else if (stream.sendWindow > 0) this.enqueue(stream);
  }

  #data(stream: SendingStream, buffer: Buffer, start: number, end: number): void {
    const size = end - start;
    this.messages++;
    this.out.reserve(FRAME_HEAD + size);
    this.#lastDataAt = this.out.at;
    putHead(this.out.buffer, this.out.at, size, FRAME.data, 0, stream.id);
    buffer.copy(this.out.buffer, this.out.at + FRAME_HEAD, start, end);
    this.out.at += FRAME_HEAD + size;
    this.#lastDataEnd = this.out.at;
    this.#lastDataStream = stream;
    this.dataFrames++;
    this.#window -= size;
    stream.sendWindow -= size;
    this.kick();
  }
}
