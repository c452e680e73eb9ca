import { HEADERS } from '../contract/headers.ts';
import { ERROR, errorName, type Stream, type StreamEnd, type StreamReceiver } from '../http/h2/h2.ts';
import type { Failure, HeaderList, RequestHead, RequestReceiver, ResponseHead } from '../http/http.ts';
import type { MeshPeer, MeshServerExchange, RequestMeta } from './api.ts';
import { trailerFault, trailersToSend } from './wire-fields.ts';
import { decodeRequest } from './wire-request.ts';
import { encodeResponse } from './wire-response.ts';

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  readonly peer: MeshPeer;
  /** For texts. */
  readonly peerName: string;
  onRequest(exchange: MeshServerExchange): void;
}

type Meta = RequestMeta & { readonly kind: 'http' | 'tunnel' };

/** One request of a caller: a stream read as a request. Before its head was read it is only the stream's receiver. */
export class IncomingStream implements StreamReceiver {
  readonly #stream: Stream;
  readonly #host: ExchangeHost;

  constructor(stream: Stream, host: ExchangeHost) {
    this.#stream = stream;
    this.#host = host;
  }

  onHeaders(list: string[], end: boolean): void {
    const decoded = decodeRequest(list, end);
    if (decoded.kind === 'malformed') {
      // RFC 9113 8.1.1: a malformed request is a stream error. The caller is a proxy: no one reads a 400.
      this.#stream.reset(ERROR.protocol);
      return;
    }
    const { head, meta, kind } = decoded;
    if (head.framing !== 'chunked' && kind === 'http' && head.upgrade === undefined && head.method !== 'CONNECT') {
      this.#stream.expect(head.contentLength);
    }
    const { destination, attempt, deadlineMs } = meta;
    const exchange = new ServerStreamExchange(
      this.#stream,
      head,
      { destination, attempt, deadlineMs, kind },
      this.#host,
    );
    this.#stream.receiver = exchange;
    this.#host.onRequest(exchange);
  }

  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onReset(): void {}
}

class ServerStreamExchange implements MeshServerExchange, StreamReceiver {
  readonly head: RequestHead;
  readonly meta: Meta;
  receiver: RequestReceiver = NOBODY;
  readonly #stream: Stream;
  readonly #host: ExchangeHost;
  #responded = false;
  /** Completely answered or given up: the receiver hears nothing more. */
  #done = false;
  #tunnel = false;
  #trailers: HeaderList | undefined;

  constructor(stream: Stream, head: RequestHead, meta: Meta, host: ExchangeHost) {
    this.#stream = stream;
    this.#host = host;
    this.head = head;
    this.meta = meta;
  }

  get peer(): MeshPeer {
    return this.#host.peer;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  inform(head: ResponseHead): void {
    if (!this.#responded) this.#stream.sendHeaders(encodeResponse(head, false), false);
  }

  respond(head: ResponseHead): void {
    this.#respond(head, false);
  }

  respondUnprocessed(head: ResponseHead): void {
    this.#respond(head, true);
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.#stream.write(buffer, start, end);
  }

  end(trailers?: HeaderList): void {
    if (!this.#tunnel) this.#done = true;
    this.#stream.end(trailers === undefined ? undefined : trailersToSend(trailers));
  }

  abort(failure: Failure): void {
    if (this.#done && !this.#tunnel && this.#stream.closed) return;
    this.#done = true;
    if (failure.unprocessed && !this.#responded) this.#refuse(failure);
    else this.#stream.reset(ERROR.internal);
  }

  // ---- StreamReceiver

  onHeaders(list: string[], end: boolean): void {
    const fault = !end
      ? 'a second head'
      : this.head.framing === 'chunked' || this.head.version === 20
        ? trailerFault(list)
        : 'trailers of a body with a length';
    if (fault === undefined) {
      this.#trailers = list;
      return;
    }
    this.#stream.reset(ERROR.protocol);
    this.#abortWith({
      reason: 'malformed_request',
      unprocessed: false,
      detail: `${this.#host.peerName} sent ${fault}`,
    });
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (!this.#done) this.receiver.onBody(buffer, start, end);
  }

  onEnd(): void {
    if (!this.#done) this.receiver.onEnd(this.#trailers);
  }

  onDrain(): void {
    if (!this.#stream.closed) this.receiver.onDrain();
  }

  onReset(end: StreamEnd): void {
    if (end.by === 'local') this.#abortWith({ reason: 'malformed_request', unprocessed: false, detail: end.detail });
    else this.#abortWith({ reason: 'client_closed', unprocessed: false, detail: this.#goneText(end) });
  }

  #goneText(end: Exclude<StreamEnd, { by: 'local' }>): string {
    return end.by === 'peer' ? `${this.#host.peerName} reset the stream: ${errorName(end.code)}` : end.detail;
  }

  #abortWith(failure: Failure): void {
    // A response that is still queued when the caller leaves was not delivered: say so as well.
    if (this.#done && this.#stream.localClosed) return;
    this.#done = true;
    this.receiver.onAbort(failure);
  }

  #respond(head: ResponseHead, unprocessed: boolean): void {
    if (this.#responded || this.#done) return;
    this.#responded = true;
    this.#tunnel = this.#opensTunnel(head.status);
    this.#stream.stopAfterEnd = !this.#tunnel;
    const complete =
      !this.#tunnel && (head.framing === 'none' || (head.framing === 'length' && head.contentLength === 0));
    if (complete) this.#done = true;
    this.#stream.sendHeaders(encodeResponse(head, unprocessed), complete);
  }

  #opensTunnel(status: number): boolean {
    if (status === 101) return this.head.upgrade !== undefined;
    return this.head.method === 'CONNECT' && status >= 200 && status < 300;
  }

  /** Tells the caller's proxy the reason and that it may go elsewhere. */
  #refuse(failure: Failure): void {
    this.#responded = true;
    this.#stream.stopAfterEnd = true;
    const head: ResponseHead = {
      status: 503,
      reason: '',
      version: 11,
      headers: [HEADERS.reason, failure.reason],
      spelling: 'lower',
      framing: 'none',
      contentLength: 0,
    };
    this.#stream.sendHeaders(encodeResponse(head, true), true);
  }
}

const NOBODY: RequestReceiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
