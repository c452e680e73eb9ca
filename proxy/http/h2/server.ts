import type { Clock, Timer } from '../../base/clock.ts';
import type { Transport } from '../../base/transport.ts';
import { HEADERS } from '../../contract/headers.ts';
import type { Reason } from '../../contract/reasons.ts';
import { DeadlineTimer } from '../deadline-timer.ts';
import type { HttpLimits } from '../limits.ts';
import type { ServerExchange } from '../message.ts';
import { peerName } from '../peer-name.ts';
import { ERROR } from './codes.ts';
import type { Defer } from './defer.ts';
import { IncomingRequest, type ServerHost } from './server-exchange.ts';
import { Session } from './session.ts';
import {
  type KeepaliveOptions,
  PUBLIC_LIMITS,
  type SessionEnd,
  type SessionHandler,
  type SessionLimits,
} from './session-options.ts';
import type { Stream } from './stream.ts';

/** After 10 s of silence a PING; without any byte within 3 s more the client is dead (issue 4). */
export const KEEPALIVE: KeepaliveOptions = { intervalMs: 10_000, timeoutMs: 3_000 };

export interface Http2ServerOptions {
  /** `headTimeoutMs` and `idleTimeoutMs` are used; sizes are those of `session`. */
  readonly limits: HttpLimits;
  /** Default `PUBLIC_LIMITS`. */
  readonly session?: SessionLimits;
  /** Default 10 s and 3 s. */
  readonly keepalive?: KeepaliveOptions;
  readonly clock: Clock;
  /** Replaces the schedule of writes in tests. */
  readonly defer?: Defer;
  /** A request's head is complete. Set `exchange.receiver` before returning. */
  onRequest(exchange: ServerExchange): void;
  /** Something was refused by the codec itself: a stream, or the whole connection. For the access log. */
  onBadRequest?(info: { readonly reason: Reason; readonly status: number; readonly detail: string }): void;
  /** The transport is closed; last call, exactly once. */
  onClose?(): void;
  /** Bytes already read while the protocol was detected. */
  readonly first?: Buffer;
}

export interface Http2ServerConnection {
  /** GOAWAY; what runs and what was sent before the client heard of it is served; then the connection closes (RFC 9113 6.8). */
  drain(): void;
  /** At once; running exchanges' receivers get `onAbort`. */
  close(): void;
  /** Requests are running. */
  readonly busy: boolean;
}

/** Serves HTTP/2 with prior knowledge (RFC 9113 3.3) on a transport; takes it over. */
export function serveHttp2(transport: Transport, options: Http2ServerOptions): Http2ServerConnection {
  const server = new Http2Server(transport, options);
  server.start(transport);
  return server;
}

class Http2Server implements Http2ServerConnection, SessionHandler, ServerHost {
  readonly peer: string;
  readonly #options: Http2ServerOptions;
  readonly #session: Session;
  readonly #idle: DeadlineTimer;
  #stall: Timer | undefined;
  /** `session.unfinished` at the last look. */
  #unfinished = -1;

  constructor(transport: Transport, options: Http2ServerOptions) {
    const { clock, session = PUBLIC_LIMITS, keepalive = KEEPALIVE, defer } = options;
    this.peer = `client ${peerName(transport)}`;
    this.#options = options;
    this.#idle = new DeadlineTimer(clock, () => this.#session.drain());
    this.#session = new Session(
      transport,
      { role: 'server', clock, limits: session, keepalive, peer: this.peer, ...(defer === undefined ? {} : { defer }) },
      this,
    );
  }

  start(transport: Transport): void {
    const { first } = this.#options;
    this.#waitForRequest();
    this.#watch();
    if (first === undefined || first.length === 0) {
      this.#session.start();
      return;
    }
    // Requests never begin before `serveHttp2` returned; the transport waits so that the order of the bytes is kept.
    transport.pause();
    this.#session.start();
    queueMicrotask(() => {
      this.#session.onData(first, 0, first.length);
      transport.resume();
    });
  }

  get busy(): boolean {
    return this.#session.active > 0;
  }

  drain(): void {
    this.#session.drain();
  }

  close(): void {
    this.#session.close();
  }

  // ---- ServerHost

  onRequest(exchange: ServerExchange): void {
    this.#options.onRequest(exchange);
  }

  onMalformed(detail: string): void {
    this.#options.onBadRequest?.({ reason: 'malformed_request', status: 400, detail });
  }

  // ---- SessionHandler

  onStream(stream: Stream): void {
    this.#idle.clear();
    stream.receiver = new IncomingRequest(stream, this);
  }

  /** RFC 6585 5: this one request is too large, the connection goes on. */
  onOversizeHead(stream: Stream): void {
    const detail = 'a header list that is larger than allowed';
    stream.stopAfterEnd = true;
    stream.sendHeaders([':status', '431', HEADERS.reason, 'head_too_large', 'content-length', '0'], true);
    this.#options.onBadRequest?.({ reason: 'head_too_large', status: 431, detail });
  }

  onSettings(): void {}

  onGoaway(): void {}

  onIdle(): void {
    this.#waitForRequest();
  }

  onClose(end: SessionEnd): void {
    this.#idle.stop();
    this.#stall?.clear();
    if (end.by === 'peer-error') this.onMalformed(end.detail);
    this.#options.onClose?.();
  }

  #waitForRequest(): void {
    const ms = this.#options.limits.idleTimeoutMs;
    if (ms > 0) this.#idle.set(ms);
  }

  /** A head (or preface, or control frame) that stays incomplete from one look to the next has taken longer than `headTimeoutMs`. */
  #watch(): void {
    const { headTimeoutMs } = this.#options.limits;
    this.#stall = this.#options.clock.after(headTimeoutMs, () => {
      const now = this.#session.unfinished;
      if (now !== -1 && now === this.#unfinished) {
        const detail = `a head did not arrive within ${headTimeoutMs} ms`;
        this.#options.onBadRequest?.({ reason: 'head_timeout', status: 408, detail });
        this.#session.fail(ERROR.enhanceYourCalm, detail);
        return;
      }
      this.#unfinished = now;
      this.#watch();
    });
  }
}
