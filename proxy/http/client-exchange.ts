import { BodyWriter } from './body-writer.ts';
import type { ClientExchange, Failure, HeaderList, RequestHead, ResponseReceiver } from './message.ts';
import type { Output } from './output.ts';
import { mayTunnel } from './upgrade.ts';

/** What an exchange needs of its connection. */
export interface ClientHost {
  readonly output: Output;
  flowChanged(): void;
  /** Half-close of the tunnel. */
  tunnelEnded(): void;
  giveUp(): void;
}

/** One request on an HTTP/1.1 client connection. `response` is what was received of the answer. */
export class Http1ClientExchange implements ClientExchange {
  readonly head: RequestHead;
  readonly receiver: ResponseReceiver;
  response: 'waiting' | 'body' | 'tunnel' | 'done' = 'waiting';
  requestDone = false;
  paused = false;
  /** No more calls to the receiver. */
  over = false;
  informs = 0;
  #ended = false;
  #toldToStop = false;
  #writer: BodyWriter;
  readonly #host: ClientHost;

  constructor(host: ClientHost, head: RequestHead, receiver: ResponseReceiver) {
    this.#host = host;
    this.head = head;
    this.receiver = receiver;
    this.#writer = new BodyWriter(host.output, head.framing, head.contentLength);
    this.requestDone = head.framing === 'none';
  }

  /** We have ended our direction of the tunnel. */
  get ended(): boolean {
    return this.#ended;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.over || this.#ended) return true;
    if (this.requestDone && this.response !== 'tunnel') return true;
    if (!this.#writer.accepts(end - start)) {
      this.#fail('the request body is longer than its head said');
      return true;
    }
    if (this.#writer.write(buffer, start, end)) return true;
    this.#toldToStop = true;
    return false;
  }

  end(trailers?: HeaderList): void {
    if (this.over || this.#ended) return;
    this.#ended = mayTunnel(this.head);
    if (this.response === 'tunnel') this.#host.tunnelEnded();
    else if (!this.requestDone) this.#endBody(trailers);
  }

  pause(): void {
    if (this.paused || this.over) return;
    this.paused = true;
    this.#host.flowChanged();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#host.flowChanged();
  }

  abort(): void {
    if (this.over) return;
    this.over = true;
    this.#host.giveUp();
  }

  /** The last call to the receiver. */
  fail(failure: Failure): void {
    if (this.over) return;
    this.over = true;
    this.receiver.onFailure(failure);
  }

  drained(): void {
    if (!this.#toldToStop || this.over) return;
    this.#toldToStop = false;
    this.receiver.onDrain();
  }

  startTunnel(): void {
    this.response = 'tunnel';
    this.#writer = new BodyWriter(this.#host.output, 'tunnel', 0);
  }

  #endBody(trailers: HeaderList | undefined): void {
    if (!this.#writer.finish(trailers)) {
      this.#fail('the request body is shorter than its head said');
      return;
    }
    this.requestDone = true;
  }

  /** Our own caller broke the framing: what was sent cannot be completed. */
  #fail(detail: string): void {
    this.#host.giveUp();
    this.fail({ reason: 'malformed_request', unprocessed: false, detail });
  }
}
