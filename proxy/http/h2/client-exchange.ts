import type { ClientExchange, Failure, ResponseHead, ResponseReceiver } from '../message.ts';
import { ERROR, errorName } from './codes.ts';
import { isPseudo, trailersToSend } from './message-fields.ts';
import { type Asked, readResponseHead } from './response-head.ts';
import type { Stream, StreamEnd, StreamReceiver } from './stream.ts';

/** More informational responses than this to one request are an attack or a fault. */
const MOST_INFORMS = 32;

/** One request on an HTTP/2 client connection: a stream read as a response. */
export class Http2ClientExchange implements ClientExchange, StreamReceiver {
  /** Set right after the stream was opened. */
  stream: Stream | undefined;
  readonly #asked: Asked;
  readonly #receiver: ResponseReceiver;
  /** For texts. */
  readonly #peer: string;
  /** Of the whole connection. */
  readonly #resets: { count: number };
  #state: 'waiting' | 'body' | 'tunnel' | 'done' = 'waiting';
  #informs = 0;
  #trailers: string[] | undefined;

  constructor(asked: Asked, receiver: ResponseReceiver, peer: string, resets: { count: number }) {
    this.#asked = asked;
    this.#receiver = receiver;
    this.#peer = peer;
    this.#resets = resets;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.stream?.write(buffer, start, end) ?? true;
  }

  end(trailers?: string[]): void {
    this.stream?.end(trailers === undefined ? undefined : trailersToSend(trailers));
  }

  pause(): void {
    this.stream?.pause();
  }

  resume(): void {
    this.stream?.resume();
  }

  abort(): void {
    this.#state = 'done';
    if (this.stream?.closed === false) this.#resets.count++;
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
      const head = readResponseHead(list, this.#asked, end);
      if (typeof head === 'string') this.#protocol(head);
      else if (head.status < 200) this.#inform(head);
      else this.#final(head);
      return;
    }
    // RFC 9113 8.1: after the head only trailers, which end the stream.
    if (this.#state === 'tunnel' || !end) this.#protocol('a second head');
    else if (list.some((name, index) => index % 2 === 0 && isPseudo(name)))
      this.#protocol('a pseudo-header in trailers');
    else this.#trailers = trailersToSend(list);
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
