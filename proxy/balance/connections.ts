import type { ClientExchange, Failure, RequestHead, ResponseReceiver } from '../http/message.ts';
import type { Credentials } from '../tls/credentials.ts';

/** What travels beside a try; see `contract/wire.md`. Plain connections ignore it. */
export interface TryMeta {
  /** Original destination, `address:port`. */
  readonly destination: string;
  /** From 1. */
  readonly attempt: number;
  /** Milliseconds left for the whole request. */
  readonly deadlineMs: number | undefined;
}

/** A connection on which a try may start now. */
export interface Opener {
  open(head: RequestHead, meta: TryMeta, receiver: ResponseReceiver): ClientExchange;
  /** Raw bytes both ways; a plain endpoint has none here: dial it instead. */
  tunnel?(meta: TryMeta, receiver: ResponseReceiver): ClientExchange;
}

export interface ConnectWaiter {
  /** Use the opener before the call returns. */
  onConnection(opener: Opener): void;
  onConnectFailure(failure: Failure): void;
}

/** All connections to one endpoint. */
export interface Connections {
  /** An opener that can be used at once (use it before anything else), or undefined: the waiter is called later, once. */
  acquire(waiter: ConnectWaiter, connectTimeoutMs: number): Opener | undefined;
  /** The waiter is not called any more. */
  cancel(waiter: ConnectWaiter): void;
  /** Idle connections close now, the others when their requests are done. New requests may still come (a running retry). */
  drain(): void;
  /** The own certificate changed: the next request connects anew, what runs goes on. Plain connections: nothing to do. */
  renew(): void;
  /** A root is trusted no more: connections to peers below it close at once. Plain connections: nothing to do. */
  distrust?(credentials: Credentials): void;
  close(): void;
  readonly open: number;
}
