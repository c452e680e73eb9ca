import type { Clock } from '../../base/clock.ts';
import type { Transport } from '../../base/transport.ts';
import type { ClientExchange, Failure, RequestHead, ResponseReceiver } from '../message.ts';
import { peerName } from '../peer-name.ts';
import { Http2ClientExchange } from './client-exchange.ts';
import type { Defer } from './defer.ts';
import { writeRequestHead } from './request-head.ts';
import { Session } from './session.ts';
import {
  type KeepaliveOptions,
  type SessionEnd,
  type SessionHandler,
  type SessionLimits,
  UPSTREAM_LIMITS,
} from './session-options.ts';
import type { Stream } from './stream.ts';

export interface Http2ClientOptions {
  readonly clock: Clock;
  /** Replaces the schedule of writes in tests. */
  readonly defer?: Defer;
  /** Default `UPSTREAM_LIMITS`. */
  readonly session?: SessionLimits;
  /** Default none: gRPC servers cut clients that send more than a PING in five minutes; see README. */
  readonly keepalive?: KeepaliveOptions;
  /** The server's SETTINGS came: it speaks HTTP/2, and `capacity` is what it allows. */
  onReady?(): void;
  /** More may start than before. */
  onCapacity?(): void;
  /** Nothing runs. */
  onIdle?(): void;
  /** The transport is closed; last call, exactly once. */
  onClose?(end: SessionEnd): void;
}

export interface Http2ClientConnection {
  /** Starts a request. What cannot be sent is a failure, told after this call returned. */
  request(head: RequestHead, receiver: ResponseReceiver): ClientExchange;
  /** `connecting`: the server's SETTINGS have not come; `draining`: what runs goes on, nothing new is taken. */
  readonly state: 'connecting' | 'open' | 'draining' | 'closed';
  readonly active: number;
  /** Requests that were given up so far: servers cut connections that reset too many. */
  readonly givenUp: number;
  /** How many requests may start now. */
  readonly capacity: number;
  /** Takes nothing new, closes when idle. */
  drain(): void;
  /** At once: what runs fails with `upstream_reset`. */
  close(): void;
}

/** Speaks HTTP/2 with prior knowledge (RFC 9113 3.3) to an upstream on a transport; takes it over. */
export function createHttp2Client(transport: Transport, options: Http2ClientOptions): Http2ClientConnection {
  return new Http2Client(transport, options);
}

class Http2Client implements Http2ClientConnection, SessionHandler {
  readonly #peer: string;
  readonly #options: Http2ClientOptions;
  readonly #session: Session;
  #ready = false;
  readonly #resets = { count: 0 };

  constructor(transport: Transport, options: Http2ClientOptions) {
    const { clock, session = UPSTREAM_LIMITS, keepalive, defer } = options;
    this.#peer = peerName(transport);
    this.#options = options;
    this.#session = new Session(
      transport,
      {
        role: 'client',
        clock,
        limits: session,
        peer: this.#peer,
        ...(keepalive === undefined ? {} : { keepalive }),
        ...(defer === undefined ? {} : { defer }),
      },
      this,
    );
    this.#session.start();
  }

  get state(): 'connecting' | 'open' | 'draining' | 'closed' {
    const { state } = this.#session;
    return state === 'open' && !this.#ready ? 'connecting' : state;
  }

  get givenUp(): number {
    return this.#resets.count;
  }

  get active(): number {
    return this.#session.active;
  }

  get capacity(): number {
    return this.#session.capacity;
  }

  request(head: RequestHead, receiver: ResponseReceiver): ClientExchange {
    const exchange = new Http2ClientExchange(head, receiver, this.#peer, this.#resets);
    const list = writeRequestHead(head);
    const refusal = this.#refusal(list);
    if (refusal !== undefined) {
      queueMicrotask(() => exchange.fail(refusal));
      return exchange;
    }
    exchange.stream = this.#session.open(list, head.framing === 'none' && head.method !== 'CONNECT', exchange);
    return exchange;
  }

  drain(): void {
    this.#session.drain();
  }

  close(): void {
    this.#session.close();
  }

  // ---- SessionHandler

  onStream(_stream: Stream): void {}

  onSettings(): void {
    this.#ready = true;
    this.#options.onReady?.();
  }

  onGoaway(): void {}

  onCapacity(): void {
    this.#options.onCapacity?.();
  }

  onIdle(): void {
    this.#options.onIdle?.();
  }

  onClose(end: SessionEnd): void {
    this.#options.onClose?.(end);
  }

  /** Why nothing can start now. All of these are unprocessed: nothing was sent. */
  #refusal(list: readonly string[]): Failure | undefined {
    if (this.#session.state !== 'open') {
      const detail = `the connection to ${this.#peer} is ${this.#session.state}`;
      return { reason: 'upstream_reset', unprocessed: true, detail };
    }
    if (this.#session.capacity === 0) {
      return { reason: 'overloaded', unprocessed: true, detail: `${this.#peer} takes no more streams at once` };
    }
    if (listSize(list) > this.#session.peerMaxHeaderList) {
      return { reason: 'head_too_large', unprocessed: true, detail: `the head is larger than ${this.#peer} accepts` };
    }
    return undefined;
  }
}

/** As SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 6.5.2). */
function listSize(list: readonly string[]): number {
  let size = list.length * 16;
  for (let index = 0; index < list.length; index++) size += list[index]!.length;
  return size;
}
