import type { Failure, RequestHead, RequestReceiver, ResponseHead, ServerExchange } from '../message.ts';
import { ERROR, errorName } from './codes.ts';
import { trailerFault, trailersToSend } from './message-fields.ts';
import { readRequestHead } from './request-head.ts';
import { hasNoBody, writeResponseHead } from './response-head.ts';
import type { Stream, StreamEnd, StreamReceiver } from './stream.ts';

/** What an exchange needs of its connection. */
export interface ServerHost {
  /** For texts. */
  readonly peer: string;
  onRequest(exchange: ServerExchange): void;
  onMalformed(detail: string): void;
}

const NOBODY: RequestReceiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };

/** A new stream: waits for its head. */
export class IncomingRequest implements StreamReceiver {
  readonly #stream: Stream;
  readonly #host: ServerHost;

  constructor(stream: Stream, host: ServerHost) {
    this.#stream = stream;
    this.#host = host;
  }

  onHeaders(list: string[], end: boolean): void {
    const head = readRequestHead(list, end);
    if (typeof head === 'string') {
      // RFC 9113 8.1.1: a malformed request is a stream error PROTOCOL_ERROR.
      this.#stream.reset(ERROR.protocol);
      this.#host.onMalformed(head);
      return;
    }
    const isConnect = head.method === 'CONNECT';
    if (head.framing !== 'chunked' && !isConnect) this.#stream.expect(head.contentLength);
    const exchange = new Http2ServerExchange(this.#stream, head, this.#host);
    this.#stream.receiver = exchange;
    // Nothing of a tunnel is read before it is one.
    if (isConnect) this.#stream.pause();
    this.#host.onRequest(exchange);
  }

  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onReset(): void {}
}

/**
 * One request with its response on an HTTP/2 stream. `waiting`: nothing answered; `body`: the response goes out; `tunnel`; `done`: completely
 * answered, given up or broken: the receiver hears nothing more.
 */
class Http2ServerExchange implements ServerExchange, StreamReceiver {
  readonly head: RequestHead;
  receiver: RequestReceiver = NOBODY;
  readonly #stream: Stream;
  readonly #host: ServerHost;
  #state: 'waiting' | 'body' | 'tunnel' | 'done' = 'waiting';
  #paused = false;
  #trailers: string[] | undefined;

  constructor(stream: Stream, head: RequestHead, host: ServerHost) {
    this.#stream = stream;
    this.head = head;
    this.#host = host;
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#isConnect || this.#state === 'tunnel') this.#stream.resume();
  }

  inform(head: ResponseHead): void {
    // RFC 9113 8.6: there is no 101.
    if (this.#state !== 'waiting' || head.status < 100 || head.status > 199 || head.status === 101) return;
    this.#stream.sendHeaders(writeResponseHead(head), false);
  }

  respond(head: ResponseHead): void {
    if (this.#state !== 'waiting') return;
    const tunnel = this.#isConnect && head.status >= 200 && head.status < 300;
    if (head.status < 200 || (head.framing === 'tunnel' && !tunnel)) {
      this.abort({ reason: 'upstream_protocol', unprocessed: false, detail: 'a response that was not asked for' });
      return;
    }
    this.#state = tunnel ? 'tunnel' : 'body';
    if (tunnel) {
      this.#stream.sendHeaders(writeResponseHead(head), false);
      if (!this.#paused) this.#stream.resume();
      return;
    }
    this.#stream.stopAfterEnd = true;
    const complete = head.framing === 'none' || hasNoBody(this.head.method, head.status);
    if (complete) this.#state = 'done';
    this.#stream.sendHeaders(writeResponseHead(head), complete);
    // No tunnel: what the client may have sent for it is nobody's, and the request is complete (`RequestReceiver.onEnd`).
    if (this.#isConnect && !complete) this.receiver.onEnd(undefined);
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#state !== 'body' && this.#state !== 'tunnel') return true;
    return this.#stream.write(buffer, start, end);
  }

  end(trailers?: string[]): void {
    if (this.#state !== 'body' && this.#state !== 'tunnel') return;
    if (this.#state === 'body') this.#state = 'done';
    this.#stream.end(trailers === undefined ? undefined : trailersToSend(trailers));
  }

  abort(failure: Failure): void {
    if (this.#stream.closed) return;
    const waiting = this.#state === 'waiting';
    this.#state = 'done';
    this.#stream.reset(resetCode(failure, waiting));
  }

  get #isConnect(): boolean {
    return this.head.method === 'CONNECT';
  }

  // ---- StreamReceiver

  onHeaders(list: string[], _end: boolean): void {
    const fault = this.#state === 'tunnel' ? 'trailers in a tunnel' : trailerFault(list);
    if (fault === undefined) {
      this.#trailers = list;
      return;
    }
    this.#stream.reset(ERROR.protocol);
    this.#host.onMalformed(fault);
    this.#abortWith({ reason: 'malformed_request', unprocessed: false, detail: `${this.#host.peer} sent ${fault}` });
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#state !== 'done') this.receiver.onBody(buffer, start, end);
  }

  onEnd(): void {
    if (this.#state !== 'done') this.receiver.onEnd(this.#trailers);
  }

  onDrain(): void {
    if (!this.#stream.closed) this.receiver.onDrain();
  }

  onReset(end: StreamEnd): void {
    if (end.by === 'local') {
      this.#host.onMalformed(end.detail);
      this.#abortWith({ reason: 'malformed_request', unprocessed: false, detail: end.detail });
      return;
    }
    const detail = end.by === 'peer' ? `${this.#host.peer} reset the stream: ${errorName(end.code)}` : end.detail;
    this.#abortWith({ reason: 'client_closed', unprocessed: false, detail });
  }

  #abortWith(failure: Failure): void {
    // A response that is still queued when the client leaves was not delivered: that is told as well.
    if (this.#state === 'done' && this.#stream.localClosed) return;
    this.#state = 'done';
    this.receiver.onAbort(failure);
  }
}

/** RFC 9113 7: what a client may conclude. gRPC clients make a status of it. */
function resetCode(failure: Failure, nothingAnswered: boolean): number {
  if (failure.unprocessed && nothingAnswered) return ERROR.refusedStream;
  switch (failure.reason) {
    case 'overloaded':
      return ERROR.enhanceYourCalm;
    case 'request_timeout':
    case 'stream_idle_timeout':
      return ERROR.cancel;
    default:
      return ERROR.internal;
  }
}
