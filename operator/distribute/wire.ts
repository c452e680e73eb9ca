import type { OperatorMessage } from '../../proxy/contract/stream.ts';

/** One proxy's stream as the session sees it: made by `server.ts` over HTTP/2, scripted in tests. */
export interface Wire {
  /** SPIFFE id that the TLS layer verified. */
  readonly peerIdentity: string;
  /** `10.0.0.7:40122`, for people. */
  readonly peer: string;
  /** False while the socket holds enough: nothing is compiled or sent then, until `onWritable`. */
  readonly writable: boolean;
  send(message: OperatorMessage): void;
  /** Sends a message whose JSON is `head` followed by `tail`: the tail is shared by all proxies that get the same content. */
  sendShared(head: string, tail: Buffer): void;
  /** Stops and resumes reading: nothing is taken from a proxy whose token is being checked. */
  pauseReading(): void;
  resumeReading(): void;
  /** What was sent still goes out, then the stream ends; it is destroyed if the peer does not take it in time. */
  end(): void;
  receiver: WireReceiver | undefined;
}

export interface WireReceiver {
  onMessage(text: string): void;
  onWritable(): void;
  /** The bytes cannot be understood; the receiver says goodbye. */
  onBroken(error: Error): void;
  /** Always the last call, exactly once. */
  onClose(): void;
}
