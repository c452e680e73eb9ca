import { BodyReader } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import type { ReceivedRequest } from './head-parser.ts';
import { responseHeadText } from './head-writer.ts';
import type { HttpLimits } from './limits.ts';
import type { Failure, HeaderList, RequestReceiver, ResponseHead, ServerExchange } from './message.ts';
import type { Output } from './output.ts';
import { planResponse } from './response-plan.ts';
import { mayTunnel } from './upgrade.ts';

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  readonly output: Output;
  readonly limits: HttpLimits;
  readonly draining: boolean;
  /** Bytes that wait behind this request. */
  readonly heldBytes: number;
  flowChanged(): void;
  tunnelStarted(): void;
  tunnelEnded(): void;
  responseDone(exchange: Http1ServerExchange): void;
  kill(reset: boolean): void;
}

const INFORM = { connection: undefined, upgrade: undefined, chunked: false, length: 'drop' } as const;
const NOBODY: RequestReceiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };

/** One request with its response on an HTTP/1.1 server connection. `state` is that of the response. */
export class Http1ServerExchange implements ServerExchange {
  readonly head: ReceivedRequest;
  receiver: RequestReceiver = NOBODY;
  state: 'waiting' | 'body' | 'tunnel' | 'done' | 'aborted' = 'waiting';
  paused = false;
  /** Undefined once the request is complete. */
  body: BodyReader | undefined;
  closeAfter = false;
  /** In a tunnel: the client has ended its direction. */
  peerEnded = false;
  #weEnded = false;
  #continued = false;
  #toldToStop = false;
  #writer: BodyWriter | undefined;
  readonly #host: ExchangeHost;

  constructor(host: ExchangeHost, head: ReceivedRequest) {
    this.#host = host;
    this.head = head;
    this.body = head.framing === 'none' ? undefined : new BodyReader(head.framing, head.contentLength, host.limits);
  }

  /** The receiver wants to hear of this exchange. */
  get live(): boolean {
    return this.state !== 'done' && this.state !== 'aborted';
  }

  get ended(): boolean {
    return this.#weEnded && this.peerEnded;
  }

  pause(): void {
    if (this.paused || !this.live) return;
    this.paused = true;
    this.#host.flowChanged();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#host.flowChanged();
  }

  inform(head: ResponseHead): void {
    // RFC 9110, 15.2: never to an HTTP/1.0 client.
    if (this.state !== 'waiting' || this.head.version === 10 || head.status < 100 || head.status > 199) return;
    if (head.status === 101) return;
    if (head.status === 100) this.#continued = true;
    this.#host.output.text(responseHeadText(head, INFORM));
  }

  respond(head: ResponseHead): void {
    if (this.state !== 'waiting') return;
    const plan = planResponse(this.head, head, {
      draining: this.#host.draining,
      bodyInDoubt: this.#bodyInDoubt(head.status),
      earlyBytes: this.#host.heldBytes > 0,
    });
    if (plan.kind === 'invalid') {
      this.abort({ reason: 'upstream_protocol', unprocessed: false, detail: plan.detail });
      return;
    }
    this.#host.output.text(responseHeadText(head, plan.fields));
    if (plan.kind === 'tunnel') {
      this.#startTunnel();
      return;
    }
    this.state = 'body';
    this.closeAfter = plan.close;
    this.#writer = new BodyWriter(this.#host.output, plan.framing, head.contentLength);
    if (mayTunnel(this.head)) this.receiver.onEnd(undefined);
    if (plan.framing === 'none' && this.live) this.#complete();
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    const writer = this.#writer;
    if (writer === undefined || !this.live || this.#weEnded) return true;
    if (!writer.accepts(end - start)) {
      this.abort({ reason: 'upstream_protocol', unprocessed: false, detail: 'the body is longer than its head said' });
      return true;
    }
    if (writer.write(buffer, start, end)) return true;
    this.#toldToStop = true;
    return false;
  }

  end(trailers?: HeaderList): void {
    const writer = this.#writer;
    if (writer === undefined || !this.live || this.#weEnded) return;
    if (this.state === 'tunnel') {
      this.#weEnded = true;
      this.#host.tunnelEnded();
      return;
    }
    if (writer.finish(trailers)) this.#complete();
    else
      this.abort({ reason: 'upstream_protocol', unprocessed: false, detail: 'the body is shorter than its head said' });
  }

  abort(_failure: Failure): void {
    if (!this.live) return;
    const cut = this.#writer?.kind === 'close' || this.state === 'tunnel';
    this.state = 'aborted';
    // A FIN would look like the end of a body that ends with the connection.
    this.#host.kill(cut);
  }

  /** The connection is over: tells the receiver, once. */
  fail(failure: Failure): void {
    if (!this.live) return;
    this.state = 'aborted';
    this.receiver.onAbort(failure);
  }

  drained(): void {
    if (!this.#toldToStop || !this.live) return;
    this.#toldToStop = false;
    this.receiver.onDrain();
  }

  /** An application that answers while it reads goes on reading; one that refuses does not. */
  #bodyInDoubt(status: number): boolean {
    if (this.body === undefined) return false;
    if (this.head.expectContinue && !this.#continued) return true;
    return status >= 400 && this.body.remaining > this.#host.limits.discardBytes;
  }

  #startTunnel(): void {
    this.state = 'tunnel';
    this.#writer = new BodyWriter(this.#host.output, 'tunnel', 0);
    this.body = new BodyReader('tunnel', 0, this.#host.limits);
    this.#host.tunnelStarted();
  }

  #complete(): void {
    this.state = 'done';
    this.paused = false;
    this.#host.responseDone(this);
  }
}
