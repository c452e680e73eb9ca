import { DEFAULT_TABLE, DEFAULT_WINDOW, ERROR, errorName, FLAG, FRAME, MAX_WINDOW, SETTING } from './codes.ts';
import { FieldBlock } from './field-block.ts';
import { ReceiveWindow } from './flow.ts';
import { type FrameSink, writePing, writeReset, writeSettingsAck, writeWindowUpdate } from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { RateMeter } from './rate-limit.ts';
import type { Session } from './session.ts';
import type { SessionLimits } from './session-options.ts';
import { checkSetting, readSettings } from './settings.ts';
import type { Stream, StreamReceiver } from './stream.ts';

/** Peers that announce no limit on streams get this one from us. */
const DEFAULT_PEER_STREAMS = 4_096;

/** The reading half of a session: judges every frame. The paragraph of RFC 9113 stands beside its branch. */
export class FrameReceiver implements FrameSink {
  /** SETTINGS of the peer. */
  peerInitialWindow = DEFAULT_WINDOW;
  peerMaxStreams = DEFAULT_PEER_STREAMS;
  peerMaxHeaderList = Number.POSITIVE_INFINITY;
  /** Highest stream of the peer that we looked at. */
  lastPeerId = 0;
  readonly #session: Session;
  readonly #limits: SessionLimits;
  readonly #isServer: boolean;
  readonly #decoder: HpackDecoder;
  readonly #block: FieldBlock;
  readonly #window: ReceiveWindow;
  readonly #resets: RateMeter;
  readonly #control: RateMeter;
  readonly #idle: RateMeter;
  #settingsSeen = false;
  /** Bytes that paused streams hold, and credit that is kept back because of them. */
  #held = 0;
  #withheld = 0;

  constructor(session: Session) {
    const { limits, clock, role } = session.options;
    this.#session = session;
    this.#limits = limits;
    this.#isServer = role === 'server';
    this.#decoder = new HpackDecoder({ tableBytes: DEFAULT_TABLE, maxListBytes: limits.maxHeaderListBytes });
    this.#block = new FieldBlock(limits.maxHeaderListBytes);
    this.#window = new ReceiveWindow(Math.max(DEFAULT_WINDOW, limits.connectionWindow));
    this.#resets = new RateMeter(limits.resets, clock.now());
    this.#control = new RateMeter(limits.control, clock.now());
    this.#idle = new RateMeter(limits.idle, clock.now());
  }

