import type { Timer } from '../../base/clock.ts';
import type { Transport, TransportReceiver } from '../../base/transport.ts';
import { ClosedStreams } from './closed-streams.ts';
import { DEFAULT_WINDOW, ERROR, errorName, MAX_STREAM_ID, PREFACE, SETTING } from './codes.ts';
import { GrowthPool } from './flow.ts';
import {
  FrameReader,
  writeFrame,
  writeGoaway,
  writePing,
  writeReset,
  writeSettings,
  writeWindowUpdate,
} from './frames.ts';
import { Keepalive } from './keepalive.ts';
import { FrameReceiver } from './receiver.ts';
import { Sender } from './sender.ts';
import type { SessionHost } from './session-host.ts';
import type { SessionEnd, SessionHandler, SessionOptions } from './session-options.ts';
import { Stream, type StreamEnd, type StreamHost, type StreamReceiver } from './stream.ts';
import { StreamTable } from './stream-table.ts';

/** How long a session that is over still reads, so that the peer can read our GOAWAY before the connection is reset, ms. */
const LINGER_MS = 1_000;
/** Opaque data of the PING that measures when the peer has seen our GOAWAY. */
const DRAIN_PING: Buffer = Buffer.from('heddle:d', 'latin1');
const ALIVE_PING: Buffer = Buffer.from('heddle:a', 'latin1');

/**
 * One HTTP/2 connection, either role (RFC 9113). Knows frames, streams and bounds; not what a request is. Construct, then
 * `start`. What the peer sends is judged in `receiver.ts`; what we send leaves through `sender.ts`.
 */
export class Session implements TransportReceiver, StreamHost, SessionHost {
  readonly options: SessionOptions;
  readonly handler: SessionHandler;
  readonly sender: Sender;
  readonly growth: GrowthPool;
  readonly maxStreamWindow: number;
  readonly streams = new StreamTable<Stream>();
  readonly endings = new ClosedStreams();
  readonly #transport: Transport;
  readonly #reader: FrameReader;
  readonly #receiver: FrameReceiver;
  readonly #keepalive: Keepalive | undefined;
  #state: 'open' | 'draining' | 'lingering' | 'closed' = 'open';
  #end: SessionEnd | undefined;
  #linger: Timer | undefined;
  #nextId = 1;
  /** Streams of the peer above this are not looked at: set by our last GOAWAY. */
  #lastAccepted = MAX_STREAM_ID;
  #prefaceSeen: number;

  constructor(transport: Transport, options: SessionOptions, handler: SessionHandler) {
    this.#transport = transport;
    this.options = options;
    this.handler = handler;
    this.sender = new Sender(transport, options.defer);
    this.growth = new GrowthPool(options.limits.growthBytes);
    this.maxStreamWindow = options.limits.maxStreamWindow;
    this.#receiver = new FrameReceiver(this);
    this.#reader = new FrameReader(this.#receiver);
    this.#prefaceSeen = options.role === 'server' ? 0 : PREFACE.length;
    if (options.keepalive !== undefined) this.#keepalive = new Keepalive(this, options.clock, options.keepalive);
  }

  /** Sends preface and SETTINGS and begins to read. */
  start(): void {
    const { role, limits, extraSettings = [] } = this.options;
    if (role === 'client') this.sender.out.copy(PREFACE);
    writeSettings(this.sender.out, [
      role === 'client' ? [SETTING.enablePush, 0] : [SETTING.maxConcurrentStreams, limits.maxStreams],
      [SETTING.maxHeaderListSize, limits.maxHeaderListBytes],
      ...extraSettings,
    ]);
    const more = limits.connectionWindow - DEFAULT_WINDOW;
    if (more > 0) writeWindowUpdate(this.sender.out, 0, more);
    this.sender.kick();
    this.#keepalive?.start();
    this.#transport.receiver = this;
  }

  get state(): 'open' | 'draining' | 'closed' {
    return this.#state === 'lingering' ? 'closed' : this.#state;
  }

  get active(): number {
    return this.streams.size;
  }

