import type { Failure, HeaderList, ResponseHead, ResponseReceiver } from '../http/message.ts';

/** What a request is told of the application's answer. */
export interface Answered {
  onInform(head: ResponseHead): void;
  onResponse(head: ResponseHead): void;
  onResponseBody(buffer: Buffer, start: number, end: number): void;
  onResponseEnd(trailers: HeaderList | undefined): void;
  onUpstreamDrain(): void;
  onFailure(failure: Failure): void;
}

/** Both ends of a request have an `onBody`: this one is the application's. */
export class ApplicationAnswer implements ResponseReceiver {
  readonly #request: Answered;

  constructor(request: Answered) {
    this.#request = request;
  }

  onInform(head: ResponseHead): void {
    this.#request.onInform(head);
  }

  onResponse(head: ResponseHead): void {
    this.#request.onResponse(head);
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#request.onResponseBody(buffer, start, end);
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#request.onResponseEnd(trailers);
  }

  onDrain(): void {
    this.#request.onUpstreamDrain();
  }

  onFailure(failure: Failure): void {
    this.#request.onFailure(failure);
  }
}
