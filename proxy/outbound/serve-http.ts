import type { Transport } from '../base/transport.ts';
import type { Reason } from '../contract/reasons.ts';
import { ownMessage, sendOwn } from '../filters/own-response.ts';
import { serveHttp2 } from '../http/h2/h2.ts';
import { type BadRequest, type RequestHead, type ServerExchange, serveHttp1 } from '../http/http.ts';
import type { OutboundContext } from './context.ts';
import { OutboundRequest, type RequestOrigin } from './dispatch.ts';
import { record } from './record.ts';
import { rescue } from './rescue.ts';

/** What the first bytes said. */
export type HttpVersion = 'http' | 'http2';

/** An HTTP connection of the application, of either version. */
export interface HttpConnection {
  drain(): void;
  close(): void;
}

/** HTTP connections of the application, for `drain` and `close`. */
export class HttpConnections {
  readonly #all = new Set<HttpConnection>();
  #draining = false;

  get size(): number {
    return this.#all.size;
  }

  add(connection: HttpConnection): void {
    this.#all.add(connection);
    if (this.#draining) connection.drain();
  }

  delete(connection: HttpConnection): void {
    this.#all.delete(connection);
  }

  /** Those that come later are drained at once. */
  drain(): void {
    this.#draining = true;
    for (const connection of [...this.#all]) connection.drain();
  }

  close(): void {
    for (const connection of [...this.#all]) connection.close();
  }
}

/** Parses the connection and starts an `OutboundRequest` for each request. */
export function serveHttp(
  context: OutboundContext,
  connections: HttpConnections,
  origin: RequestOrigin,
  client: Transport,
  version: HttpVersion,
  first: Buffer,
): void {
  const connection: HttpConnection = (version === 'http2' ? serveHttp2 : serveHttp1)(client, {
    limits: context.limits,
    clock: context.clock,
    first,
    onRequest: (exchange: ServerExchange) => new OutboundRequest(context, origin, exchange).start(),
    onBadRequest: (info: BadRequest) => recordBad(context, origin.destination, info),
    onClose: () => connections.delete(connection),
  });
  connections.add(connection);
}

/** Tells an HTTP client why its destination is refused, on each request. */
export function refuseHttp(
  context: OutboundContext,
  connections: HttpConnections,
  client: Transport,
  version: HttpVersion,
  first: Buffer,
  refusal: { readonly reason: Reason; readonly detail: string; readonly destination: string },
): void {
  const connection: HttpConnection = (version === 'http2' ? serveHttp2 : serveHttp1)(client, {
    limits: context.limits,
    clock: context.clock,
    first,
    onRequest(exchange: ServerExchange) {
      const response = rescue(refusal.reason, refusal.detail);
      exchange.receiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
      sendOwn(exchange, ownMessage(exchange.head, response));
      recordOwn(context, exchange.head, refusal.destination, response.status, refusal.reason, refusal.detail);
      connection.drain();
    },
    onClose: () => connections.delete(connection),
  });
  connections.add(connection);
}

function recordBad(context: OutboundContext, destination: string, info: BadRequest): void {
  recordOwn(context, UNREADABLE, destination, info.status, info.reason, info.detail);
}

const UNREADABLE: RequestHead = {
  method: '',
  target: '',
  form: 'origin',
  path: '',
  authority: '',
  version: 11,
  headers: [],
  spelling: 'lower',
  framing: 'none',
  contentLength: 0,
  upgrade: undefined,
  expectContinue: false,
};

function recordOwn(
  context: OutboundContext,
  head: RequestHead,
  destination: string,
  status: number,
  reason: Reason,
  detail: string,
): void {
  record(context, {
    head,
    port: undefined,
    endpoint: undefined,
    route: '',
    status,
    reason,
    detail,
    durationMs: 0,
    attempts: 0,
    destination,
    traceId: '',
  });
}