  /** How many streams we may still open now. */
  get capacity(): number {
    if (this.#state !== 'open') return 0;
    return Math.max(
      0,
      Math.min(this.#receiver.control.peerMaxStreams - this.streams.size, (MAX_STREAM_ID - this.#nextId) >> 1),
    );
  }

  /** SETTINGS_MAX_HEADER_LIST_SIZE of the peer. */
  get peerMaxHeaderList(): number {
    return this.#receiver.control.peerMaxHeaderList;
  }

  get lastAccepted(): number {
    return this.#lastAccepted;
  }

  /**
   * Something that is not a body has begun and is not complete: preface, SETTINGS, a field section, a control frame. The number is the same as long
   * as nothing was completed since; -1: nothing is open.
   */
  get unfinished(): number {
    if (this.lingering) return -1;
    const open = this.#prefaceSeen < PREFACE.length || !this.#receiver.control.settingsSeen;
    return open || this.#reader.holdsHead || this.#receiver.insideBlock ? this.#receiver.completed : -1;
  }

  get lingering(): boolean {
    return this.#state === 'lingering' || this.#state === 'closed';
  }

  /** Client: opens a stream with its first field section. Ask `capacity` first. */
  open(list: readonly string[], end: boolean, receiver: StreamReceiver): Stream {
    const stream = new Stream(this.#nextId, this, receiver, this.#receiver.control.peerInitialWindow);
    this.#nextId += 2;
    this.streams.add(stream);
    stream.sendHeaders(list, end);
    return stream;
  }

  /** An extension frame on stream 0 (RFC 9113 5.5). */
  extension(type: number, payload: Buffer): void {
    writeFrame(this.sender.out, type, 0, 0, payload);
    this.sender.kick();
  }

  /** Writes now instead of at the end of the turn. */
  flush(): void {
    this.sender.flush();
  }

  /**
   * Takes nothing new and closes when the last stream ended. A server first announces it and waits until the peer must
   * have heard (a PING's answer), serving what was sent meanwhile: nothing is lost (RFC 9113 6.8).
   */
  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    writeGoaway(this.sender.out, this.options.role === 'server' ? MAX_STREAM_ID : 0, ERROR.noError);
    if (this.options.role === 'server') writePing(this.sender.out, false, DRAIN_PING, 0);
    else this.#lastAccepted = 0;
    this.sender.kick();
    this.#closeIfDrained();
  }

  /** The peer sent GOAWAY: what it will not look at ends as unprocessed, the rest goes on (RFC 9113 6.8). */
  peerGoesAway(lastStreamId: number, detail: string): void {
    for (const stream of this.streams.all()) {
      if (this.#isOurs(stream.id) && stream.id > lastStreamId)
        this.#drop(stream, { by: 'connection', unprocessed: true, detail });
    }
    if (this.#state === 'open') this.#state = 'draining';
    if (this.options.role === 'client') this.#lastAccepted = 0;
    this.#closeIfDrained();
  }

  ping(): void {
    writePing(this.sender.out, false, ALIVE_PING, 0);
    this.sender.kick();
  }

  /** The peer answered a PING. */
  pingAnswered(payload: Buffer, start: number): void {
    if (this.#lastAccepted !== MAX_STREAM_ID || payload.compare(DRAIN_PING, 0, 8, start, start + 8) !== 0) return;
    if (this.#state !== 'draining') return;
    this.#lastAccepted = this.#receiver.lastPeerId;
    writeGoaway(this.sender.out, this.#lastAccepted, ERROR.noError);
    this.sender.kick();
    this.#closeIfDrained();
  }

  /** A connection error (RFC 9113 5.4.1), or the owner's refusal: GOAWAY, then the connection closes. `debug` is told to the peer. */
  fail(code: number, debug: string, by: SessionEnd['by'] = 'our-error'): void {
    if (this.lingering) return;
    writeGoaway(this.sender.out, this.#receiver.lastPeerId, code, debug);
    this.#over({ by, code, detail: `${errorName(code)}: ${debug}` });
  }

  /** Instead of `start`: tells a peer that was never accepted why, and closes. */
  refuse(code: number, debug: string): void {
    this.#transport.receiver = this;
    this.fail(code, debug);
  }

  /** Closes at once; streams that run fail. */
  close(debug = ''): void {
    this.fail(ERROR.noError, debug, 'graceful');
  }

  /** The connection is dead: nothing can be told to the peer. */
  abort(end: SessionEnd): void {
    if (this.#state === 'closed') return;
    this.#end ??= end;
    this.#dropAll(this.#end.detail);
    this.#transport.destroy(true);
  }

  // ---- TransportReceiver

  onData(buffer: Buffer, start: number, end: number): void {
    this.#keepalive?.heard();
    if (this.lingering) return;
    let at = start;
    if (this.#prefaceSeen < PREFACE.length) {
      at = this.#preface(buffer, start, end);
      if (at === -1) return;
    }
    this.#reader.push(buffer, at, end);
  }

  onEnd(): void {
    if (this.#state === 'lingering') {
      this.#transport.destroy();
      return;
    }
    const graceful = this.streams.size === 0;
    this.#end ??= {
      by: graceful ? 'graceful' : 'transport',
      code: 0,
      detail: `${this.options.peer} ended the connection`,
    };
    this.#dropAll(this.#end.detail);
    this.#state = 'lingering';
    this.sender.flush();
    this.#transport.end();
    this.#startLinger();
  }

  onDrain(): void {
    this.sender.drained();
  }

  onClose(error?: Error): void {
    if (this.#state === 'closed') return;
    const cause = error === undefined ? '' : `: ${error.message}`;
    this.#end ??= { by: 'transport', code: 0, detail: `the connection to ${this.options.peer} was closed${cause}` };
    this.#state = 'closed';
    this.#linger?.clear();
    this.#keepalive?.stop();
    this.#dropAll(this.#end.detail);
    this.handler.onClose(this.#end);
  }

  // ---- StreamHost

  abandon(stream: Stream, code: number): void {
    writeReset(this.sender.out, stream.id, code);
    this.sender.kick();
    this.forget(stream, 'reset-by-us', false);
  }

  completed(stream: Stream): void {
    this.forget(stream, 'ended', true);
  }

  windowUpdate(stream: Stream, increment: number): void {
    writeWindowUpdate(this.sender.out, stream.id, increment);
    this.sender.kick();
  }

  holding(bytes: number): void {
    this.#receiver.held(bytes);
  }

  // ---- for receiver.ts

  /** A new stream of the peer's; the handler is told when its field section is in order. */
  accept(id: number, receiver: StreamReceiver): Stream {
    const stream = new Stream(id, this, receiver, this.#receiver.control.peerInitialWindow);
    this.streams.add(stream);
    return stream;
  }

  /** The stream leaves the session. */
  forget(stream: Stream, ending: 'ended' | 'reset-by-us' | 'reset-by-peer', keepHeld: boolean): void {
    if (!this.streams.delete(stream.id)) return;
    this.endings.remember(stream.id, ending);
    stream.release(keepHeld);
    this.handler.onCapacity?.();
    if (this.#state === 'draining') this.#closeIfDrained();
    else if (this.#state === 'open' && this.streams.size === 0) this.handler.onIdle?.();
  }

  /** Whether we opened this stream. */
  wasOpened(id: number): boolean {
    return this.#isOurs(id) && this.options.role === 'client' && id < this.#nextId;
  }

  #isOurs(id: number): boolean {
    return (id & 1) === (this.options.role === 'client' ? 1 : 0);
  }

  #drop(stream: Stream, end: StreamEnd): void {
    this.forget(stream, 'reset-by-peer', false);
    stream.receiver.onReset(end);
  }

  #dropAll(detail: string): void {
    for (const stream of this.streams.all()) {
      this.streams.delete(stream.id);
      stream.release(false);
      stream.receiver.onReset({ by: 'connection', unprocessed: false, detail });
    }
  }

  #closeIfDrained(): void {
    if (this.#state !== 'draining' || this.streams.size > 0) return;
    // A server waits for the answer to its PING: requests may still be on their way.
    if (this.options.role === 'server' && this.#lastAccepted === MAX_STREAM_ID) return;
    this.#over({ by: 'graceful', code: 0, detail: 'drained' });
  }

  #over(end: SessionEnd): void {
    this.#end ??= end;
    this.#state = 'lingering';
    this.#dropAll(this.#end.detail);
    this.sender.flush();
    this.#transport.end();
    this.#startLinger();
  }

  #startLinger(): void {
    this.#keepalive?.stop();
    this.#linger = this.options.clock.after(LINGER_MS, () => this.#transport.destroy());
  }

  /** RFC 9113 3.4: anything but the preface is a connection error PROTOCOL_ERROR. */
  #preface(buffer: Buffer, start: number, end: number): number {
    const count = Math.min(PREFACE.length - this.#prefaceSeen, end - start);
    if (PREFACE.compare(buffer, start, start + count, this.#prefaceSeen, this.#prefaceSeen + count) !== 0) {
      this.fail(ERROR.protocol, 'not an HTTP/2 preface', 'peer-error');
      return -1;
    }
    this.#prefaceSeen += count;
    return start + count;
  }
}
