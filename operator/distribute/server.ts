import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Clock, Timer } from '../../proxy/base/clock.ts';
import { HeddleError } from '../../proxy/base/errors.ts';
import { MAX_MESSAGE_BYTES, MAX_PROXY_MESSAGE_BYTES, type OperatorMessage } from '../../proxy/contract/stream.ts';
import { encodeFrame, FRAME_HEAD_BYTES, FrameReader } from './framing.ts';
import type { Wire, WireReceiver } from './wire.ts';

/** A stream that was ended must be taken by its peer within this time. */
const END_MS = 2_000;

/**
 * `Wire` over one HTTP/2 request: answers 200 at once, then frames both ways. What is queued is bounded by the callers, who
 * send only while `writable` (welcome, ping and goaway are small and few).
 */
export class Http2Wire implements Wire {
  readonly peerIdentity: string;
  readonly peer: string;
  readonly #stream: ServerHttp2Stream;
  readonly #clock: Clock;
  readonly #frames = new FrameReader(MAX_PROXY_MESSAGE_BYTES);
  #receiver: WireReceiver | undefined;
  #endTimer: Timer | undefined;
  #ended = false;
  #closed = false;

  constructor(stream: ServerHttp2Stream, peerIdentity: string, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.peerIdentity = peerIdentity;
    const socket = stream.session?.socket;
    this.peer = `${socket?.remoteAddress ?? 'unknown'}:${socket?.remotePort ?? 0}`;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('drain', () => this.#receiver?.onWritable());
    stream.on('end', () => this.end());
    stream.on('error', () => this.#close());
    stream.on('close', () => this.#close());
    stream.pause();
    stream.respond({
      [constants.HTTP2_HEADER_STATUS]: 200,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/heddle-stream',
    });
  }

  get receiver(): WireReceiver | undefined {
    return this.#receiver;
  }

  set receiver(receiver: WireReceiver | undefined) {
    this.#receiver = receiver;
    if (receiver !== undefined) this.#stream.resume();
  }

  get writable(): boolean {
    return !this.#ended && !this.#closed && !this.#stream.destroyed && !this.#stream.writableNeedDrain;
  }

  send(message: OperatorMessage): void {
    if (this.#ended || this.#closed || this.#stream.destroyed) return;
    this.#stream.write(encodeFrame(JSON.stringify(message), MAX_MESSAGE_BYTES));
  }

  sendShared(head: string, tail: Buffer): void {
    if (this.#ended || this.#closed || this.#stream.destroyed) return;
    const length = Buffer.byteLength(head) + tail.length;
    if (length > MAX_MESSAGE_BYTES) {
      throw new HeddleError(
        'message_too_large',
        `a message of ${length} bytes exceeds the limit of ${MAX_MESSAGE_BYTES}`,
      );
    }
    const start = Buffer.allocUnsafe(FRAME_HEAD_BYTES + length - tail.length);
    start.writeUInt32BE(length, 0);
    start.write(head, FRAME_HEAD_BYTES, 'utf8');
    // Corked: one frame goes out as one write; the tail is not copied for each proxy.
    this.#stream.cork();
    this.#stream.write(start);
    this.#stream.write(tail);
    this.#stream.uncork();
  }

  pauseReading(): void {
    this.#stream.pause();
  }

  resumeReading(): void {
    if (!this.#closed) this.#stream.resume();
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#stream.end();
    this.#stream.resume();
    this.#endTimer = this.#clock.after(END_MS, () => this.#stream.destroy());
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      for (const text of this.#frames.push(chunk)) this.#receiver?.onMessage(text);
    } catch (error) {
      this.#receiver?.onBroken(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endTimer?.clear();
    if (!this.#stream.destroyed) this.#stream.destroy();
    this.#receiver?.onClose();
  }
}
