import type { Transport, TransportReceiver } from '../base/transport.ts';
import { badRequestText } from './bad-request.ts';
import { ByteStore } from './byte-store.ts';
import type { Http1ServerConnection, Http1ServerOptions } from './connection.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { GentleClose } from './gentle-close.ts';
import type { HttpLimits } from './limits.ts';
import type { Failure } from './message.ts';
import { Output } from './output.ts';
import { clientClosed, peerName } from './peer-name.ts';
import { ProtocolError } from './protocol-error.ts';
import { RequestReader } from './request-reader.ts';
import { type ExchangeHost, Http1ServerExchange } from './server-exchange.ts';
import { mayTunnel } from './upgrade.ts';

/**
 * - `head`: between requests, or in the middle of a head;
 * - `exchange`: one request is served; what comes behind it waits in the store;
 * - `tunnel`: raw bytes both ways;
 * - `closing`: our direction is ended, the peer's bytes are dropped until it ends too or `lingerMs` are over;
 * - `closed`.
 */
type Phase = 'head' | 'exchange' | 'tunnel' | 'closing' | 'closed';

/** No progress without more bytes, or without an answer. */
const WAIT = -1;

export class Http1Server implements Http1ServerConnection, ExchangeHost, TransportReceiver {
  readonly output: Output;
  readonly limits: HttpLimits;
  draining = false;
  readonly #transport: Transport;
  readonly #options: Http1ServerOptions;
  readonly #store = new ByteStore();
  readonly #reader: RequestReader;
  readonly #gentleClose: GentleClose;
  readonly #deadline: DeadlineTimer;
  #phase: Phase = 'head';
  #exchange: Http1ServerExchange | undefined;
  #headStarted = false;
  #running = false;
  #paused = false;

  constructor(transport: Transport, options: Http1ServerOptions) {
    this.#transport = transport;
    this.#options = options;
    this.limits = options.limits;
    this.output = new Output(transport);
    this.#reader = new RequestReader(options.limits);
    this.#gentleClose = new GentleClose(transport);
    this.#deadline = new DeadlineTimer(options.clock, () => this.#expired());
    this.#waitForHead();
    if (options.first !== undefined && options.first.length > 0) {
      this.#store.append(options.first, 0, options.first.length);
      this.#continueSoon();
    }
    transport.receiver = this;
  }

  get busy(): boolean {
    return this.#exchange !== undefined;
  }

  get heldBytes(): number {
    return this.#store.length;
  }

  drain(): void {
    this.draining = true;
    if (this.#phase !== 'head' || this.#store.length > 0) return;
    if (this.limits.drainIdleMs === 0) this.#closeGently();
    else this.#deadline.set(this.limits.drainIdleMs);
  }

  close(): void {
    this.#abandon({ reason: 'draining', unprocessed: false, detail: 'the connection was closed by this proxy' });
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    if (this.#store.length > 0) {
      this.#store.append(buffer, start, end);
      this.#runStore();
      return;
    }
    const used = this.#run(buffer, start, end);
    this.#store.append(buffer, used, end);
    this.#afterRun();
  }

  onEnd(): void {
    const exchange = this.#exchange;
    if (this.#phase === 'tunnel' && exchange !== undefined) {
      exchange.peerEnded = true;
      exchange.receiver.onEnd(undefined);
      if (exchange.ended) this.#tunnelOver(exchange);
      return;
    }
    if (this.#phase === 'head' || exchange?.state === 'done') this.#closeGently();
    // A client that ends while it is being served is gone: so do nginx, Envoy and Go's server take it. Only this tells the upstream to stop.
    else if (this.#phase === 'exchange') this.#abandon(clientClosed(this.#transport, 'ended the connection'));
  }

  onDrain(): void {
    this.output.drained();
    this.#exchange?.drained();
    if (this.#phase === 'head' && this.#store.length > 0) this.#continueSoon();
    this.flowChanged();
  }

  onClose(error?: Error): void {
    this.#deadline.stop();
    this.#phase = 'closed';
    this.#store.clear();
    this.output.discard();
    this.#failExchange(clientClosed(this.#transport, error === undefined ? 'closed' : error.message));
    this.#options.onClose?.();
  }

  flowChanged(): void {
    const exchange = this.#exchange;
    const reading = exchange?.body !== undefined;
    const full = this.#store.length > this.limits.pipelineBytes;
    const waiting = this.#phase === 'exchange' || (this.#phase === 'head' && this.output.blocked);
    const pause = (exchange?.paused === true && reading) || (waiting && full);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#transport.pause();
    else this.#transport.resume();
  }

  tunnelStarted(): void {
    this.#phase = 'tunnel';
    this.output.flush();
    if (this.#store.length > 0) this.#continueSoon();
    this.flowChanged();
  }

  tunnelEnded(): void {
    this.output.flush();
    this.#transport.end();
    if (this.#exchange?.ended === true) this.#tunnelOver(this.#exchange);
  }

  kill(reset: boolean): void {
    this.#exchange = undefined;
    this.#destroy(reset);
  }

  responseDone(exchange: Http1ServerExchange): void {
    if (exchange.body === undefined) this.#exchangeOver(exchange);
    else this.#restOf(exchange);
  }

  #restOf(exchange: Http1ServerExchange): void {
    // The answer is complete and the request is not (RFC 9112, 9.3): read the rest, for a bounded time, or close as the answer has announced.
    this.output.flush();
    if (exchange.closeAfter) this.#closeGently();
    else this.#deadline.set(this.limits.headTimeoutMs);
    this.flowChanged();
  }

  /** Parses as far as the bytes and the running exchange allow; returns the position after what was used. */
  #run(buffer: Buffer, start: number, end: number): number {
    let at = start;
    this.#running = true;
    try {
      while (at < end) {
        const next = this.#step(buffer, at, end);
        if (next === WAIT) break;
        at = next;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(error);
      at = end;
    } finally {
      this.#running = false;
    }
    return at;
  }

  #runStore(): void {
    const { buffer, start, end } = this.#store.view();
    const used = this.#run(buffer, start, end);
    this.#store.drop(Math.min(used - start, this.#store.length));
    this.#afterRun();
  }

  /** An incomplete head has a time limit from its first byte on. */
  #afterRun(): void {
    if (this.#phase === 'head' && this.#store.length > 0 && !this.#headStarted && !this.output.blocked) {
      this.#headStarted = true;
      this.#deadline.set(this.limits.headTimeoutMs);
    }
    this.flowChanged();
  }

  #step(buffer: Buffer, at: number, end: number): number {
    switch (this.#phase) {
      case 'head':
        return this.#readHead(buffer, at, end);
      case 'exchange':
      case 'tunnel':
        return this.#readBody(buffer, at, end);
      default:
        return end;
    }
  }

  #readHead(buffer: Buffer, at: number, end: number): number {
    // Who asks and does not read the answers gets no further ones: nothing else would bound what waits for it.
    if (this.output.blocked) return WAIT;
    const next = this.#reader.read(buffer, at, end);
    const head = this.#reader.head;
    if (head !== undefined) this.#start(new Http1ServerExchange(this, head));
    return next === at ? WAIT : next;
  }

  #start(exchange: Http1ServerExchange): void {
    this.#deadline.clear();
    this.#phase = 'exchange';
    this.#exchange = exchange;
    this.#options.onRequest(exchange);
    if (exchange.body === undefined && exchange.state !== 'aborted' && !mayTunnel(exchange.head)) {
      if (exchange.state !== 'done') exchange.receiver.onEnd(undefined);
    }
  }

