import type { Clock, Timer } from '../base/clock.ts';
import type { Session, SessionEnd } from '../http/h2/h2.ts';
import type { ClientExchange, Failure, RequestHead, ResponseReceiver } from '../http/http.ts';
import type { Credentials } from '../tls/credentials.ts';
import type { MeshClient, RequestMeta } from './api.ts';
import { MeshClientExchange } from './client-exchange.ts';
import { atWallTime } from './expiry.ts';
import { encodeRequest, encodeTunnel } from './wire-request.ts';
import type { Asked } from './wire-response.ts';

export interface MeshClientOptions {
  readonly clock: Clock;
  readonly idleCloseMs: number;
  readonly peerIdentity: string;
  /** `identity at address:port`. */
  readonly peer: string;
  readonly expiresAt: number;
  readonly trustedBy: (credentials: Credentials) => boolean;
  onClose?(connection: MeshClient, end?: SessionEnd): void;
}

/** The calling side of an open mesh connection. */
export class MeshClientConnection implements MeshClient {
  readonly peerIdentity: string;
  readonly expiresAt: number;
  readonly #session: Session;
  readonly #options: MeshClientOptions;
  #idle: Timer | undefined;
  readonly #expiry: Timer;

  constructor(session: Session, options: MeshClientOptions) {
    this.#session = session;
    this.#options = options;
    this.peerIdentity = options.peerIdentity;
    this.expiresAt = options.expiresAt;
    this.#expiry = atWallTime(options.clock, options.expiresAt, () => session.close('the certificate expired'));
    this.idle();
  }

  get state(): 'open' | 'draining' | 'closed' {
    return this.#session.state;
  }

  get active(): number {
    return this.#session.active;
  }

  get capacity(): number {
    return this.#session.capacity;
  }

  open(head: RequestHead, meta: RequestMeta, receiver: ResponseReceiver): ClientExchange {
    const isTunnel = head.upgrade !== undefined || head.method === 'CONNECT';
    const complete = !isTunnel && (head.framing === 'none' || (head.framing === 'length' && head.contentLength === 0));
    return this.#start(encodeRequest(head, meta), head, complete, receiver);
  }

  tunnel(meta: RequestMeta, receiver: ResponseReceiver): ClientExchange {
    return this.#start(encodeTunnel(meta), { method: 'CONNECT', upgrade: undefined }, false, receiver);
  }

  trustedBy(credentials: Credentials): boolean {
    return this.#options.trustedBy(credentials);
  }

  drain(): void {
    this.#session.drain();
  }

  close(): void {
    this.#session.close();
  }

  /** Nothing runs: the connection closes unless something starts in time. */
  idle(): void {
    this.#idle?.clear();
    this.#idle = this.#options.clock.after(this.#options.idleCloseMs, () => this.#session.drain());
  }

  /** The session is over; every exchange has heard. */
  closed(end: SessionEnd): void {
    this.#idle?.clear();
    this.#expiry.clear();
    this.#options.onClose?.(this, end);
  }

  #start(list: string[], asked: Asked, complete: boolean, receiver: ResponseReceiver): ClientExchange {
    const exchange = new MeshClientExchange(asked, receiver, this.#options.peer);
    const refusal = this.#refusal(list);
    if (refusal !== undefined) {
      queueMicrotask(() => exchange.fail(refusal));
      return exchange;
    }
    this.#idle?.clear();
    this.#idle = undefined;
    exchange.stream = this.#session.open(list, complete, exchange);
    return exchange;
  }

  /** Why nothing can start now. All of these are unprocessed: nothing was sent. */
  #refusal(list: readonly string[]): Failure | undefined {
    const { peer } = this.#options;
    if (this.#session.state !== 'open') {
      return {
        reason: 'upstream_reset',
        unprocessed: true,
        detail: `the connection to ${peer} is ${this.#session.state}`,
      };
    }
    if (this.#session.capacity === 0) {
      return { reason: 'overloaded', unprocessed: true, detail: `${peer} takes no more streams at once` };
    }
    if (listSize(list) > this.#session.peerMaxHeaderList) {
      return { reason: 'head_too_large', unprocessed: true, detail: `the head is larger than ${peer} accepts` };
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
