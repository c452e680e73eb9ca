import { givePiece, keepable } from '../../base/memory-pieces.ts';
import { DEFAULT_WINDOW, ERROR, MAX_WINDOW } from './codes.ts';
import { type GrowthPool, ReceiveWindow } from './flow.ts';
import type { Sender, SendingStream } from './sender.ts';

/** Why a stream ended before it was complete. `local`: we found the peer's error, or the session's owner closed it. */
export type StreamEnd =
  | { readonly by: 'peer'; readonly code: number }
  | { readonly by: 'local'; readonly code: number; readonly detail: string }
  /** The connection ended. `unprocessed`: the peer said or it is certain that it did not look at this stream (RFC 9113 6.8). */
  | { readonly by: 'connection'; readonly unprocessed: boolean; readonly detail: string };

/** Who consumes a stream. `buffer[start, end)` is valid only during the call. */
export interface StreamReceiver {
  /** Each field section: 1xx, the head, trailers; bytes of names and values are checked, their meaning is not. `end`: END_STREAM was set; `onEnd` follows. */
  onHeaders(list: string[], end: boolean): void;
  onData(buffer: Buffer, start: number, end: number): void;
  onEnd(): void;
  /** `write` may go on. */
  onDrain(): void;
  /** Last call. */
  onReset(end: StreamEnd): void;
}

/** What a stream needs of its session. */
export interface StreamHost {
  readonly sender: Sender;
  readonly growth: GrowthPool;
  readonly maxStreamWindow: number;
  /** Sends RST_STREAM and forgets the stream. */
  abandon(stream: Stream, code: number): void;
  /** Both directions ended. */
  completed(stream: Stream): void;
  windowUpdate(stream: Stream, increment: number): void;
  /** Bytes of paused streams that are held in memory: positive when taken in, negative when delivered or dropped. */
  holding(bytes: number): void;
}

/** Queued bytes above which `write` answers false, and below which `onDrain` follows. One read of 64 KiB may come on top: a thousand slow readers of one callee cost it 80 MiB. */
const QUEUE_HIGH = 32_768;
const QUEUE_LOW = 16_384;

type Held = Buffer | { readonly list: string[]; readonly end: boolean } | 'end';

/** One stream of a session. States: RFC 9113 5.1; idle streams have no object. */
export class Stream implements SendingStream {
  readonly id: number;
  receiver: StreamReceiver;
  /** Bytes the peer lets us send (may be negative after a SETTINGS change, RFC 9113 6.9.2). */
  sendWindow: number;
  /** Whether the sender has it in its list. */
  inTurn = false;
  localClosed = false;
  remoteClosed = false;
  /** Complete or reset: nothing is sent or received any more. */
  closed = false;
  /** A server that answered completely lets the rest of the request go: RST_STREAM NO_ERROR after END_STREAM (RFC 9113 8.1). */
  stopAfterEnd = false;
  readonly #host: StreamHost;
  /** Made when something waits: most streams never hold anything. */
  #queue: Buffer[] | undefined;
  #queued = 0;
  #ending: 'no' | 'end' | string[] = 'no';
  #full = false;
  #window: ReceiveWindow | undefined;
  #expected = -1;
  #received = 0;
  #paused = false;
  #pausedSinceUpdate = false;
  #held: Held[] | undefined;
  #delivering = false;
  /** Reset: nothing is delivered any more. */
  #dropped = false;

  constructor(id: number, host: StreamHost, receiver: StreamReceiver, sendWindow: number) {
    this.id = id;
    this.#host = host;
    this.receiver = receiver;
    this.sendWindow = sendWindow;
  }

  get state(): 'open' | 'half-closed (local)' | 'half-closed (remote)' | 'closed' {
    if (this.closed) return 'closed';
    if (this.localClosed) return 'half-closed (local)';
    return this.remoteClosed ? 'half-closed (remote)' : 'open';
  }

  // ---- sending

