/** Header names that Heddle adds, reads or strips. All lower-case. */
export const HEADERS = {
  /** On every response that a proxy made itself: a `Reason`. */
  reason: 'x-heddle-reason',
  /** Identity of the caller as verified by the inbound side; stripped from HTTP that comes from outside (opaque bytes are not looked into: `inbound/README.md`). */
  peer: 'x-heddle-peer',
  /** Number of the attempt, from 2 on, as seen by the application. */
  attempt: 'x-heddle-attempt',
  traceparent: 'traceparent',
  requestId: 'x-request-id',
} as const;

/** Names with this prefix that arrive from an application or a plaintext peer are removed: nobody outside may speak as a proxy. */
export const RESERVED_PREFIX = 'x-heddle-';
