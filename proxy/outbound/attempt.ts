import type { Connections, ConnectWaiter, Opener, TryMeta } from '../balance/connections.ts';
import type { EndpointState } from '../balance/endpoints.ts';
import type { Timer } from '../base/clock.ts';
import type {
  ClientExchange,
  Failure,
  HeaderList,
  RequestHead,
  ResponseHead,
  ResponseReceiver,
} from '../http/message.ts';
import type { OutboundContext } from './context.ts';

/** What an attempt tells the request it belongs to. After `onFailure`, `onEnd` of a response or `leave` nothing more comes. */
export interface AttemptOwner {
  readonly head: RequestHead;
  readonly requestEnded: boolean;
  attemptMeta(attempt: Attempt): TryMeta;
  /** The head was sent: the body may follow. */
  onReady(attempt: Attempt): void;
  onInform(head: ResponseHead): void;
  onResponse(attempt: Attempt, head: ResponseHead): void;
  onResponseBody(buffer: Buffer, start: number, end: number): boolean;
  onResponseEnd(attempt: Attempt, trailers: HeaderList | undefined): void;
  onUpstreamDrain(): void;
  onFailure(attempt: Attempt, failure: Failure): void;
  /** No connection after `SLOW_CONNECT_MS`: another endpoint may be faster. */
  onSlowConnect(attempt: Attempt): void;
}

/** DESIGN section 5: a second connection to another endpoint starts after 300 ms. */
export const SLOW_CONNECT_MS = 300;

/** A response that nobody wants any more may still send this much before its connection is closed. */
const DISCARD_BYTES = 64 * 1024;
const DISCARD_MS = 1_000;

/**
 * One try of a request at one endpoint. `waiting`: for a connection; `running`: the exchange is open; `discarding`: the request went on without
 * it, and it is read to its end so that its connection can be used again; `over`.
 */
export class Attempt implements ConnectWaiter, ResponseReceiver {
  readonly endpoint: EndpointState;
  readonly number: number;
  readonly #context: OutboundContext;
  readonly #connections: Connections;
  readonly #owner: AttemptOwner;
  #state: 'waiting' | 'running' | 'discarding' | 'over' = 'waiting';
  #exchange: ClientExchange | undefined;
  #perTry: Timer | undefined;
  #slowConnect: Timer | undefined;
  #discardTimer: Timer | undefined;
  #discarded = 0;
  #tunnel = false;

  constructor(context: OutboundContext, owner: AttemptOwner, endpoint: EndpointState, number: number) {
    this.#context = context;
    this.#owner = owner;
    this.endpoint = endpoint;
    this.number = number;
    this.#connections = context.connector.of(endpoint, owner.head.version === 20);
  }

  /** The open exchange, while the attempt is the request's. */
  get exchange(): ClientExchange | undefined {
    return this.#state === 'running' ? this.#exchange : undefined;
  }

  /** Answers true when the exchange is open at once. `perTryMs` 0: none. */
  start(connectTimeoutMs: number, perTryMs: number): boolean {
    this.endpoint.inflight++;
    if (perTryMs > 0) {
      this.#perTry = this.#context.clock.after(perTryMs, () => this.#timeOut(perTryMs));
    }
    const opener = this.#context.selfOpener(this.endpoint) ?? this.#connections.acquire(this, connectTimeoutMs);
    if (opener === undefined) {
      this.#slowConnect = this.#context.clock.after(SLOW_CONNECT_MS, () => this.#owner.onSlowConnect(this));
      return false;
    }
    this.#open(opener);
    return true;
  }

  /** The request is over or goes elsewhere: stops at once. */
  leave(): void {
    if (this.#state === 'over') return;
    const waiting = this.#state === 'waiting';
    this.#finish();
    if (waiting) this.#connections.cancel(this);
    else this.#exchange?.abort();
  }

  /** The response is not wanted but worth reading to its end: a small one spares its connection. */
  discard(): void {
    if (this.#state !== 'running') return;
    this.#state = 'discarding';
    this.#perTry?.clear();
    this.#discardTimer = this.#context.clock.after(DISCARD_MS, () => this.leave());
    this.#exchange?.resume();
  }

  onConnection(opener: Opener): void {
    if (this.#state !== 'waiting') return;
    this.#open(opener);
    this.#owner.onReady(this);
  }

  onConnectFailure(failure: Failure): void {
    if (this.#state === 'waiting') this.#fail(failure);
  }

  onInform(head: ResponseHead): void {
    if (this.#state === 'running') this.#owner.onInform(head);
  }

  onResponse(head: ResponseHead): void {
    this.#perTry?.clear();
    this.#tunnel = head.framing === 'tunnel';
    if (this.#state === 'running') this.#owner.onResponse(this, head);
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'running') {
      if (!this.#owner.onResponseBody(buffer, start, end)) this.#exchange?.pause();
    } else if (this.#state === 'discarding') {
      this.#discarded += end - start;
      if (this.#discarded > DISCARD_BYTES) this.leave();
    }
  }

  onEnd(trailers: HeaderList | undefined): void {
    const wanted = this.#state === 'running';
    if (!this.#tunnel) {
      this.#finish();
      // Answered before the request was complete: the rest of it has nowhere to go.
      if (!this.#owner.requestEnded) this.#exchange?.abort();
    }
    if (wanted) this.#owner.onResponseEnd(this, trailers);
  }

  onDrain(): void {
    if (this.#state === 'running') this.#owner.onUpstreamDrain();
  }

  onFailure(failure: Failure): void {
    if (this.#state === 'running') this.#fail(failure);
    else this.#finish();
  }

  #open(opener: Opener): void {
    this.#state = 'running';
    this.#slowConnect?.clear();
    this.#exchange = opener.open(this.#owner.head, this.#owner.attemptMeta(this), this);
  }

  #timeOut(perTryMs: number): void {
    const unprocessed = this.#state === 'waiting';
    const detail = `${this.endpoint.name}: no response within ${perTryMs} ms (try ${this.number})`;
    this.leave();
    this.#owner.onFailure(this, { reason: 'per_try_timeout', unprocessed, detail });
  }

  #fail(failure: Failure): void {
    this.#finish();
    this.#owner.onFailure(this, failure);
  }

  #finish(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.endpoint.inflight--;
    this.#perTry?.clear();
    this.#slowConnect?.clear();
    this.#discardTimer?.clear();
  }
}
