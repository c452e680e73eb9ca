import type { Socket } from 'node:net';
import type { Timer } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import { createHttp2Client, type Http2ClientConnection } from '../http/h2/h2.ts';
import type { ClientExchange, Failure, RequestHead, ResponseReceiver } from '../http/message.ts';
import { socketTransport } from '../net/net.ts';
import type { Connections, ConnectWaiter, Opener, TryMeta } from './connections.ts';
import type { EndpointState } from './endpoints.ts';
import { connectFailure } from './failures.ts';
import type { PlainOptions } from './plain-connections.ts';
import { Quarantine } from './quarantine.ts';

/** A connection without a request is given back after this; HTTP/2 servers say when they leave (GOAWAY), so it may stay longer than one of HTTP/1.1. */
const IDLE_MS = 60_000;
/** Connections to one endpoint: each carries what its server allows at once (100 with most). */
const MOST = 64;
const KEEP_ALIVE_MS = 60_000;
/**
 * A connection on which so many requests were given up takes no new ones: servers end those that reset much (nghttp2: 1,000 at once, Envoy: half of 500), and
 * a caller that cancels all the time must not cost the others their streams.
 */
const MOST_GIVEN_UP = 400;
/** Connects without a waiting request that names its own limit (a probe, a second connection). */
const CONNECT_MS = 3_000;

/** One HTTP/2 connection to an endpoint. */
class Http2Connection implements Opener {
  client: Http2ClientConnection | undefined;
  idle: Timer | undefined;

  open(head: RequestHead, _meta: TryMeta, receiver: ResponseReceiver): ClientExchange {
    this.idle?.clear();
    this.idle = undefined;
    return this.client!.request(head, receiver);
  }

  get usable(): boolean {
    return this.client?.state === 'open' && this.client.capacity > 0;
  }

  get worn(): boolean {
    return (this.client?.givenUp ?? 0) >= MOST_GIVEN_UP;
  }
}

/**
 * HTTP/2 connections (prior knowledge) to one endpoint: many requests on one, another one only when its server allows no more. A request is sent only
 * after the server's SETTINGS: they say that it speaks HTTP/2 at all, and how much it takes.
 */
export class Http2Connections implements Connections {
  readonly #endpoint: EndpointState;
  readonly #options: PlainOptions;
  readonly #quarantine: Quarantine;
  readonly #all = new Set<Http2Connection>();
  readonly #waiting: ConnectWaiter[] = [];
  #connecting = false;
  #draining = false;
  #serving = false;

  constructor(endpoint: EndpointState, options: PlainOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#quarantine = new Quarantine(endpoint, options.clock, options.random, () => this.#connect(CONNECT_MS));
  }

  get open(): number {
    return this.#all.size;
  }

  acquire(waiter: ConnectWaiter, connectTimeoutMs: number): Opener | undefined {
    const usable = this.#waiting.length === 0 ? this.#usable() : undefined;
    if (usable !== undefined) return usable;
    if (this.#waiting.length >= this.#options.maxWaiting) {
      const detail = `${this.#endpoint.name}: ${this.#waiting.length} requests wait for a connection already`;
      queueMicrotask(() => waiter.onConnectFailure({ reason: 'overloaded', unprocessed: true, detail }));
      return undefined;
    }
    this.#waiting.push(waiter);
    this.#connect(connectTimeoutMs);
    return undefined;
  }

  cancel(waiter: ConnectWaiter): void {
    const index = this.#waiting.indexOf(waiter);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  drain(): void {
    this.#draining = true;
    this.#quarantine.stop();
    for (const connection of this.#all) this.#retire(connection);
  }

  renew(): void {}

  close(): void {
    this.drain();
    for (const connection of [...this.#all]) connection.client?.close();
  }

  #usable(): Http2Connection | undefined {
    let worn: Http2Connection | undefined;
    for (const connection of this.#all) {
      if (!connection.usable) continue;
      if (!connection.worn) return connection;
      worn ??= connection;
    }
    // Rather a worn one than none.
    return this.#all.size < MOST ? undefined : worn;
  }

  #connect(timeoutMs: number): void {
    if (this.#connecting || this.#all.size >= MOST) return;
    const { address, port } = this.#endpoint.endpoint;
    this.#connecting = true;
    const { clock } = this.#options;
    this.#options.dial({ address, port, timeoutMs, clock }).then(
      (socket) => this.#connected(socket, timeoutMs),
      (error: unknown) => {
        if (this.#options.quarantine && !this.#draining) this.#quarantine.failed();
        this.#failed(this.#dialFailure(error));
      },
    );
  }

  #connected(socket: Socket, timeoutMs: number): void {
    this.#quarantine.succeeded();
    // Instead of PINGs, which gRPC servers punish: the kernel finds a dead peer of a long silent stream.
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const connection = new Http2Connection();
    const late = this.#options.clock.after(timeoutMs, () => connection.client?.close());
    let ready = false;
    connection.client = createHttp2Client(socketTransport(socket), {
      clock: this.#options.clock,
      onReady: () => {
        ready = true;
        late.clear();
        this.#connecting = false;
        this.#rest(connection);
        this.#serveSoon();
      },
      onCapacity: () => this.#serveSoon(),
      onIdle: () => this.#rest(connection),
      onClose: (end) => {
        late.clear();
        connection.idle?.clear();
        this.#all.delete(connection);
        if (ready) {
          this.#serveSoon();
          return;
        }
        const detail = `${this.#endpoint.name} does not speak HTTP/2: no SETTINGS came (${end.detail})`;
        this.#failed({ reason: 'upstream_protocol', unprocessed: true, detail });
      },
    });
    this.#all.add(connection);
  }

  #dialFailure(error: unknown): Failure {
    const { failureReason } = this.#options;
    const named = error instanceof HeddleError && error.code !== 'connect_failure';
    const failure = connectFailure(this.#endpoint.name, error, failureReason);
    return named ? failure : { ...failure, reason: failureReason };
  }

  /** Nobody who waited could be served by this connect. */
  #failed(failure: Failure): void {
    this.#connecting = false;
    for (const waiter of this.#waiting.splice(0)) waiter.onConnectFailure(failure);
  }

  /** Nothing runs on it: it goes now if the endpoint is given up, else after a while. */
  #rest(connection: Http2Connection): void {
    connection.idle?.clear();
    if (connection.worn || (this.#draining && this.#waiting.length === 0)) this.#retire(connection);
    else connection.idle = this.#options.clock.after(IDLE_MS, () => this.#retire(connection));
  }

  #retire(connection: Http2Connection): void {
    connection.idle?.clear();
    connection.client?.drain();
  }

  /** After the present call: a stream that just ended has told everybody by then. */
  #serveSoon(): void {
    if (this.#serving || this.#waiting.length === 0) return;
    this.#serving = true;
    queueMicrotask(() => {
      this.#serving = false;
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const usable = this.#usable();
      if (usable === undefined) break;
      this.#waiting.shift()!.onConnection(usable);
    }
    if (this.#waiting.length > 0) this.#connect(CONNECT_MS);
  }
}
