import type { Clock } from '../base/clock.ts';
import type { Reason } from '../contract/reasons.ts';
import type { HttpLimits } from './limits.ts';
import type { ClientExchange, RequestHead, ResponseReceiver, ServerExchange } from './message.ts';

export interface Http1ServerOptions {
  readonly limits: HttpLimits;
  readonly clock: Clock;
  /** A request's head is complete. Set `exchange.receiver` before returning. */
  onRequest(exchange: ServerExchange): void;
  /** Something was refused and answered by the codec itself; the connection closes. For the access log. */
  onBadRequest?(info: BadRequest): void;
  /** The transport is closed; last call, exactly once. */
  onClose?(): void;
  /** Bytes already read while the protocol was detected. */
  readonly first?: Buffer;
}

export interface BadRequest {
  readonly reason: Reason;
  readonly status: number;
  readonly detail: string;
}

export interface Http1ServerConnection {
  /** Finishes what runs, answers with `Connection: close`, and closes when idle (after `limits.drainIdleMs` if it is idle now). */
  drain(): void;
  /** Closes at once; a running exchange's receiver gets `onAbort`. */
  close(): void;
  /** An exchange is running. */
  readonly busy: boolean;
}

export interface Http1ClientOptions {
  readonly limits: HttpLimits;
  readonly clock: Clock;
  /** The exchange is over and the connection may be used again. */
  onIdle?(): void;
  /** The transport is closed; last call, exactly once. */
  onClose?(): void;
}

export interface Http1ClientConnection {
  /**
   * Writes the head; one request at a time. A request without body (framing `none`) is complete at once. On a connection
   * that closed meanwhile the receiver gets `onFailure` with `unprocessed: true` (after this call returned).
   */
  request(head: RequestHead, receiver: ResponseReceiver): ClientExchange;
  /** No exchange is running. */
  readonly idle: boolean;
  /** Idle, open, and the peer did not say that it closes. */
  readonly reusable: boolean;
  close(): void;
}
