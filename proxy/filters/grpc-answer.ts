import type { Reason } from '../contract/reasons.ts';
import type { HeaderList, ResponseHead } from '../http/message.ts';
import { grpcStatusIn, grpcStatusOf } from './grpc.ts';

/** Follows the answer of one gRPC call and knows its status for the books. Made when the request's head says gRPC: others pay nothing. */
export class GrpcAnswer {
  /** 0 to 16; `unknown` until the answer says one, and when it never does. */
  status: number | 'unknown' = 'unknown';

  /** A head that ends the response is a trailers-only answer. */
  answered(head: ResponseHead): void {
    if (head.framing === 'none') this.status = grpcStatusIn(head.headers);
  }

  /** Undefined trailers: the response ended with its head, or without a status. */
  ended(trailers: HeaderList | undefined): void {
    if (trailers !== undefined) this.status = grpcStatusIn(trailers);
  }

  /** Answered by this proxy, as `ownMessage` does. */
  refused(reason: Reason): void {
    this.status = grpcStatusOf(reason);
  }
}
