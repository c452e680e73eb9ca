import type { Transport, TransportReceiver } from '../base/transport.ts';
import { readClientHello } from '../tls/client-hello.ts';
import { MESH_ALPN } from '../tls/credentials.ts';

/**
 * A connection that was taken for plaintext because its client was silent: its first bytes are still looked at, and a mesh handshake that
 * comes after all closes it (`onMesh`), because its bytes must not reach the application.
 */
export class PlaintextGuard implements Transport, TransportReceiver {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  #receiver: TransportReceiver | undefined;
  readonly #inner: Transport;
  readonly #onMesh: () => void;
  #held: Buffer | undefined = Buffer.alloc(0);

  constructor(inner: Transport, onMesh: () => void) {
    this.#inner = inner;
    this.#onMesh = onMesh;
    this.remoteAddress = inner.remoteAddress;
    this.remotePort = inner.remotePort;
    this.localAddress = inner.localAddress;
    this.localPort = inner.localPort;
    inner.pause();
    inner.receiver = this;
  }

  get receiver(): TransportReceiver | undefined {
    return this.#receiver;
  }

  set receiver(receiver: TransportReceiver | undefined) {
    this.#receiver = receiver;
    if (receiver === undefined) this.#inner.pause();
    else this.#inner.resume();
  }

  get pending(): number {
    return this.#inner.pending;
  }

  write(chunk: Uint8Array): boolean {
    return this.#inner.write(chunk);
  }

  end(): void {
    this.#inner.end();
  }

  destroy(reset?: boolean): void {
    this.#inner.destroy(reset);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#held === undefined) {
      this.#receiver?.onData(buffer, start, end);
      return;
    }
    const held = Buffer.concat([this.#held, buffer.subarray(start, end)]);
    const hello = readClientHello(held);
    if (hello === 'need-more') {
      this.#held = held;
      return;
    }
    this.#held = undefined;
    if (hello !== 'not-tls' && hello.alpn.includes(MESH_ALPN)) {
      this.#onMesh();
      this.#inner.destroy(true);
    } else {
      this.#receiver?.onData(held, 0, held.length);
    }
  }

  onEnd(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && held.length > 0) this.#receiver?.onData(held, 0, held.length);
    this.#receiver?.onEnd();
  }

  onDrain(): void {
    this.#receiver?.onDrain();
  }

  onClose(error?: Error): void {
    this.#receiver?.onClose(error);
  }
}
