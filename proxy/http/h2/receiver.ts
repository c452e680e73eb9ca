import { DEFAULT_TABLE, DEFAULT_WINDOW, ERROR, FLAG, FRAME, MAX_WINDOW } from './codes.ts';
import { ControlFrames } from './control-frames.ts';
import { FieldBlock } from './field-block.ts';
import { ReceiveWindow } from './flow.ts';
import { type FrameSink, writeWindowUpdate } from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { PeerFaults } from './peer-faults.ts';
import type { SessionHost } from './session-host.ts';
import type { SessionLimits } from './session-options.ts';
import type { Stream, StreamReceiver } from './stream.ts';

/** The reading half of a session: judges every frame. The paragraph of RFC 9113 stands beside its branch. */
export class FrameReceiver implements FrameSink {
  readonly control: ControlFrames;
  /** Frames, and field sections as a whole, that were received so far. */
  completed = 0;
  /** Highest stream of the peer that we looked at. */
  lastPeerId = 0;
  readonly #session: SessionHost;
  readonly #faults: PeerFaults;
  readonly #limits: SessionLimits;
  readonly #isServer: boolean;
  readonly #decoder: HpackDecoder;
  readonly #block: FieldBlock;
  readonly #window: ReceiveWindow;
  /** Bytes that paused streams hold, and credit that is kept back because of them. */
  #held = 0;
  #withheld = 0;
  /** WINDOW_UPDATE frames so far. */
  #updates = 0;

  constructor(session: SessionHost) {
    const { limits, role } = session.options;
    this.#session = session;
    this.#faults = new PeerFaults(session);
    this.control = new ControlFrames(session, this.#faults);
    this.#limits = limits;
    this.#isServer = role === 'server';
    this.#decoder = new HpackDecoder({ tableBytes: DEFAULT_TABLE, maxListBytes: limits.maxHeaderListBytes });
    // A head that is to be answered must be read to its end: a block twice as large as its list may be is taken, a larger one ends the connection.
    this.#block = new FieldBlock(limits.maxHeaderListBytes * (session.handler.onOversizeHead === undefined ? 1 : 2));
    this.#window = new ReceiveWindow(Math.max(DEFAULT_WINDOW, limits.connectionWindow));
  }

  /** Between HEADERS and the last CONTINUATION. */
  get insideBlock(): boolean {
    return this.#block.streamId !== 0;
  }

  onFrame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.control.settingsSeen && !this.#mayBeFirst(type, flags)) {
      // 3.4: the first frame is SETTINGS. To a client a GOAWAY may come before it: so the mesh refuses (wire.md).
      this.#faults.fail(ERROR.protocol, 'the first frame is not SETTINGS');
    } else if (this.#block.streamId !== 0 && (type !== FRAME.continuation || id !== this.#block.streamId)) {
      // 6.10: nothing may stand between HEADERS and its CONTINUATION
      this.#faults.fail(ERROR.protocol, 'a frame inside a field block');
    } else {
      this.#dispatch(type, flags, id, buffer, start, end);
      if (this.#block.streamId === 0) this.completed++;
    }
    return !this.#session.lingering;
  }

  onOversize(type: number, id: number, length: number): void {
    this.#faults.fail(ERROR.frameSize, `a frame of type ${type} on stream ${id} with ${length} bytes`);
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
        return this.control.settings(flags, id, buffer, start, end);
      case FRAME.pushPromise:
        // 8.4: a server never receives it; our client disabled it
        return this.#faults.fail(ERROR.protocol, 'PUSH_PROMISE');
      case FRAME.ping:
        return this.control.ping(flags, id, buffer, start, end);
      case FRAME.goaway:
        return this.control.goaway(id, buffer, start, end);
      case FRAME.windowUpdate:
        return this.#windowUpdate(id, buffer, start, end);
      case FRAME.continuation:
        return this.#continuation(flags, buffer, start, end);
      default:
        // 4.1: unknown types are ignored
        if (this.#faults.countIdle()) this.#session.handler.onUnknownFrame?.(type, id, buffer, start, end);
    }
  }

  // ---- DATA, 6.1

