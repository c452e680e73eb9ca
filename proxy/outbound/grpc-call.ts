import type { Clock } from '../base/clock.ts';
import { FirstMessage, grpcTimeoutMs, grpcTimeoutText, isGrpc } from '../filters/grpc.ts';
import { GrpcAnswer } from '../filters/grpc-answer.ts';
import { headerIndex, type RequestHead } from '../http/message.ts';

/** What a gRPC request needs beside an ordinary one: its own deadline, to know when the first message of the response is there, and its status for the books. */
export class GrpcCall {
  /** Milliseconds that the caller gives the whole call; undefined: no end. */
  readonly timeoutMs: number | undefined;
  /** What the application got. */
  readonly answer = new GrpcAnswer();
  readonly #clock: Clock;
  readonly #endsAt: number;
  readonly #first = new FirstMessage();

  constructor(clock: Clock, timeoutMs: number | undefined) {
    this.#clock = clock;
    this.timeoutMs = timeoutMs;
    this.#endsAt = clock.now() + (timeoutMs ?? 0);
  }

  /** Writes what is left of `grpc-timeout` into the head of the next try. */
  passOn(head: RequestHead): void {
    if (this.timeoutMs === undefined) return;
    const index = headerIndex(head.headers, 'grpc-timeout');
    if (index !== -1) head.headers[index] = grpcTimeoutText(this.#endsAt - this.#clock.now());
  }

  /** True once: from here on the call is a stream, and a timeout of the whole request would cut it anywhere. */
  becomesStream(buffer: Buffer, start: number, end: number): boolean {
    return this.#first.completes(buffer, start, end);
  }
}

/** Undefined: not a gRPC request. */
export function grpcCall(head: RequestHead, clock: Clock): GrpcCall | undefined {
  return isGrpc(head) ? new GrpcCall(clock, grpcTimeoutMs(head)) : undefined;
}
