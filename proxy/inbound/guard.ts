import type { Clock, Timer } from '../base/clock.ts';
import type { Transport, TransportReceiver } from '../base/transport.ts';
import type { Protocol } from '../contract/snapshot.ts';
import { readClientHello } from '../tls/client-hello.ts';
import { type Arrival, classifyArrival } from './detect.ts';

export interface GuardOptions {
  readonly clock: Clock;
  /** Of the port, as declared. */
  readonly protocol: Protocol;
  /** A mesh handshake came after all: the connection is closed. */
  readonly onMesh: () => void;
  /** HTTP came after all: whoever takes the inner transport over must set its receiver before it returns. The guard's own receiver hears a close. */
  readonly onHttp: (version: 'http' | 'http2', first: Buffer) => void;
}

/** Bytes that could still become HTTP are held back for this long, as in the first look. */
const UNDECIDED_MS = 5_000;

/**
 * A connection that was taken for opaque plaintext because its client was silent: its first bytes are still looked at. A mesh handshake that comes
 * after all closes it, because its bytes must not reach the application. HTTP that comes before the application said a word is taken out, to be
 * parsed: else 300 ms of silence would be a way to bring an application `x-heddle-*` headers of one's own.
 */
export class PlaintextGuard implements Transport, TransportReceiver {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  #receiver: TransportReceiver | undefined;
  readonly #inner: Transport;
  readonly #options: GuardOptions;
  #held: Buffer | undefined = Buffer.alloc(0);
  #undecided: Timer | undefined;
  /** The application wrote: it does not speak HTTP, whatever the client does. */
  #answered = false;
  /** The inner transport belongs to somebody else. */
  #taken = false;

  constructor(inner: Transport, options: GuardOptions) {
    this.#inner = inner;
    this.#options = options;
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
    if (this.#taken) return;
    if (receiver === undefined) this.#inner.pause();
    else this.#inner.resume();
  }

  get pending(): number {
    return this.#taken ? 0 : this.#inner.pending;
  }

  write(chunk: Uint8Array): boolean {
    this.#answered = true;
    return this.#taken || this.#inner.write(chunk);
  }

  end(): void {
    this.#answered = true;
    if (!this.#taken) this.#inner.end();
  }

  destroy(reset?: boolean): void {
    if (!this.#taken) this.#inner.destroy(reset);
  }

  pause(): void {
    if (!this.#taken) this.#inner.pause();
  }

  resume(): void {
    if (!this.#taken) this.#inner.resume();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#held === undefined) {
      this.#receiver?.onData(buffer, start, end);
      return;
    }
    this.#held = Buffer.concat([this.#held, buffer.subarray(start, end)]);
    const arrival = classifyArrival(this.#held, this.#options.protocol);
    if (arrival !== undefined) this.#decided(arrival, this.#held);
    // Whatever `HELO` may become, it is not HTTP any more: a protocol whose server speaks first must not wait.
    else if (this.#answered) this.#letPass();
    else this.#undecided ??= this.#options.clock.after(UNDECIDED_MS, () => this.#letPass());
  }

  #decided(arrival: Arrival, first: Buffer): void {
    if (arrival === 'mesh') {
      this.#release();
      this.#options.onMesh();
      this.#inner.destroy(true);
    } else if (arrival !== 'opaque' && !this.#answered) {
      this.#release();
      this.#taken = true;
      this.#options.onHttp(arrival, first);
      this.#receiver?.onClose();
    } else {
      this.#passHeld();
    }
  }

  /** Half a ClientHello is never let through: the rest may show a mesh handshake. */
  #letPass(): void {
    if (this.#held !== undefined && readClientHello(this.#held) !== 'need-more') this.#passHeld();
  }

  #passHeld(): void {
    const held = this.#release();
    if (held.length > 0) this.#receiver?.onData(held, 0, held.length);
  }

  #release(): Buffer {
    const held = this.#held ?? Buffer.alloc(0);
    this.#held = undefined;
    this.#undecided?.clear();
    return held;
  }

  onEnd(): void {
    this.#passHeld();
    this.#receiver?.onEnd();
  }

  onDrain(): void {
    this.#receiver?.onDrain();
  }

  onClose(error?: Error): void {
    this.#undecided?.clear();
    this.#receiver?.onClose(error);
  }
}
