import { HEADERS } from '../contract/headers.ts';
import { REASONS, type Reason } from '../contract/reasons.ts';
import { ERROR, errorName, type Stream, type StreamEnd, type StreamReceiver } from '../http/h2/h2.ts';
import {
  type ClientExchange,
  type Failure,
  type HeaderList,
  headerValue,
  type ResponseHead,
  type ResponseReceiver,
} from '../http/http.ts';
import { trailerFault, trailersToSend } from './wire-fields.ts';
import { type Asked, decodeResponse } from './wire-response.ts';

/** One try over the mesh: a stream read as a response. */
export class MeshClientExchange implements ClientExchange, StreamReceiver {
  /** Set right after the stream was opened. */
  stream: Stream | undefined;
  readonly #asked: Asked;
  readonly #receiver: ResponseReceiver;
  /** `identity at address`, for texts. */
  readonly #peer: string;
  #state: 'waiting' | 'body' | 'tunnel' | 'done' = 'waiting';
  #trailers: HeaderList | undefined;

  constructor(asked: Asked, receiver: ResponseReceiver, peer: string) {
    this.#asked = asked;
    this.#receiver = receiver;
    this.#peer = peer;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.stream?.write(buffer, start, end) ?? true;
  }

  end(trailers?: HeaderList): void {
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
      this.#head(list, end);
      return;
    }
    const fault = this.#state === 'tunnel' || !end ? 'a second head' : trailerFault(list);
    if (fault === undefined) this.#trailers = list;
    else this.#protocol(fault);
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

  #head(list: string[], end: boolean): void {
    const decoded = decodeResponse(list, this.#asked, end);
    if (decoded.kind === 'malformed') {
      this.#protocol(decoded.detail);
      return;
    }
    const { head } = decoded;
    if (decoded.unprocessed) this.#unprocessed(headerValue(head.headers, HEADERS.reason), head.status);
    else if (head.status < 200 && head.framing !== 'tunnel') this.#receiver.onInform(head);
    else this.#final(head);
  }

  #final(head: ResponseHead): void {
    this.#state = head.framing === 'tunnel' ? 'tunnel' : 'body';
    if (head.framing === 'length') this.stream?.expect(head.contentLength);
    else if (head.framing === 'none') this.stream?.expect(0);
    this.#receiver.onResponse(head);
  }

  /** The inbound proxy answered without having shown the request to the application. */
  #unprocessed(reason: string | undefined, status: number): void {
    this.stream?.reset(ERROR.cancel);
    this.fail({
      reason: knownReason(reason) ?? 'upstream_reset',
      unprocessed: true,
      detail: `${this.#peer} answered ${status} itself: ${reason}`,
    });
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

/** A reason that a peer named, if it is one of the catalogue. */
export function knownReason(text: string | undefined): Reason | undefined {
  return text !== undefined && Object.hasOwn(REASONS, text) ? (text as Reason) : undefined;
}
