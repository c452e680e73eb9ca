import type { OperatorMessage, ProxyMessage } from '../../../proxy/contract/stream.ts';
import type { Wire, WireReceiver } from '../wire.ts';

/** A proxy's stream driven by a test: `deliver` plays the proxy, `sent` is what it was told. */
export class ScriptedWire implements Wire {
  readonly peerIdentity: string;
  readonly peer: string;
  receiver: WireReceiver | undefined;
  writable = true;
  reading = true;
  ended = false;
  /** Bytes sent, frame heads included. */
  bytes = 0;
  sent: OperatorMessage[] = [];
  onSent: ((message: OperatorMessage) => void) | undefined;

  constructor(peerIdentity: string, address = '10.1.0.7') {
    this.peerIdentity = peerIdentity;
    this.peer = `${address}:40000`;
  }

  send(message: OperatorMessage): void {
    if (this.ended) return;
    this.bytes += 4 + JSON.stringify(message).length;
    this.sent.push(message);
    this.onSent?.(message);
  }

  sendShared(head: string, tail: Buffer): void {
    this.send(JSON.parse(head + tail.toString()) as OperatorMessage);
  }

  pauseReading(): void {
    this.reading = false;
  }

  resumeReading(): void {
    this.reading = true;
  }

  end(): void {
    this.ended = true;
    queueMicrotask(() => this.receiver?.onClose());
  }

  deliver(message: ProxyMessage): void {
    if (!this.ended) this.receiver?.onMessage(JSON.stringify(message));
  }

  deliverText(text: string): void {
    this.receiver?.onMessage(text);
  }

  /** The proxy or the network closes the stream. */
  drop(): void {
    this.ended = true;
    this.receiver?.onClose();
  }

  setWritable(writable: boolean): void {
    this.writable = writable;
    if (writable) this.receiver?.onWritable();
  }

  /** What was sent since the last call. */
  take(): OperatorMessage[] {
    const all = this.sent;
    this.sent = [];
    return all;
  }

  ofType<T extends OperatorMessage['type']>(type: T): Extract<OperatorMessage, { type: T }>[] {
    return this.sent.filter((one): one is Extract<OperatorMessage, { type: T }> => one.type === type);
  }
}
