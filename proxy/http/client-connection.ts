import { HeddleError } from '../base/errors.ts';
import type { Transport, TransportReceiver } from '../base/transport.ts';
import { BodyReader } from './body-reader.ts';
import { ByteStore } from './byte-store.ts';
import { type ClientHost, Http1ClientExchange } from './client-exchange.ts';
import type { Http1ClientConnection, Http1ClientOptions } from './connection.ts';
import { HeadEnd } from './head-end.ts';
import { parseResponseHead, type ReceivedResponse } from './head-parser.ts';
import { requestHeadText } from './head-writer.ts';
import { type ClientExchange, type Failure, headerIndex, type RequestHead, type ResponseReceiver } from './message.ts';
import { Output } from './output.ts';
import { peerName } from './peer-name.ts';
import { ProtocolError } from './protocol-error.ts';
import { requestConnectionFields } from './request-fields.ts';
import { isTunnelStart } from './upgrade.ts';

/** More informational responses than this to one request are an attack or a fault. */
const MOST_INFORMS = 32;
const WAIT = -1;

/** One HTTP/1.1 connection to an upstream: one request at a time. */
export class Http1Client implements Http1ClientConnection, ClientHost, TransportReceiver {
  readonly output: Output;
  readonly #transport: Transport;
  readonly #options: Http1ClientOptions;
  readonly #store = new ByteStore();
  readonly #headEnd = new HeadEnd();
  #exchange: Http1ClientExchange | undefined;
  /** Set while a response body, or tunnel, is being read. */
  #body: BodyReader | undefined;
  /** The peer said, or its framing says, that this is the last exchange. */
  #lastExchange = false;
  #open = true;
  #paused = false;
  #peerEnded = false;

  constructor(transport: Transport, options: Http1ClientOptions) {
    this.#transport = transport;
    this.#options = options;
    this.output = new Output(transport);
    transport.receiver = this;
  }

  get idle(): boolean {
    return this.#exchange === undefined;
  }

  get reusable(): boolean {
    return this.#open && this.#exchange === undefined && !this.#lastExchange;
  }