  onFrame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.#settingsSeen && !this.#mayBeFirst(type, flags)) {
      // 3.4: the first frame is SETTINGS; the mesh lets a refusal come before it.
      this.#fail(ERROR.protocol, 'the first frame is not SETTINGS');
    } else if (this.#block.streamId !== 0 && (type !== FRAME.continuation || id !== this.#block.streamId)) {
      // 6.10: nothing may stand between HEADERS and its CONTINUATION
      this.#fail(ERROR.protocol, 'a frame inside a field block');
    } else {
      this.#dispatch(type, flags, id, buffer, start, end);
    }
    return !this.#session.lingering;
  }

  onOversize(type: number, id: number, length: number): void {
    this.#fail(ERROR.frameSize, `a frame of type ${type} on stream ${id} with ${length} bytes`);
  }

  /** Bytes taken into or out of memory for paused streams; credit that was kept back returns when there is room. */
  held(bytes: number): void {
    this.#held += bytes;
    if (bytes >= 0 || this.#withheld === 0 || this.#held > this.#limits.maxHeldBytes) return;
    const credit = this.#withheld;
    this.#withheld = 0;
    this.#credit(credit);
  }

  #mayBeFirst(type: number, flags: number): boolean {
    if (type === FRAME.settings) return (flags & FLAG.ack) === 0;
    return type === FRAME.goaway && !this.#isServer;
  }

  #dispatch(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    switch (type) {
      case FRAME.data:
        return this.#data(flags, id, buffer, start, end);
      case FRAME.headers:
        return this.#headers(flags, id, buffer, start, end);
      case FRAME.priority:
        return this.#priority(id, buffer, start, end);
      case FRAME.rstStream:
        return this.#rstStream(id, buffer, start, end);
      case FRAME.settings:
        return this.#settings(flags, id, buffer, start, end);
      case FRAME.pushPromise:
        // 8.4: a server never receives it; our client disabled it
        return this.#fail(ERROR.protocol, 'PUSH_PROMISE');
      case FRAME.ping:
        return this.#ping(flags, id, buffer, start, end);
      case FRAME.goaway:
        return this.#goaway(id, buffer, start, end);
      case FRAME.windowUpdate:
        return this.#windowUpdate(id, buffer, start, end);
      case FRAME.continuation:
        return this.#continuation(flags, buffer, start, end);
      default:
        // 4.1: unknown types are ignored
        if (this.#nothing()) this.#session.handler.onUnknownFrame?.(type, id, buffer, start, end);
    }
  }

  // ---- DATA, 6.1

  #data(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#fail(ERROR.protocol, 'DATA on stream 0');
    const size = end - start;
    const padded = (flags & FLAG.padded) !== 0;
    const padding = padded && size > 0 ? 1 + buffer[start]! : 0;
    if (padded && (size === 0 || padding > size))
      return this.#fail(ERROR.protocol, 'padding longer than the DATA frame');
    if (size > 0 && !this.#window.arrive(size))
      return this.#fail(ERROR.flowControl, 'more DATA than the connection window');
    const ended = (flags & FLAG.endStream) !== 0;
    if (size === 0 && !ended && !this.#nothing()) return;
    const stream = this.#session.streams.get(id);
    if (stream === undefined || stream.remoteClosed) this.#lateData(id, stream);
    else this.#streamData(stream, ended, buffer, padded ? start + 1 : start, padded ? end - padding + 1 : end, size);
    if (size > 0 && !this.#session.lingering) this.#credit(size);
  }

  #streamData(stream: Stream, ended: boolean, buffer: Buffer, start: number, end: number, size: number): undefined {
    // 6.9.1: the whole frame counts, padding included
    if (size > 0 && !stream.arrive(size))
      return this.#streamError(stream, ERROR.flowControl, 'more DATA than the stream window');
    const fault = stream.takeData(buffer, start, end, size - (end - start));
    if (fault !== undefined) return this.#streamError(stream, ERROR.protocol, fault);
    if (ended && !stream.closed) this.#end(stream);
  }

  /** DATA for a stream that cannot take it: 5.1. */
  #lateData(id: number, stream: Stream | undefined): undefined {
    if (stream !== undefined) return this.#streamError(stream, ERROR.streamClosed, 'DATA after END_STREAM');
    if (this.#isIdle(id)) return this.#fail(ERROR.protocol, 'DATA on an idle stream');
    this.#onClosed(id, 'DATA');
  }

  // ---- HEADERS and CONTINUATION, 6.2 and 6.10

  #headers(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#fail(ERROR.protocol, 'HEADERS on stream 0');
    let from = start;
    let to = end;
    if ((flags & FLAG.padded) !== 0) {
      if (from === to || buffer[from]! + 1 > to - from)
        return this.#fail(ERROR.protocol, 'padding longer than the HEADERS frame');
      to -= buffer[from]!;
      from += 1;
    }
    let selfDependent = false;
    if ((flags & FLAG.priority) !== 0) {
      if (to - from < 5) return this.#fail(ERROR.frameSize, 'HEADERS too short for its priority');
      // RFC 7540 5.3.1; RFC 9113 lets us ignore the rest
      selfDependent = (buffer.readUInt32BE(from) & 0x7fffffff) === id;
      from += 5;
    }
    this.#block.begin(id, (flags & FLAG.endStream) !== 0, selfDependent);
    if ((flags & FLAG.endHeaders) !== 0) this.#fieldSection(buffer, from, to);
    else this.#append(buffer, from, to);
  }

  #continuation(flags: number, buffer: Buffer, start: number, end: number): undefined {
    // 6.10: only after HEADERS without END_HEADERS
    if (this.#block.streamId === 0) return this.#fail(ERROR.protocol, 'CONTINUATION without HEADERS');
    if (!this.#append(buffer, start, end) || (flags & FLAG.endHeaders) === 0) return;
    const block = this.#block.bytes;
    this.#fieldSection(block, 0, block.length);
  }

  /** 10.5.1: the block is bounded, in bytes and in frames (CVE-2024-27316). */
  #append(buffer: Buffer, start: number, end: number): boolean {
    if (this.#block.append(buffer, start, end)) return true;
    this.#fail(ERROR.enhanceYourCalm, 'a field block that is too large or in too many frames');
    return false;
  }

  #fieldSection(buffer: Buffer, start: number, end: number): undefined {
    const { streamId: id, endStream, selfDependent } = this.#block;
    this.#block.finish();
    const list: string[] = [];
    const outcome = this.#decoder.decode(buffer, start, end, list);
    // 4.3
    if (outcome === 'broken') return this.#fail(ERROR.compression, this.#decoder.detail);
    const known = this.#session.streams.get(id);
    const stream = known ?? this.#newStream(id);
    if (stream === undefined) return;
    if (known?.remoteClosed === true) return this.#streamError(stream, ERROR.streamClosed, 'HEADERS after END_STREAM');
    if (selfDependent) return this.#streamError(stream, ERROR.protocol, 'a stream that depends on itself');
    // 8.2.1, 10.5.1
    if (outcome === 'malformed')
      return this.#streamError(stream, ERROR.protocol, 'a field with bytes that are not allowed');
    if (outcome === 'too_large')
      return this.#streamError(stream, ERROR.enhanceYourCalm, 'a header list that is too large');
    // 8.1: a server's peer sends one head; a second section is trailers and ends the stream
    if (known !== undefined && this.#isServer && !endStream)
      return this.#streamError(stream, ERROR.protocol, 'trailers without END_STREAM');
    if (known === undefined) this.#session.handler.onStream(stream);
    if (!stream.closed) stream.takeHeaders(list, endStream);
    if (endStream && !stream.closed) this.#end(stream);
  }

  /** 5.1.1: identifiers grow, and a client's are odd. Undefined: not to be looked at. */
  #newStream(id: number): Stream | undefined {
    if (!this.#isServer || (id & 1) === 0) {
      if (this.#isIdle(id)) this.#fail(ERROR.protocol, `HEADERS on stream ${id}, which the peer may not open`);
      else this.#onClosed(id, 'HEADERS');
      return undefined;
    }
    if (id <= this.lastPeerId) {
      this.#onClosed(id, 'HEADERS');
      return undefined;
    }
    // 6.8: above the last stream of our GOAWAY: ignored, the peer knows that it is unprocessed
    if (id > this.#session.lastAccepted) return undefined;
    this.lastPeerId = id;
    if (this.#session.streams.size < this.#limits.maxStreams) return this.#session.accept(id, NOBODY);
    // 5.1.2
    this.#reset(id, ERROR.refusedStream);
    this.#session.endings.remember(id, 'reset-by-us');
    return undefined;
  }

  #end(stream: Stream): undefined {
    const fault = stream.takeEnd();
    if (fault !== undefined) this.#streamError(stream, ERROR.protocol, fault);
  }

  // ---- the small ones

  /** 6.3; ignored but for its form. RFC 7540 5.3.1: no stream depends on itself. */
  #priority(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#fail(ERROR.protocol, 'PRIORITY on stream 0');
    if (end - start !== 5) return this.#streamErrorById(id, ERROR.frameSize, 'PRIORITY that is not 5 bytes long');
    if ((buffer.readUInt32BE(start) & 0x7fffffff) === id) {
      return this.#streamErrorById(id, ERROR.protocol, 'a stream that depends on itself');
    }
    this.#nothing();
  }

  /** 6.4 */
  #rstStream(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#fail(ERROR.protocol, 'RST_STREAM on stream 0');
    if (end - start !== 4) return this.#fail(ERROR.frameSize, 'RST_STREAM that is not 4 bytes long');
    if (this.#isIdle(id)) return this.#fail(ERROR.protocol, 'RST_STREAM on an idle stream');
    if (!this.#countReset()) return;
    const stream = this.#session.streams.get(id);
    if (stream === undefined) return;
    this.#session.forget(stream, 'reset-by-peer', false);
    stream.receiver.onReset({ by: 'peer', code: buffer.readUInt32BE(start) });
  }

  /** 6.5 */
  #settings(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id !== 0) return this.#fail(ERROR.protocol, 'SETTINGS on a stream');
    const size = end - start;
    if ((flags & FLAG.ack) !== 0) {
      if (size !== 0) this.#fail(ERROR.frameSize, 'a SETTINGS acknowledgement with a payload');
      return;
    }
    if (size % 6 !== 0) return this.#fail(ERROR.frameSize, 'SETTINGS whose length is not a multiple of 6');
    if (!this.#countControl()) return;
    const settings = readSettings(buffer, start, end);
    for (const [name, value] of settings) {
      if (!this.#applySetting(name, value)) return;
    }
    writeSettingsAck(this.#session.sender.out);
    this.#session.sender.kick();
    if (this.#settingsSeen) return;
    this.#settingsSeen = true;
    this.#session.handler.onSettings(settings);
  }

  #applySetting(id: number, value: number): boolean {
    const fault = checkSetting(id, value, !this.#isServer);
    if (fault !== undefined) {
      this.#fail(fault.code, fault.detail);
      return false;
    }
    if (id === SETTING.maxConcurrentStreams) this.peerMaxStreams = value;
    else if (id === SETTING.maxHeaderListSize) this.peerMaxHeaderList = value;
    else if (id === SETTING.headerTableSize) this.#session.sender.encoder.peerTableSize(value);
    else if (id === SETTING.initialWindowSize) return this.#initialWindow(value);
    return true;
  }

  /** 6.9.2: open streams change by the difference. */
  #initialWindow(value: number): boolean {
    const difference = value - this.peerInitialWindow;
    this.peerInitialWindow = value;
    for (const stream of this.#session.streams.values()) {
      if (stream.grant(difference)) continue;
      this.#fail(ERROR.flowControl, 'a window above 2^31-1 by SETTINGS');
      return false;
    }
    return true;
  }

  /** 6.7 */
  #ping(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id !== 0) return this.#fail(ERROR.protocol, 'PING on a stream');
    if (end - start !== 8) return this.#fail(ERROR.frameSize, 'PING that is not 8 bytes long');
    if (!this.#countControl()) return;
    if ((flags & FLAG.ack) !== 0) {
      this.#session.pingAnswered(buffer, start);
      return;
    }
    writePing(this.#session.sender.out, true, buffer, start);
    this.#session.sender.kick();
  }

  /** 6.8 */
  #goaway(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id !== 0) return this.#fail(ERROR.protocol, 'GOAWAY on a stream');
    if (end - start < 8) return this.#fail(ERROR.frameSize, 'GOAWAY shorter than 8 bytes');
    if (!this.#countControl()) return;
    const lastStreamId = buffer.readUInt32BE(start) & 0x7fffffff;
    const code = buffer.readUInt32BE(start + 4);
    const debug = buffer.toString('latin1', start + 8, Math.min(end, start + 8 + 1_024));
    const text = `${this.#session.options.peer} is going away (${errorName(code)})`;
    this.#session.handler.onGoaway({ lastStreamId, code, debug });
    if (!this.#session.lingering) this.#session.peerGoesAway(lastStreamId, text);
  }

  /** 6.9 */
  #windowUpdate(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (end - start !== 4) return this.#fail(ERROR.frameSize, 'WINDOW_UPDATE that is not 4 bytes long');
    const increment = buffer.readUInt32BE(start) & MAX_WINDOW;
    if (id === 0) {
      if (increment === 0) return this.#fail(ERROR.protocol, 'WINDOW_UPDATE of 0');
      if (!this.#session.sender.grant(increment)) this.#fail(ERROR.flowControl, 'a connection window above 2^31-1');
      return;
    }
    if (this.#isIdle(id)) return this.#fail(ERROR.protocol, 'WINDOW_UPDATE on an idle stream');
    const stream = this.#session.streams.get(id);
    if (stream === undefined) return;
    if (increment === 0) return this.#streamError(stream, ERROR.protocol, 'WINDOW_UPDATE of 0');
    if (!stream.grant(increment)) this.#streamError(stream, ERROR.flowControl, 'a stream window above 2^31-1');
  }

  // ---- errors and counts

  /** Whether the stream was never opened. We keep the ids that we opened in the session; the peer's are below `lastPeerId`. */
  #isIdle(id: number): boolean {
    return ((id & 1) === 1) === this.#isServer ? id > this.lastPeerId : !this.#session.wasOpened(id);
  }

  /** 5.1, closed: late frames are ignored when we reset the stream, else they are errors. The field block was decoded. */
  #onClosed(id: number, what: string): undefined {
    const ending = this.#session.endings.find(id);
    if (ending === 'reset-by-us' || ending === 'forgotten') return;
    if (ending === 'reset-by-peer') return this.#streamErrorById(id, ERROR.streamClosed, `${what} after RST_STREAM`);
    // 5.1.1: an identifier below the highest that was never used
    if (ending === 'never') return this.#fail(ERROR.protocol, `${what} on stream ${id}, below the highest one`);
    this.#fail(ERROR.streamClosed, `${what} on stream ${id}, which ended`);
  }

  #streamError(stream: Stream, code: number, detail: string): undefined {
    this.#session.forget(stream, 'reset-by-us', false);
    this.#reset(stream.id, code);
    stream.receiver.onReset({ by: 'local', code, detail: `${this.#session.options.peer} sent ${detail}` });
  }

  #streamErrorById(id: number, code: number, detail: string): undefined {
    const stream = this.#session.streams.get(id);
    if (stream !== undefined) this.#streamError(stream, code, detail);
    else this.#reset(id, code);
  }

  /** 5.4.2: RST_STREAM for an error of the peer's. Counted, or a peer could make us write without end. */
  #reset(id: number, code: number): undefined {
    writeReset(this.#session.sender.out, id, code);
    this.#session.sender.kick();
    this.#countReset();
  }

  #fail(code: number, detail: string): undefined {
    this.#session.fail(code, detail, 'peer-error');
  }

  #credit(bytes: number): undefined {
    if (this.#held > this.#limits.maxHeldBytes) {
      this.#withheld += bytes;
      return;
    }
    const increment = this.#window.consume(bytes);
    if (increment === 0) return;
    writeWindowUpdate(this.#session.sender.out, 0, increment);
    this.#session.sender.kick();
  }

  #countReset(): boolean {
    return this.#count(this.#resets, 'too many resets');
  }

  #countControl(): boolean {
    if (this.#session.sender.pending > this.#limits.maxPendingBytes) {
      this.#fail(ERROR.enhanceYourCalm, 'asks and does not read');
      return false;
    }
    return this.#count(this.#control, 'too many SETTINGS, PING or GOAWAY');
  }

  #nothing(): boolean {
    return this.#count(this.#idle, 'too many frames that carry nothing');
  }

  #count(meter: RateMeter, detail: string): boolean {
    if (meter.count(this.#session.options.clock.now())) return true;
    // 10.5
    this.#fail(ERROR.enhanceYourCalm, detail);
    return false;
  }
}

const NOBODY: StreamReceiver = { onHeaders() {}, onData() {}, onEnd() {}, onDrain() {}, onReset() {} };
