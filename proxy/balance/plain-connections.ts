import type { Socket } from 'node:net';
import type { Clock, Random } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import type { Reason } from '../contract/reasons.ts';
import {
  type ClientExchange,
  createHttp1Client,
  type Http1ClientConnection,
  type HttpLimits,
  type RequestHead,
  type ResponseReceiver,
} from '../http/http.ts';
import { type DialOptions, socketTransport } from '../net/net.ts';
import type { Connections, ConnectWaiter, Opener, TryMeta } from './connections.ts';
import type { EndpointState } from './endpoints.ts';
import { connectFailure } from './failures.ts';
import { Quarantine } from './quarantine.ts';

export type Dial = (options: DialOptions) => Promise<Socket>;

export interface PlainOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  readonly limits: HttpLimits;
  /** An idle connection is closed after this. */
  readonly idleMs: number;
  readonly maxConnections: number;
  readonly maxIdle: number;
  readonly maxWaiting: number;
  /** Reason told when the connect fails: `connect_failure` towards endpoints, `app_connect_failure` towards the own application. */
  readonly failureReason: Reason;
  /** The own application is never put in quarantine. */
  readonly quarantine: boolean;
}

/** One HTTP/1.1 connection and when it became idle. */
class PlainConnection implements Opener {
  idleSince = 0;
  client: Http1ClientConnection | undefined;

  open(head: RequestHead, _meta: TryMeta, receiver: ResponseReceiver): ClientExchange {
    return this.client!.request(head, receiver);
  }
}

/** HTTP/1.1 connections to one endpoint: the idle one used last is taken first; else one dial a waiting request. */
export class PlainConnections implements Connections {
  readonly #endpoint: EndpointState;
  readonly #options: PlainOptions;
  readonly #quarantine: Quarantine;
  readonly #idle: PlainConnection[] = [];
  readonly #all = new Set<PlainConnection>();
  readonly #waiting: ConnectWaiter[] = [];
  #dialling = 0;
  #draining = false;
  #sweeping = false;

  constructor(endpoint: EndpointState, options: PlainOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#quarantine = new Quarantine(endpoint, options.clock, options.random, () => this.#dial(3_000));
  }

  get open(): number {
    return this.#all.size;
  }

  acquire(waiter: ConnectWaiter, connectTimeoutMs: number): Opener | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.client?.reusable === true) return idle;
    }
    this.#enqueue(waiter, connectTimeoutMs);
    return undefined;
  }

  cancel(waiter: ConnectWaiter): void {
    const index = this.#waiting.indexOf(waiter);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  drain(): void {
    this.#draining = true;
    this.#quarantine.stop();
    for (const idle of this.#idle.splice(0)) idle.client?.close();
  }

  renew(): void {}

  close(): void {
    this.drain();
    for (const connection of [...this.#all]) connection.client?.close();
  }

  #enqueue(waiter: ConnectWaiter, connectTimeoutMs: number): void {
    if (this.#waiting.length >= this.#options.maxWaiting) {
      const detail = `${this.#endpoint.name}: ${this.#waiting.length} requests wait for a connection already`;
      queueMicrotask(() => waiter.onConnectFailure({ reason: 'overloaded', unprocessed: true, detail }));
      return;
    }
    this.#waiting.push(waiter);
    const wanted = this.#dialling < this.#waiting.length;
    if (wanted && this.#all.size + this.#dialling < this.#options.maxConnections) this.#dial(connectTimeoutMs);
  }

  #dial(timeoutMs: number): void {
    const { address, port } = this.#endpoint.endpoint;
    this.#dialling++;
    this.#options.dial({ address, port, timeoutMs, clock: this.#options.clock }).then(
      (socket) => this.#connected(socket),
      (error: unknown) => this.#failed(error),
    );
  }

  #connected(socket: Socket): void {
    this.#dialling--;
    this.#quarantine.succeeded();
    const connection = new PlainConnection();
    const client = createHttp1Client(socketTransport(socket), {
      limits: this.#options.limits,
      clock: this.#options.clock,
      onIdle: () => this.#release(connection),
      onClose: () => this.#closed(connection),
    });
    connection.client = client;
    this.#all.add(connection);
    this.#release(connection);
  }

  #failed(error: unknown): void {
    this.#dialling--;
    if (this.#options.quarantine && !this.#draining) this.#quarantine.failed();
    const { failureReason } = this.#options;
    const named = error instanceof HeddleError && error.code !== 'connect_failure' ? error : undefined;
    const failure = connectFailure(this.#endpoint.name, error, failureReason);
    const waiter = this.#waiting.shift();
    waiter?.onConnectFailure(named === undefined ? { ...failure, reason: failureReason } : failure);
  }

  /** A connection is free: the request that waits longest gets it. */
  #release(connection: PlainConnection): void {
    const { client } = connection;
    if (client === undefined || !client.reusable) return;
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter.onConnection(connection);
      // Not used after all: the next one, or nobody.
      if (client.reusable) this.#release(connection);
    } else if (this.#draining || this.#idle.length >= this.#options.maxIdle) {
      client.close();
    } else {
      connection.idleSince = this.#options.clock.now();
      this.#idle.push(connection);
      this.#sweepLater(this.#options.idleMs);
    }
  }

  #closed(connection: PlainConnection): void {
    this.#all.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    const blocked = this.#waiting.length > this.#dialling;
    if (blocked && this.#all.size + this.#dialling < this.#options.maxConnections) this.#dial(3_000);
  }

  /** One timer for all idle connections: the list is in order of `idleSince`, oldest first. */
  #sweepLater(ms: number): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#options.clock.after(ms, () => {
      this.#sweeping = false;
      const limit = this.#options.clock.now() - this.#options.idleMs;
      let old = 0;
      while (old < this.#idle.length && this.#idle[old]!.idleSince <= limit) old++;
      for (const connection of this.#idle.splice(0, old)) connection.client?.close();
      const next = this.#idle[0];
      if (next !== undefined) this.#sweepLater(Math.max(1, next.idleSince - limit));
    });
  }
}