  #data(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#faults.fail(ERROR.protocol, 'DATA on stream 0');
    const size = end - start;
    const padded = (flags & FLAG.padded) !== 0;
    const padding = padded && size > 0 ? 1 + buffer[start]! : 0;
    if (padded && (size === 0 || padding > size))
      return this.#faults.fail(ERROR.protocol, 'padding longer than the DATA frame');
    if (size > 0 && !this.#window.arrive(size))
      return this.#faults.fail(ERROR.flowControl, 'more DATA than the connection window');
    const ended = (flags & FLAG.endStream) !== 0;
    if (size === 0 && !ended && !this.#faults.countIdle()) return;
    const stream = this.#session.streams.get(id);
    if (stream === undefined || stream.remoteClosed) this.#lateData(id, stream);
    else this.#streamData(stream, ended, buffer, padded ? start + 1 : start, padded ? end - padding + 1 : end, size);
    if (size > 0 && !this.#session.lingering) this.#credit(size);
  }

  #streamData(stream: Stream, ended: boolean, buffer: Buffer, start: number, end: number, size: number): undefined {
    // 6.9.1: the whole frame counts, padding included
    if (size > 0 && !stream.arrive(size))
      return this.#faults.streamError(stream, ERROR.flowControl, 'more DATA than the stream window');
    stream.remoteClosed = ended;
    const fault = stream.takeData(buffer, start, end, size - (end - start));
    if (fault !== undefined) return this.#faults.streamError(stream, ERROR.protocol, fault);
    if (ended) this.#end(stream);
  }

  /** DATA for a stream that cannot take it: 5.1. */
  #lateData(id: number, stream: Stream | undefined): undefined {
    if (stream !== undefined) return this.#faults.streamError(stream, ERROR.streamClosed, 'DATA after END_STREAM');
    if (this.#isIdle(id)) return this.#faults.fail(ERROR.protocol, 'DATA on an idle stream');
    this.#faults.late(id, 'DATA');
  }

  // ---- HEADERS and CONTINUATION, 6.2 and 6.10

  #headers(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#faults.fail(ERROR.protocol, 'HEADERS on stream 0');
    let from = start;
    let to = end;
    if ((flags & FLAG.padded) !== 0) {
      if (from === to || buffer[from]! + 1 > to - from)
        return this.#faults.fail(ERROR.protocol, 'padding longer than the HEADERS frame');
      to -= buffer[from]!;
      from += 1;
    }
    let selfDependent = false;
    if ((flags & FLAG.priority) !== 0) {
      if (to - from < 5) return this.#faults.fail(ERROR.frameSize, 'HEADERS too short for its priority');
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
    if (this.#block.streamId === 0) return this.#faults.fail(ERROR.protocol, 'CONTINUATION without HEADERS');
    if (!this.#append(buffer, start, end) || (flags & FLAG.endHeaders) === 0) return;
    const block = this.#block.bytes;
    this.#fieldSection(block, 0, block.length);
  }

  /** 10.5.1: the block is bounded, in bytes and in frames (CVE-2024-27316). */
  #append(buffer: Buffer, start: number, end: number): boolean {
    if (this.#block.append(buffer, start, end)) return true;
    this.#faults.fail(ERROR.enhanceYourCalm, 'a field block that is too large or in too many frames');
    return false;
  }

  #fieldSection(buffer: Buffer, start: number, end: number): undefined {
    const { streamId: id, endStream, selfDependent } = this.#block;
    this.#block.finish();
    const list: string[] = [];
    const outcome = this.#decoder.decode(buffer, start, end, list);
    // 4.3
    if (outcome === 'broken') return this.#faults.fail(ERROR.compression, this.#decoder.detail);
    const known = this.#session.streams.get(id);
    const stream = known ?? this.#newStream(id);
    if (stream === undefined) return;
    if (known?.remoteClosed === true)
      return this.#faults.streamError(stream, ERROR.streamClosed, 'HEADERS after END_STREAM');
    if (selfDependent) return this.#faults.streamError(stream, ERROR.protocol, 'a stream that depends on itself');
    // 8.2.1, 10.5.1
    if (outcome === 'malformed')
      return this.#faults.streamError(stream, ERROR.protocol, 'a field with bytes that are not allowed');
    if (outcome === 'too_large') return this.#tooLarge(stream, known === undefined, endStream);
    // 8.1: a server's peer sends one head; a second section is trailers and ends the stream
    if (known !== undefined && this.#isServer && !endStream)
      return this.#faults.streamError(stream, ERROR.protocol, 'trailers without END_STREAM');
    if (known === undefined) this.#session.handler.onStream(stream);
    stream.remoteClosed = endStream;
    stream.takeHeaders(list, endStream);
    if (endStream) this.#end(stream);
  }

  /** 10.5.1: a new request may be answered (431); everything else is reset. */
  #tooLarge(stream: Stream, isNew: boolean, endStream: boolean): undefined {
    const { handler } = this.#session;
    if (!isNew || handler.onOversizeHead === undefined || !this.#faults.countReset())
      return this.#faults.streamError(stream, ERROR.enhanceYourCalm, 'a header list that is too large');
    stream.remoteClosed = endStream;
    handler.onOversizeHead(stream);
  }

  /** 5.1.1: identifiers grow, and a client's are odd. Undefined: not to be looked at. */
  #newStream(id: number): Stream | undefined {
    if (!this.#isServer || (id & 1) === 0) {
      if (this.#isIdle(id)) this.#faults.fail(ERROR.protocol, `HEADERS on stream ${id}, which the peer may not open`);
      else this.#faults.late(id, 'HEADERS');
      return undefined;
    }
    if (id <= this.lastPeerId) {
      this.#faults.late(id, 'HEADERS');
      return undefined;
    }
    if (!this.#faults.reads()) return undefined;
    // 6.8: above the last stream of our GOAWAY: ignored, the peer knows that it is unprocessed
    if (id > this.#session.lastAccepted) return undefined;
    this.lastPeerId = id;
    if (this.#session.streams.size < this.#limits.maxStreams) return this.#session.accept(id, NOBODY);
    // 5.1.2
    this.#faults.reset(id, ERROR.refusedStream);
    this.#session.endings.remember(id, 'reset-by-us');
    return undefined;
  }

  #end(stream: Stream): undefined {
    const fault = stream.takeEnd();
    if (fault !== undefined) this.#faults.streamError(stream, ERROR.protocol, fault);
  }

  // ---- the small ones

  /** 6.3; ignored but for its form. RFC 7540 5.3.1: no stream depends on itself. */
  #priority(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#faults.fail(ERROR.protocol, 'PRIORITY on stream 0');
    if (end - start !== 5)
      return this.#faults.streamErrorById(id, ERROR.frameSize, 'PRIORITY that is not 5 bytes long');
    if ((buffer.readUInt32BE(start) & 0x7fffffff) === id) {
      return this.#faults.streamErrorById(id, ERROR.protocol, 'a stream that depends on itself');
    }
    this.#faults.countIdle();
  }

  /** 6.4 */
  #rstStream(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id === 0) return this.#faults.fail(ERROR.protocol, 'RST_STREAM on stream 0');
    if (end - start !== 4) return this.#faults.fail(ERROR.frameSize, 'RST_STREAM that is not 4 bytes long');
    if (this.#isIdle(id)) return this.#faults.fail(ERROR.protocol, 'RST_STREAM on an idle stream');
    if (!this.#faults.countReset()) return;
    const stream = this.#session.streams.get(id);
    if (stream === undefined) return;
    const code = buffer.readUInt32BE(start);
    // 8.1: an answer that is complete before its request stays an answer, also the part that waits for its consumer
    const answered = code === ERROR.noError && stream.remoteClosed && !this.#isServer;
    this.#session.forget(stream, 'reset-by-peer', answered);
    if (!answered) stream.receiver.onReset({ by: 'peer', code });
  }

  /** 6.9 */
  #windowUpdate(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (end - start !== 4) return this.#faults.fail(ERROR.frameSize, 'WINDOW_UPDATE that is not 4 bytes long');
    // 10.5: who sends more of these than our frames can give a reason for only keeps us busy
    const reasons = UPDATES_PER_MESSAGE * (this.#session.sender.messages + 1);
    if (++this.#updates > reasons && !this.#faults.countIdle()) return;
    const increment = buffer.readUInt32BE(start) & MAX_WINDOW;
    if (id === 0) {
      if (increment === 0) return this.#faults.fail(ERROR.protocol, 'WINDOW_UPDATE of 0');
      if (!this.#session.sender.grant(increment))
        this.#faults.fail(ERROR.flowControl, 'a connection window above 2^31-1');
      return;
    }
    if (this.#isIdle(id)) return this.#faults.fail(ERROR.protocol, 'WINDOW_UPDATE on an idle stream');
    const stream = this.#session.streams.get(id);
    if (stream === undefined) return;
    if (increment === 0) return this.#faults.streamError(stream, ERROR.protocol, 'WINDOW_UPDATE of 0');
    if (!stream.grant(increment)) this.#faults.streamError(stream, ERROR.flowControl, 'a stream window above 2^31-1');
  }

  /** Whether the stream was never opened. We keep the ids that we opened in the session; the peer's are below `lastPeerId`. */
  #isIdle(id: number): boolean {
    return ((id & 1) === 1) === this.#isServer ? id > this.lastPeerId : !this.#session.wasOpened(id);
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
}

/** Honest peers send one or two for each DATA frame, and one for a stream that they open. */
const UPDATES_PER_MESSAGE = 10;
const NOBODY: StreamReceiver = { onHeaders() {}, onData() {}, onEnd() {}, onDrain() {}, onReset() {} };