  request(head: RequestHead, receiver: ResponseReceiver): ClientExchange {
    if (this.#exchange !== undefined) {
      throw new HeddleError('http1_busy', 'an HTTP/1.1 connection takes one request at a time', {
        where: { peer: peerName(this.#transport) },
      });
    }
    const exchange = new Http1ClientExchange(this, head, receiver);
    if (!this.reusable) {
      queueMicrotask(() =>
        exchange.fail(this.#failure('upstream_reset', true, 'was closed before the request was written')),
      );
      return exchange;
    }
    this.#exchange = exchange;
    this.#headEnd.reset();
    this.output.wrote = false;
    const host = headerIndex(head.headers, 'host') === -1 ? peerName(this.#transport) : '';
    this.output.text(requestHeadText(head, requestConnectionFields(head), host));
    return exchange;
  }

  close(): void {
    this.#failExchange(this.#failure('upstream_reset', false, 'was closed by this proxy'));
    this.#destroy();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (!this.#open) return;
    if (this.#store.length > 0) {
      this.#store.append(buffer, start, end);
      const held = this.#store.view();
      this.#store.drop(Math.min(this.#run(held.buffer, held.start, held.end) - held.start, this.#store.length));
    } else {
      const used = this.#run(buffer, start, end);
      if (this.#open) this.#store.append(buffer, used, end);
    }
  }

  onEnd(): void {
    this.#peerEnded = true;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#destroy();
    } else if (exchange.response === 'tunnel') {
      exchange.receiver.onEnd(undefined);
      if (exchange.ended) this.#tunnelOver(exchange);
    } else if (this.#body?.endsWithClose === true) {
      // RFC 9112, 6.3 item 8
      this.#responseDone(exchange);
    } else {
      // RFC 9112, 8: an incomplete response, whatever of it was read.
      this.#failExchange(this.#cut('ended the connection'));
      this.#destroy();
    }
  }

  onDrain(): void {
    this.output.drained();
    this.#exchange?.drained();
  }

  onClose(error?: Error): void {
    const failure = this.#cut(error === undefined ? 'closed the connection' : error.message);
    this.#open = false;
    this.output.discard();
    this.#store.clear();
    this.#failExchange(failure);
    this.#options.onClose?.();
  }

  flowChanged(): void {
    const pause = this.#exchange?.paused === true;
    if (pause === this.#paused || !this.#open) return;
    this.#paused = pause;
    if (pause) this.#transport.pause();
    else this.#transport.resume();
  }

  tunnelEnded(): void {
    this.output.flush();
    this.#transport.end();
    if (this.#peerEnded && this.#exchange !== undefined) this.#tunnelOver(this.#exchange);
  }

  giveUp(): void {
    this.#exchange = undefined;
    this.#destroy();
  }

  #run(buffer: Buffer, start: number, end: number): number {
    let at = start;
    try {
      while (at < end) {
        const next = this.#step(buffer, at, end);
        if (next === WAIT) break;
        at = next;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#failExchange(this.#failure('upstream_protocol', false, `sent what is not valid HTTP: ${error.detail}`));
      this.#destroy();
      at = end;
    }
    return at;
  }

  #step(buffer: Buffer, at: number, end: number): number {
    const exchange = this.#exchange;
    if (!this.#open) return end;
    if (exchange === undefined) {
      // Nobody asked: a farewell (408, 503) or something left over. Whatever it is, no later answer can be trusted.
      this.#destroy();
      return end;
    }
    if (!this.output.wrote) {
      // The request has not left yet: whatever this is, it is no answer to it.
      this.#failExchange(this.#failure('upstream_reset', true, 'sent something before the request was written'));
      this.#destroy();
      return end;
    }
    return this.#body === undefined
      ? this.#readHead(exchange, buffer, at, end)
      : this.#readBody(exchange, this.#body, buffer, at, end);
  }

  #readHead(exchange: Http1ClientExchange, buffer: Buffer, at: number, end: number): number {
    const { limits } = this.#options;
    const headEnd = this.#headEnd.find(buffer, at, end, limits);
    if (headEnd === -1) return WAIT;
    const head = parseResponseHead(buffer, at, headEnd, exchange.head, limits, this.#headEnd.text);
    this.#headEnd.reset();
    if (head.status < 200 && head.status !== 101) this.#inform(exchange, head);
    else this.#respond(exchange, head);
    return headEnd;
  }

  #inform(exchange: Http1ClientExchange, head: ReceivedResponse): void {
    if (++exchange.informs > MOST_INFORMS) {
      throw new ProtocolError(400, 'malformed_request', `more than ${MOST_INFORMS} informational responses`);
    }
    exchange.receiver.onInform(head);
  }

  #respond(exchange: Http1ClientExchange, head: ReceivedResponse): void {
    if (!head.persistent) this.#lastExchange = true;
    if (isTunnelStart(exchange.head, head.status)) exchange.startTunnel();
    else exchange.response = 'body';
    // RFC 9112, 6.3 item 1: without one the head is the whole response.
    if (head.framing !== 'none') this.#body = new BodyReader(head.framing, head.contentLength, this.#options.limits);
    exchange.receiver.onResponse(head);
    if (exchange.over) return;
    if (head.framing === 'none') this.#responseDone(exchange);
    // The caller ended its side before there was a tunnel.
    else if (exchange.response === 'tunnel' && exchange.ended) this.tunnelEnded();
  }

  #readBody(exchange: Http1ClientExchange, body: BodyReader, buffer: Buffer, at: number, end: number): number {
    const event = body.read(buffer, at, end);
    if (event === 'data') exchange.receiver.onBody(buffer, body.dataStart, body.dataEnd);
    if ((event === 'end' || body.complete) && !exchange.over) this.#responseDone(exchange);
    return body.position;
  }

  #responseDone(exchange: Http1ClientExchange): void {
    const trailers = this.#body?.trailers;
    this.#body = undefined;
    this.#exchange = undefined;
    exchange.response = 'done';
    exchange.over = true;
    exchange.paused = false;
    // An answer before the end of the request: what is left of it would be read as the next one (RFC 9112, 9.3).
    if (!exchange.requestDone || this.#peerEnded) this.#lastExchange = true;
    this.flowChanged();
    if (this.#lastExchange) this.#destroy();
    exchange.receiver.onEnd(trailers);
    if (this.reusable) this.#options.onIdle?.();
  }

  #tunnelOver(exchange: Http1ClientExchange): void {
    exchange.over = true;
    this.#exchange = undefined;
    this.#lastExchange = true;
    // Both directions are ended: the transport closes by itself once our last bytes are out; it is only destroyed if nothing waits.
    if (this.#transport.pending === 0) this.#destroy();
  }

  #failExchange(failure: Failure): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#body = undefined;
    exchange?.fail(failure);
  }

  #destroy(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#lastExchange = true;
    this.#store.clear();
    this.output.discard();
    this.#transport.destroy();
  }

  /** The connection ended before the response was complete. Unprocessed only if no byte of the request was handed to the transport. */
  #cut(what: string): Failure {
    const exchange = this.#exchange;
    const unwritten = exchange !== undefined && !this.output.wrote;
    return this.#failure('upstream_reset', unwritten, what);
  }

  #failure(reason: Failure['reason'], unprocessed: boolean, what: string): Failure {
    return { reason, unprocessed, detail: `upstream ${peerName(this.#transport)} ${what}` };
  }
}