  /** A field section that is not trailers. `end`: END_STREAM. */
  sendHeaders(list: readonly string[], end: boolean): void {
    if (this.closed || this.localClosed || this.#ending !== 'no') return;
    this.#host.sender.headers(this.id, list, end);
    if (end) this.#closeLocal();
  }

  /** Copies `buffer[start, end)`. False: wait for `onDrain`. */
  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.closed || this.localClosed || this.#ending !== 'no') return true;
    let at = start;
    if (this.#queued === 0) at += this.#host.sender.direct(this, buffer, start, end);
    if (at === end) return true;
    const rest = keepable(end - at);
    buffer.copy(rest, 0, at, end);
    this.#queue ??= [];
    this.#queue.push(rest);
    this.#queued += rest.length;
    if (this.sendWindow > 0) this.#host.sender.enqueue(this);
    this.#full ||= this.#queued >= QUEUE_HIGH;
    return !this.#full;
  }

  /** Ends our direction after what is queued. */
  end(trailers?: string[]): void {
    if (this.closed || this.localClosed || this.#ending !== 'no') return;
    this.#ending = trailers === undefined || trailers.length === 0 ? 'end' : trailers;
    if (this.#queued === 0) this.finish();
  }

  /** Ends both directions at once. The receiver hears nothing more. */
  reset(code: number): void {
    if (!this.closed) this.#host.abandon(this, code);
    this.#dropped = true;
    this.#dropHeld();
  }

  /** Queued bytes. */
  get queued(): number {
    return this.#queued;
  }

  get nextChunk(): Buffer | undefined {
    return this.#queue?.[0];
  }

  /** The sender took `bytes` of `nextChunk`. */
  sent(bytes: number): void {
    const queue = this.#queue!;
    const chunk = queue[0]!;
    if (bytes === chunk.length) givePiece(queue.shift()!);
    else queue[0] = chunk.subarray(bytes);
    this.#queued -= bytes;
    if (this.#full && this.#queued <= QUEUE_LOW) {
      this.#full = false;
      this.receiver.onDrain();
    }
  }

  /** Sends the end, if it is due. */
  finish(): void {
    if (this.#ending === 'no' || this.localClosed || this.closed) return;
    if (this.#ending === 'end') this.#host.sender.endStream(this);
    else this.#host.sender.headers(this.id, this.#ending, true);
    this.#closeLocal();
  }

  /** WINDOW_UPDATE or a changed SETTINGS_INITIAL_WINDOW_SIZE; false: above 2^31-1 (RFC 9113 6.9.1). */
  grant(increment: number): boolean {
    if (this.sendWindow + increment > MAX_WINDOW) return false;
    this.sendWindow += increment;
    if (this.sendWindow > 0 && this.#queued > 0) this.#host.sender.enqueue(this);
    return true;
  }

  #closeLocal(): void {
    this.localClosed = true;
    if (this.remoteClosed) this.#host.completed(this);
    else if (this.stopAfterEnd) this.#host.abandon(this, ERROR.noError);
  }

  // ---- receiving

  /** The body must have exactly this many bytes (RFC 9113 8.1.1). */
  expect(bytes: number): void {
    this.#expected = bytes;
  }

  pause(): void {
    this.#paused = true;
    this.#pausedSinceUpdate = true;
  }

  resume(): void {
    this.#paused = false;
    if (!this.#delivering) this.#deliver();
  }

  /** Counts DATA against the window; `bytes` includes padding. False: FLOW_CONTROL_ERROR. */
  arrive(bytes: number): boolean {
    this.#window ??= new ReceiveWindow(DEFAULT_WINDOW);
    return this.#window.arrive(bytes);
  }

  /** Takes DATA in; a text says how the peer broke RFC 9113 8.1.1. */
  takeData(buffer: Buffer, start: number, end: number, padding: number): string | undefined {
    this.#received += end - start;
    if (this.#expected !== -1 && this.#received > this.#expected) return 'more DATA than Content-Length says';
    if (padding > 0) this.#consumed(padding);
    if (start === end) return undefined;
    if (this.#mustHold()) {
      const copy = keepable(end - start);
      buffer.copy(copy, 0, start, end);
      this.#hold(copy);
      this.#host.holding(copy.length);
      return undefined;
    }
    this.receiver.onData(buffer, start, end);
    this.#consumed(end - start);
    return undefined;
  }

  takeHeaders(list: string[], end: boolean): void {
    if (this.#dropped) return;
    if (end ? this.#mustHold() : this.#holds) this.#hold({ list, end });
    else this.receiver.onHeaders(list, end);
  }

  /**
   * END_STREAM arrived and what came with it was delivered; a text says how the peer broke RFC 9113 8.1.1. `remoteClosed`
   * is set before that delivery, so that who answers within it does not take the stream for half open.
   */
  takeEnd(): string | undefined {
    if (this.#dropped) return undefined;
    if (this.#expected !== -1 && this.#received !== this.#expected) return 'fewer DATA than Content-Length says';
    if (this.localClosed && !this.closed) this.#host.completed(this);
    if (this.#mustHold()) this.#hold('end');
    else this.receiver.onEnd();
    return undefined;
  }

  /** Forgets what is queued and held, and gives borrowed credit back; the host calls it when the stream leaves. */
  release(keepHeld: boolean): void {
    this.closed = true;
    this.#queue = undefined;
    this.#queued = 0;
    this.#window?.release(this.#host.growth);
    if (keepHeld) return;
    this.#dropped = true;
    this.#dropHeld();
  }

  #dropHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    for (const item of held) if (Buffer.isBuffer(item)) this.#host.holding(-item.length);
  }

  #mustHold(): boolean {
    return this.#paused || this.#holds;
  }

  get #holds(): boolean {
    return this.#held !== undefined && this.#held.length > 0;
  }

  #hold(item: Held): void {
    this.#held ??= [];
    this.#held.push(item);
  }

  #deliver(): void {
    this.#delivering = true;
    // What is delivered may drop the rest.
    while (!this.#paused && this.#holds) {
      const item = this.#held!.shift()!;
      if (item === 'end') this.receiver.onEnd();
      else if (Buffer.isBuffer(item)) this.#deliverData(item);
      else this.receiver.onHeaders(item.list, item.end);
    }
    this.#delivering = false;
  }

  #deliverData(chunk: Buffer): void {
    this.#host.holding(-chunk.length);
    this.receiver.onData(chunk, 0, chunk.length);
    this.#consumed(chunk.length);
    givePiece(chunk);
  }

  /** The consumer took `bytes`: credit goes back, and a consumer that kept pace gets a larger window. */
  #consumed(bytes: number): void {
    if (this.closed || this.remoteClosed || this.#window === undefined) return;
    const increment = this.#window.consume(bytes);
    if (increment === 0) return;
    this.#host.windowUpdate(this, increment);
    if (!this.#pausedSinceUpdate) this.#window.grow(this.#host.growth, this.#host.maxStreamWindow);
    this.#pausedSinceUpdate = this.#paused;
  }
}
