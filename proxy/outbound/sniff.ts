import type { Timer } from '../base/clock.ts';
import type { Transport, TransportReceiver } from '../base/transport.ts';
import { classifyHttp } from '../filters/first-bytes.ts';
import type { OutboundContext } from './context.ts';
import type { HttpConnection, HttpConnections, HttpVersion } from './serve-http.ts';

/** A preface that stays incomplete is given to the HTTP/1 codec, whose own time limit answers 408. */
const INCOMPLETE_MS = 5_000;

/**
 * A connection to a port that is declared as HTTP: only its version is open, and the client's first bytes say it. Nobody waits for a server that
 * might speak first.
 */
export class Sniff implements TransportReceiver, HttpConnection {
  readonly #client: Transport;
  readonly #onVersion: (version: HttpVersion, first: Buffer) => void;
  readonly #context: OutboundContext;
  readonly #connections: HttpConnections;
  #timer: Timer;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(
    context: OutboundContext,
    connections: HttpConnections,
    client: Transport,
    onVersion: (version: HttpVersion, first: Buffer) => void,
  ) {
    this.#context = context;
    this.#connections = connections;
    this.#client = client;
    this.#onVersion = onVersion;
    this.#timer = context.clock.after(context.limits.idleTimeoutMs, () => client.destroy());
    client.receiver = this;
    connections.add(this);
  }

  /** A request that is on its way still comes in time, as on an idle connection of either version. */
  drain(): void {
    this.#timer.clear();
    this.#timer = this.#context.clock.after(this.#context.limits.drainIdleMs, () => this.#client.destroy());
  }

  close(): void {
    this.#client.destroy();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const first = this.#bytes.length === 0;
    this.#bytes = Buffer.concat([this.#bytes, buffer.subarray(start, end)]);
    const version = classifyHttp(this.#bytes);
    if (version !== undefined) this.#decided(version);
    else if (first) {
      this.#timer.clear();
      this.#timer = this.#context.clock.after(INCOMPLETE_MS, () => this.#decided('http'));
    }
  }

  /** Nothing, or the beginning of a preface, and no more will come. */
  onEnd(): void {
    this.#client.destroy();
  }

  onDrain(): void {}

  onClose(): void {
    this.#timer.clear();
    this.#connections.delete(this);
  }

  #decided(version: HttpVersion): void {
    this.#timer.clear();
    this.#connections.delete(this);
    this.#client.receiver = undefined;
    this.#onVersion(version, this.#bytes);
  }
}
