import type { ClientExchange, Failure, HeaderList, ResponseHead, ResponseReceiver } from '../message.ts';
import { ERROR, errorName } from './codes.ts';
import type { Stream, StreamEnd, StreamReceiver } from './stream.ts';

/** More informational responses than this to one request are an attack or a fault. */
const MOST_INFORMS = 32;

/** A request that we sent on a stream, read as a response. How heads and trailers are written is the business of those that extend it: HTTP/2, or the mesh's wire. */
export abstract class ResponseStream implements ClientExchange, StreamReceiver {
  /** Set right after the stream was opened. */
  stream: Stream | undefined;
  readonly #receiver: ResponseReceiver;
  /** For texts. */
  readonly #peer: string;
  #state: 'waiting' | 'body' | 'tunnel' | 'done' = 'waiting';
  #informs = 0;
  #trailers: HeaderList | undefined;

  constructor(receiver: ResponseReceiver, peer: string) {
    this.#receiver = receiver;
    this.#peer = peer;
  }

  /** A text says what is wrong; a failure is what the head stands for when it is no response of the application. */
  protected abstract readHead(list: string[], end: boolean): ResponseHead | Failure | string;
  /** What of a trailer section goes on, or a text that says what is wrong. */
  protected abstract readTrailers(list: string[]): HeaderList | string;
  /** What of a request's trailers may be sent. */
  protected abstract trailersToSend(trailers: HeaderList): HeaderList;

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.stream?.write(buffer, start, end) ?? true;
  }

  end(trailers?: HeaderList): void {
    this.stream?.end(trailers === undefined ? undefined : this.trailersToSend(trailers));
  }

  pause(): void {
    this.stream?.pause();
  }

  resume(): void {
    this.stream?.resume();
  }

  abort(): void {
    this.#state = 'done';
    this.stream?.reset(ERROR.cancel);
  }

  /** Ends the exchange with a failure, unless it is over. */
  fail(failure: Failure): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#receiver.onFailure(failure);
  }

  // ---- StreamReceiver

  onHeaders(list: string[], end: boolean): void {
    if (this.#state === 'waiting') {
      this.#head(this.readHead(list, end));
      return;
    }
    // RFC 9113 8.1: after the head only trailers, which end the stream.
    const trailers = this.#state === 'tunnel' || !end ? 'a second head' : this.readTrailers(list);
    if (typeof trailers === 'string') this.#protocol(trailers);
    else this.#trailers = trailers;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'waiting') this.#protocol('DATA before the response');
    else if (this.#state !== 'done') this.#receiver.onBody(buffer, start, end);
  }

  onEnd(): void {
    if (this.#state === 'done') return;
    if (this.#state === 'waiting') {
      this.#protocol('an end before the response');
      return;
    }
    if (this.#state === 'body') this.#state = 'done';
    this.#receiver.onEnd(this.#trailers);
  }

  onDrain(): void {
    if (this.#state !== 'done') this.#receiver.onDrain();
  }

  onReset(end: StreamEnd): void {
    this.fail(this.#failureOf(end));
  }

  #head(head: ResponseHead | Failure | string): void {
    if (typeof head === 'string') this.#protocol(head);
    else if ('detail' in head) this.#instead(head);
    else if (head.status < 200 && head.framing !== 'tunnel') this.#inform(head);
    else this.#final(head);
  }

  #inform(head: ResponseHead): void {
    this.#informs++;
    if (this.#informs > MOST_INFORMS) this.#protocol('too many informational responses');
    else this.#receiver.onInform(head);
  }

  #final(head: ResponseHead): void {
    this.#state = head.framing === 'tunnel' ? 'tunnel' : 'body';
    if (head.framing === 'length') this.stream?.expect(head.contentLength);
    else if (head.framing === 'none') this.stream?.expect(0);
    this.#receiver.onResponse(head);
  }

  #instead(failure: Failure): void {
    this.stream?.reset(ERROR.cancel);
    this.fail(failure);
  }

  #protocol(detail: string): void {
    this.stream?.reset(ERROR.protocol);
    this.fail({ reason: 'upstream_protocol', unprocessed: false, detail: `${this.#peer} sent ${detail}` });
  }

  #failureOf(end: StreamEnd): Failure {
    if (end.by === 'local') return { reason: 'upstream_protocol', unprocessed: false, detail: end.detail };
    if (end.by === 'connection') return { reason: 'upstream_reset', unprocessed: end.unprocessed, detail: end.detail };
    // RFC 9113 8.7: REFUSED_STREAM promises that nothing was processed
    const unprocessed = end.code === ERROR.refusedStream && this.#state === 'waiting';
    return { reason: 'upstream_reset', unprocessed, detail: `${this.#peer} reset the stream: ${errorName(end.code)}` };
  }
}
