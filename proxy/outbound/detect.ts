import type { Timer } from '../base/clock.ts';
import type { Transport, TransportReceiver } from '../base/transport.ts';
import { classifyFirstBytes, type FirstBytes } from '../filters/first-bytes.ts';
import type { Failure } from '../http/message.ts';
import type { BuiltPort } from '../policy/build.ts';
import type { OutboundContext } from './context.ts';
import type { RequestOrigin } from './dispatch.ts';
import { carry, refuseOpaque } from './opaque.ts';
import { RawUpstream } from './raw.ts';
import type { HttpVersion } from './serve-http.ts';

export interface DetectHandlers {
  onHttp(client: Transport, version: HttpVersion, first: Buffer): void;
  onOpaque(client: Transport, first: Buffer, ended: boolean): void;
}

/** Silence of the client after which the destination is asked whether it speaks first. */
const UNKNOWN_SILENCE_MS = 10;
/** The same where clients were seen to speak first: memory delays, it never decides. */
const LEARNED_SILENCE_MS = 1_000;
/** A request line that stays incomplete is given to the codec, whose own time limit answers 408. */
const INCOMPLETE_MS = 5_000;

/**
 * Decides what a connection to an `auto` port speaks: by the client's first bytes, or, when the client is silent, by an upstream connected on
 * speculation: whichever side speaks first is served. The answer is remembered in the port's state.
 * Ten milliseconds of grace come before the speculation because HTTP clients speak at once and an application should not see an empty
 * connection for each of theirs; once a destination is known to speak first, nothing is waited for.
 */
export class Detection implements TransportReceiver {
  readonly #context: OutboundContext;
  readonly #origin: RequestOrigin;
  #port: BuiltPort;
  readonly #client: Transport;
  readonly #handlers: DetectHandlers;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #silence: Timer | undefined;
  #incomplete: Timer | undefined;
  #raw: RawUpstream | undefined;
  #upstream: Transport | undefined;
  #over = false;

  constructor(
    context: OutboundContext,
    origin: RequestOrigin,
    port: BuiltPort,
    client: Transport,
    handlers: DetectHandlers,
  ) {
    this.#context = context;
    this.#origin = origin;
    this.#port = port;
    this.#client = client;
    this.#handlers = handlers;
  }

  start(): void {
    const { learned } = this.#port.state;
    this.#client.receiver = this;
    if (learned === 'server-first') {
      this.#speculate();
      return;
    }
    const silence = learned === 'unknown' ? UNKNOWN_SILENCE_MS : LEARNED_SILENCE_MS;
    this.#silence = this.#context.clock.after(silence, () => {
      if (this.#bytes.length === 0 && !this.#over) this.#speculate();
    });
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#over) return;
    this.#bytes = Buffer.concat([this.#bytes, buffer.subarray(start, end)]);
    const kind = classifyFirstBytes(this.#bytes);
    if (kind !== undefined) this.#clientSpoke(kind);
    else this.#incomplete ??= this.#context.clock.after(INCOMPLETE_MS, () => this.#clientSpoke('http'));
  }

  /** The client said all it has to say: what cannot be a request line any more is opaque. */
  onEnd(): void {
    if (this.#over) return;
    this.#ended = true;
    this.#clientSpoke('opaque');
  }

  onDrain(): void {}

  onClose(): void {
    if (this.#over) return;
    this.#finish();
    this.#raw?.release();
    this.#upstream?.destroy();
  }

  #clientSpoke(kind: FirstBytes): void {
    // A connection without a byte (a health check, a scan) says nothing of the protocol.
    if (this.#bytes.length > 0) this.#learn(kind === 'http2' ? 'http' : kind);
    this.#finish();
    this.#client.receiver = undefined;
    if (kind !== 'opaque') {
      this.#upstream?.destroy();
      this.#raw?.release();
      this.#handlers.onHttp(this.#client, kind, this.#bytes);
    } else if (this.#upstream !== undefined && this.#raw !== undefined) {
      this.#join(this.#upstream, this.#raw, this.#bytes);
    } else {
      this.#raw?.release();
      this.#handlers.onOpaque(this.#client, this.#bytes, this.#ended);
    }
  }

  #speculate(): void {
    const raw = new RawUpstream(this.#context, this.#origin, {
      onOpen: (upstream, port) => this.#opened(upstream, port),
      onFailure: (failure) => this.#failed(failure),
    });
    this.#raw = raw;
    raw.start();
  }

  #opened(upstream: Transport, port: BuiltPort): void {
    if (this.#over) {
      upstream.destroy();
      return;
    }
    this.#upstream = upstream;
    // As of the snapshot that the endpoint was chosen under.
    this.#port = port;
    upstream.receiver = {
      onData: (buffer, start, end) => this.#serverSpoke(Buffer.from(buffer.subarray(start, end))),
      onEnd: () => this.#serverSpoke(Buffer.alloc(0)),
      onDrain() {},
      onClose: () => this.#upstreamClosed(),
    };
  }

  #serverSpoke(greeting: Buffer): void {
    const { kind, upstream, raw } = { kind: 'server-first' as const, upstream: this.#upstream, raw: this.#raw };
    if (this.#over || upstream === undefined || raw === undefined) return;
    if (greeting.length > 0) this.#learn(kind);
    this.#finish();
    upstream.receiver = undefined;
    if (greeting.length > 0) this.#client.write(greeting);
    else this.#client.end();
    this.#join(upstream, raw, this.#bytes);
  }

  /** The application closed a connection on which nobody spoke: so do we, unless the client already speaks. */
  #upstreamClosed(): void {
    if (this.#over) return;
    this.#upstream = undefined;
    this.#raw?.release();
    this.#raw = undefined;
    if (this.#bytes.length > 0) return;
    this.#finish();
    this.#client.destroy();
  }

  /** A client that is still silent is refused; one that speaks HTTP gets its own tries and the reason. */
  #failed(failure: Failure): void {
    this.#raw = undefined;
    if (this.#over || this.#bytes.length > 0) return;
    if (this.#port.state.learned !== 'server-first') return;
    this.#finish();
    refuseOpaque(this.#context, this.#client, failure, this.#port);
  }

  #join(upstream: Transport, raw: RawUpstream, first: Buffer): void {
    carry(this.#context, this.#client, upstream, this.#port, raw, { first, ended: this.#ended });
  }

  #learn(kind: 'http' | 'opaque' | 'server-first'): void {
    const { state } = this.#port;
    if (state.learned === kind) return;
    if (state.learned !== 'unknown') this.#context.metrics.protocolMismatches.child(['outbound']).inc();
    state.learned = kind;
  }

  #finish(): void {
    this.#over = true;
    this.#silence?.clear();
    this.#incomplete?.clear();
  }
}
