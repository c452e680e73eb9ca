/**
 * A connected byte stream as codecs see it. Made by `net/` (plain) and `tls/`; scripted in tests (`testing/scripted-transport.ts`).
 * Set `receiver` before the first event-loop turn ends; nothing is delivered before it is set.
 */
export interface Transport {
  receiver: TransportReceiver | undefined;
  /** Takes the bytes over (the caller must not change them later). False: stop writing until `onDrain`. After `end` or `destroy`: ignored. */
  write(chunk: Uint8Array): boolean;
  /** Like `write`, of memory that the caller wants back: it is the caller's again unless `keepsLent` is true afterwards. Absent: use `write`. */
  lend?(chunk: Uint8Array): boolean;
  /** The transport goes on using what was lent last. */
  readonly keepsLent?: boolean;
  /** Writes latin1 text. False: stop writing until `onDrain`. Absent: use `write`. */
  writeText?(text: string): boolean;
  /** Half-close: what was written still goes out, then FIN (TLS: close_notify). Reading goes on. */
  end(): void;
  /** Closes both directions at once; `onClose` follows. `reset` asks for RST instead of FIN where the transport can. */
  destroy(reset?: boolean): void;
  /** Stops and resumes `onData`: this is how backpressure reaches the peer. */
  pause(): void;
  resume(): void;
  /** Bytes written and not yet taken by the kernel. */
  readonly pending: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface TransportReceiver {
  /** `buffer[start, end)` is valid only during the call: copy what must stay (the buffer is reused for the next read). */
  onData(buffer: Buffer, start: number, end: number): void;
  /** The peer ended its direction. */
  onEnd(): void;
  /** Writing may go on. */
  onDrain(): void;
  /** Always the last call, exactly once. */
  onClose(error?: Error): void;
}
