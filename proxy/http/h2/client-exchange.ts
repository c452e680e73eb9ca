import type { Failure, HeaderList, ResponseHead, ResponseReceiver } from '../message.ts';
import { isPseudo, trailersToSend } from './message-fields.ts';
import { type Asked, readResponseHead } from './response-head.ts';
import { ResponseStream } from './response-stream.ts';

/** One request on an HTTP/2 client connection. */
export class Http2ClientExchange extends ResponseStream {
  readonly #asked: Asked;
  /** Of the whole connection. */
  readonly #resets: { count: number };

  constructor(asked: Asked, receiver: ResponseReceiver, peer: string, resets: { count: number }) {
    super(receiver, peer);
    this.#asked = asked;
    this.#resets = resets;
  }

  override abort(): void {
    if (this.stream?.closed === false) this.#resets.count++;
    super.abort();
  }

  protected readHead(list: string[], end: boolean): ResponseHead | Failure | string {
    return readResponseHead(list, this.#asked, end);
  }

  protected readTrailers(list: string[]): HeaderList | string {
    const pseudo = list.some((name, index) => index % 2 === 0 && isPseudo(name));
    return pseudo ? 'a pseudo-header in trailers' : trailersToSend(list);
  }

  protected trailersToSend(trailers: HeaderList): HeaderList {
    return trailersToSend(trailers);
  }
}
