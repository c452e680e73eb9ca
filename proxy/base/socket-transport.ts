import type { Socket } from 'node:net';
import type { Transport, TransportReceiver } from './transport.ts';

/**
 * A `Transport` over a connected `net.Socket` or `tls.TLSSocket`. Owns the socket: nobody else may listen on it any more.
 * The socket must have been made with `allowHalfOpen: true`. Data that arrives before `receiver` is set waits in the socket.
 */
export class SocketTransport implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #socket: Socket;
  #receiver: TransportReceiver | undefined;
  #paused = false;
  #ended = false;
  #closed = false;
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = socket.localAddress ?? '';
    this.localPort = socket.localPort ?? 0;
    socket.setNoDelay(true);
    socket.pause();
    socket.on('data', (chunk: Buffer) => this.#receiver?.onData(chunk, 0, chunk.length));
    socket.on('end', () => this.#receiver?.onEnd());
    socket.on('drain', () => this.#receiver?.onDrain());
    socket.on('error', (error: Error) => {
      this.#error ??= error;
    });
    socket.on('close', () => this.#close());
  }

  get receiver(): TransportReceiver | undefined {
    return this.#receiver;
  }

  set receiver(receiver: TransportReceiver | undefined) {
    this.#receiver = receiver;
    if (receiver === undefined) {
      this.#socket.pause();
    } else if (this.#closed) {
      queueMicrotask(() => receiver.onClose(this.#error));
    } else if (!this.#paused) {
      this.#socket.resume();
    }
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#ended || this.#closed) return true;
    return this.#socket.write(chunk);
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#socket.end();
  }

  destroy(reset = false): void {
    if (this.#closed) return;
    this.#ended = true;
    if (reset && typeof this.#socket.resetAndDestroy === 'function' && !('encrypted' in this.#socket)) {
      this.#socket.resetAndDestroy();
    } else {
      this.#socket.destroy();
    }
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#receiver !== undefined) this.#socket.resume();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver?.onClose(this.#error);
  }
}
