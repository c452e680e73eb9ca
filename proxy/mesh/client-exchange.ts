import { HEADERS } from '../contract/headers.ts';
import { REASONS, type Reason } from '../contract/reasons.ts';
import { ResponseStream } from '../http/h2/h2.ts';
import { type Failure, type HeaderList, headerValue, type ResponseHead, type ResponseReceiver } from '../http/http.ts';
import { trailerFault, trailersToSend } from './wire-fields.ts';
import { type Asked, decodeResponse } from './wire-response.ts';

/** One try over the mesh. */
export class MeshClientExchange extends ResponseStream {
  readonly #asked: Asked;
  /** `identity at address`, for texts. */
  readonly #peerName: string;

  constructor(asked: Asked, receiver: ResponseReceiver, peer: string) {
    super(receiver, peer);
    this.#asked = asked;
    this.#peerName = peer;
  }

  protected readHead(list: string[], end: boolean): ResponseHead | Failure | string {
    const decoded = decodeResponse(list, this.#asked, end);
    if (decoded.kind === 'malformed') return decoded.detail;
    return decoded.unprocessed ? this.#unprocessed(decoded.head) : decoded.head;
  }

  /** The inbound proxy answered without having shown the request to the application. */
  #unprocessed(head: ResponseHead): Failure {
    const reason = headerValue(head.headers, HEADERS.reason);
    return {
      reason: knownReason(reason) ?? 'upstream_reset',
      unprocessed: true,
      detail: `${this.#peerName} answered ${head.status} itself: ${reason}`,
    };
  }

  protected readTrailers(list: string[]): HeaderList | string {
    return trailerFault(list) ?? list;
  }

  protected trailersToSend(trailers: HeaderList): HeaderList {
    return trailersToSend(trailers);
  }
}

/** A reason that a peer named, if it is one of the catalogue. */
export function knownReason(text: string | undefined): Reason | undefined {
  return text !== undefined && Object.hasOwn(REASONS, text) ? (text as Reason) : undefined;
}
