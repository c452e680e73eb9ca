import type { Transport, TransportReceiver } from '../transport.ts';

/** A transport driven by a test: `deliver` plays the peer, `sent` is what was written. */
export class ScriptedTransport implements Transport {
  receiver: TransportReceiver | undefined;
  readonly remoteAddress: string;
  readonly remotePort = 40000;
  readonly localAddress = '10.0.0.1';
  readonly localPort = 8080;
  paused = false;
  ended = false;
  destroyed = false;
  reset = false;
  /** What `write` answers; set false to play a slow peer, then call `drain`. */
  accepts = true;
  readonly #chunks: Buffer[] = [];

  constructor(remoteAddress = '10.0.0.2') {
    this.remoteAddress = remoteAddress;
  }

  get pending(): number {
    return this.accepts ? 0 : this.sent.length;
  }

  get sent(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.sent.toString('latin1');
  }

  /** Forgets and returns what was written. */
  take(): Buffer {
    const all = this.sent;
    this.#chunks.length = 0;
    return all;
  }

  write(chunk: Uint8Array): boolean {
    if (this.ended || this.destroyed) return true;
    this.#chunks.push(Buffer.from(chunk));
    return this.accepts;
  }

  end(): void {
    this.ended = true;
  }

  destroy(reset = false): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.reset = reset;
    queueMicrotask(() => this.receiver?.onClose(undefined));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  /** The peer sends. The buffer is overwritten afterwards, as a real shared read buffer would be. */
  deliver(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data);
    this.receiver?.onData(bytes, 0, bytes.length);
    bytes.fill(0xee);
  }

  deliverEnd(): void {
    this.receiver?.onEnd();
  }

  deliverClose(error?: Error): void {
    this.destroyed = true;
    this.receiver?.onClose(error);
  }

  drain(): void {
    this.accepts = true;
    this.receiver?.onDrain();
  }
}
