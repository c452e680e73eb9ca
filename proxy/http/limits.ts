/** Bounds of one HTTP/1.1 connection. Bytes and milliseconds. */
export interface HttpLimits {
  /** Request line or status line, without its CRLF: beyond it 414. */
  readonly startLineBytes: number;
  /** A whole head with its last CRLF: beyond it 431. */
  readonly headBytes: number;
  /** Field lines of a head or a trailer section: beyond it 431. */
  readonly fields: number;
  /** A trailer section. */
  readonly trailerBytes: number;
  /** Extensions of one chunk; they are dropped. */
  readonly chunkExtensionBytes: number;
  /** Bytes held of requests that came before the current one was answered; beyond it the transport is paused (one read more may be held). */
  readonly pipelineBytes: number;
  /**
   * Where more bytes of a request body may be left than this, an answer that refuses it (400 and above) says `Connection: close`. After any other
   * complete answer the rest is read and dropped for `headTimeoutMs` at most: a close that was not announced would lose the client's next request.
   */
  readonly discardBytes: number;
  /** From the first byte of a head to its last: beyond it 408. */
  readonly headTimeoutMs: number;
  /** A connection without a request is closed after this time; 0: never. */
  readonly idleTimeoutMs: number;
  /** After `drain`, an idle connection may still send one request in this time (answered with `Connection: close`): no request in flight is lost. */
  readonly drainIdleMs: number;
  /** How long a closed direction waits for the peer's own end, so that it can read the last answer (RFC 9112, 9.6). */
  readonly lingerMs: number;
}

/** Sizes follow what servers accept by default (Node 16 KiB, nginx 32 KiB, Go 1 MiB heads); times follow Envoy (idle 1 h) and Apache (head 10–40 s). */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  startLineBytes: 16_384,
  headBytes: 65_536,
  fields: 200,
  trailerBytes: 16_384,
  chunkExtensionBytes: 1_024,
  pipelineBytes: 65_536,
  discardBytes: 262_144,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 3_600_000,
  drainIdleMs: 2_000,
  lingerMs: 2_000,
};