  #readBody(buffer: Buffer, at: number, end: number): number {
    const exchange = this.#exchange;
    if (exchange?.body === undefined) return WAIT;
    const body = exchange.body;
    const event = body.read(buffer, at, end);
    if (event === 'data') this.#deliver(exchange, buffer, body.dataStart, body.dataEnd);
    // RFC 9112, 9.3.2: what follows is the next request, or waits until this one is answered.
    if (event === 'end' || body.complete) {
      exchange.body = undefined;
      if (exchange.state === 'done') this.#exchangeOver(exchange);
      else if (exchange.live) exchange.receiver.onEnd(body.trailers);
    }
    return body.position;
  }

  #deliver(exchange: Http1ServerExchange, buffer: Buffer, start: number, end: number): void {
    if (exchange.live) exchange.receiver.onBody(buffer, start, end);
  }

  /** Request and response are complete: the next request, or the end. */
  #exchangeOver(exchange: Http1ServerExchange): void {
    this.#exchange = undefined;
    if (this.#phase !== 'exchange') return;
    if (exchange.closeAfter) {
      this.#closeGently();
      return;
    }
    this.#phase = 'head';
    this.#waitForHead();
    if (this.#store.length > 0 && !this.#running) this.#continueSoon();
    this.flowChanged();
  }

  #waitForHead(): void {
    this.#reader.reset();
    this.#headStarted = false;
    const ms = this.draining ? Math.max(1, this.limits.drainIdleMs) : this.limits.idleTimeoutMs;
    if (ms > 0) this.#deadline.set(ms);
    else this.#deadline.clear();
  }

  /** Takes up the stored bytes after the present call is over: no request begins inside the end of the one before. */
  #continueSoon(): void {
    queueMicrotask(() => {
      if (this.#store.length > 0 && this.#phase !== 'closing' && this.#phase !== 'closed') this.#runStore();
    });
  }

  #tunnelOver(exchange: Http1ServerExchange): void {
    exchange.state = 'done';
    this.#exchange = undefined;
    this.#closeGently();
  }

  #refuse(error: ProtocolError): void {
    const exchange = this.#exchange;
    const answerable = exchange === undefined || exchange.state === 'waiting';
    this.#options.onBadRequest?.({ reason: error.reason, status: error.status, detail: error.detail });
    this.#failExchange({
      reason: error.reason,
      unprocessed: false,
      detail: `client ${peerName(this.#transport)}: ${error.detail}`,
    });
    if (answerable) this.output.text(badRequestText(error));
    else if (exchange?.state !== 'done') {
      this.#destroy(true);
      return;
    }
    this.#closeGently();
  }

  #closeGently(): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    this.#phase = 'closing';
    this.#exchange = undefined;
    this.#store.clear();
    this.output.flush();
    this.#gentleClose.begin();
    if (this.#paused) this.#transport.resume();
    this.#paused = false;
    this.#deadline.set(this.limits.lingerMs);
  }

  #expired(): void {
    if (this.#phase === 'head' && this.#headStarted) {
      this.#refuse(
        new ProtocolError(408, 'head_timeout', `the head did not arrive within ${this.limits.headTimeoutMs} ms`),
      );
    } else if (this.#phase !== 'closing') {
      // Idle for too long, or too slow with a body that nobody waits for.
      this.#closeGently();
    } else if (this.#gentleClose.goesOn()) {
      this.#deadline.set(this.limits.lingerMs);
    } else {
      this.#destroy(false);
    }
  }

  #abandon(failure: Failure): void {
    this.#failExchange(failure);
    this.#destroy(false);
  }

  #failExchange(failure: Failure): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.fail(failure);
  }

  #destroy(reset: boolean): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#deadline.stop();
    this.#store.clear();
    // A client that sees the beginning of its answer knows that it was cut; without it there would be none.
    this.output.flush();
    this.#transport.destroy(reset);
  }
}
