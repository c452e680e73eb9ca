import { ERROR } from './codes.ts';
import { writeReset } from './frames.ts';
import { RateMeter } from './rate-limit.ts';
import type { SessionHost } from './session-host.ts';
import type { Stream } from './stream.ts';

/** What the peer does wrong or too often, and what follows (RFC 9113 5.4, 10.5). */
export class PeerFaults {
  readonly #session: SessionHost;
  readonly #resets: RateMeter;
  readonly #control: RateMeter;
  readonly #idle: RateMeter;

  constructor(session: SessionHost) {
    const { limits, clock } = session.options;
    this.#session = session;
    this.#resets = new RateMeter(limits.resets, clock.now());
    this.#control = new RateMeter(limits.control, clock.now());
    this.#idle = new RateMeter(limits.idle, clock.now());
  }

  /** 5.4.1: the connection ends. */
  fail(code: number, detail: string): undefined {
    this.#session.fail(code, detail, 'peer-error');
  }

  /** 5.4.2: the stream ends. */
  streamError(stream: Stream, code: number, detail: string): undefined {
    this.#session.forget(stream, 'reset-by-us', false);
    this.reset(stream.id, code);
    stream.receiver.onReset({ by: 'local', code, detail: `${this.#session.options.peer} sent ${detail}` });
  }

  /** As `streamError`, for a stream that may be gone. */
  streamErrorById(id: number, code: number, detail: string): undefined {
    const stream = this.#session.streams.get(id);
    if (stream !== undefined) this.streamError(stream, code, detail);
    else this.reset(id, code);
  }

  /** RST_STREAM for an error of the peer's. Counted, or a peer could make us write without end. */
  reset(id: number, code: number): undefined {
    writeReset(this.#session.sender.out, id, code);
    this.#session.sender.kick();
    this.countReset();
  }

  /** 5.1, closed: late frames are ignored when we reset the stream, else they are errors. The field block was decoded. */
  late(id: number, what: string): undefined {
    const ending = this.#session.endings.find(id);
    if (ending === 'reset-by-us' || ending === 'forgotten') return;
    if (ending === 'reset-by-peer') return this.streamErrorById(id, ERROR.streamClosed, `${what} after RST_STREAM`);
    // 5.1.1: an identifier below the highest that was never used
    if (ending === 'never') return this.fail(ERROR.protocol, `${what} on stream ${id}, below the highest one`);
    this.fail(ERROR.streamClosed, `${what} on stream ${id}, which ended`);
  }

  countReset(): boolean {
    return this.#count(this.#resets, 'too many resets');
  }

  countControl(): boolean {
    return this.#count(this.#control, 'too many SETTINGS, PING or GOAWAY') && this.reads();
  }

  /** A frame that carries nothing. */
  countIdle(): boolean {
    return this.#count(this.#idle, 'too many frames that carry nothing');
  }

  /** Answers that flow control does not hold back pile up when the peer asks and does not read: bounded. */
  reads(): boolean {
    if (this.#session.sender.pending <= this.#session.options.limits.maxPendingBytes) return true;
    this.fail(ERROR.enhanceYourCalm, 'requests without reading the answers');
    return false;
  }

  #count(meter: RateMeter, detail: string): boolean {
    if (meter.count(this.#session.options.clock.now())) return true;
    this.fail(ERROR.enhanceYourCalm, detail);
    return false;
  }
}
