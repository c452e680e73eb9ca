import type { Transport, TransportReceiver } from '../base/transport.ts';
import { HEADERS } from '../contract/headers.ts';
import {
  type ClientExchange,
  type Failure,
  headerValue,
  type ResponseHead,
  type ResponseReceiver,
} from '../http/message.ts';
import { isReason } from './failures.ts';

export interface TunnelOpening {
  /** The application accepted: bytes may flow. */
  onOpen(): void;
  /** Refused, or failed before it was open. */
  onRefuse(failure: Failure): void;
}

/** A raw TCP connection through the mesh (CONNECT), seen as a transport. What is written before it is open travels with the opening. */
export class TunnelTransport implements Transport, ResponseReceiver {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress = '';
  readonly localPort = 0;
  readonly pending = 0;
  readonly #opening: TunnelOpening;
  #exchange: ClientExchange | undefined;
  #receiver: TransportReceiver | undefined;
  /** Arrived before there was a receiver: at most what one flow-control window holds, because the exchange is paused at once. */
  #early: Buffer[] = [];
  #earlyEnd = false;
  #open = false;
  #halves = 0;
  #closed = false;
  #failure: Error | undefined;

  constructor(peer: { readonly address: string; readonly port: number }, opening: TunnelOpening) {
    this.remoteAddress = peer.address;
    this.remotePort = peer.port;
    this.#opening = opening;
  }

  /** Called once with the exchange that this transport is the receiver of. */
  attach(exchange: ClientExchange): void {
    this.#exchange = exchange;
  }

  get receiver(): TransportReceiver | undefined {
    return this.#receiver;
  }

  set receiver(receiver: TransportReceiver | undefined) {
    this.#receiver = receiver;
    if (receiver === undefined) return;
    for (const piece of this.#early.splice(0)) receiver.onData(piece, 0, piece.length);
    if (this.#earlyEnd) receiver.onEnd();
    this.#earlyEnd = false;
    if (this.#closed) queueMicrotask(() => receiver.onClose(this.#failure));
    else this.#exchange?.resume();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed || this.#exchange === undefined) return true;
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    return this.#exchange.write(buffer, 0, buffer.length);
  }

  end(): void {
    if (this.#closed) return;
    this.#exchange?.end();
    this.#half();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#exchange?.abort();
    this.#close(undefined);
  }

  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  onInform(): void {}

  onResponse(head: ResponseHead): void {
    if (head.framing === 'tunnel' || head.status === 200) {
      this.#open = true;
      this.#opening.onOpen();
      return;
    }
    this.#exchange?.abort();
    this.#closed = true;
    this.#opening.onRefuse(refusalOf(head));
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    if (this.#receiver !== undefined) {
      this.#receiver.onData(buffer, start, end);
      return;
    }
    this.#early.push(Buffer.from(buffer.subarray(start, end)));
    this.#exchange?.pause();
  }

  onEnd(): void {
    if (this.#receiver === undefined) this.#earlyEnd = true;
    else this.#receiver.onEnd();
    this.#half();
  }

  onDrain(): void {
    this.#receiver?.onDrain();
  }

  onFailure(failure: Failure): void {
    if (this.#closed) return;
    if (this.#open) {
      this.#close(new Error(failure.detail));
      return;
    }
    this.#closed = true;
    this.#opening.onRefuse(failure);
  }

  #half(): void {
    this.#halves++;
    if (this.#halves === 2) queueMicrotask(() => this.#close(undefined));
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure = error;
    this.#receiver?.onClose(error);
  }
}

/** The peer's proxy names the reason. A denial would be the same elsewhere; anything else may be tried at another endpoint. */
function refusalOf(head: ResponseHead): Failure {
  const named = headerValue(head.headers, HEADERS.reason) ?? '';
  const reason = isReason(named) ? named : 'connect_failure';
  return {
    reason,
    unprocessed: reason !== 'unauthorized',
    detail: `the tunnel was refused with status ${head.status}`,
  };
}
