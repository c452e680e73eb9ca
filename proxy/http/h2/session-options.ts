import type { Clock } from '../../base/clock.ts';
import type { Defer } from './defer.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Stream, StreamEnd } from './stream.ts';

/** Bounds on what a peer can make us hold or do. Sizes in bytes. */
export interface SessionLimits {
  /** Streams that the peer may have open (SETTINGS_MAX_CONCURRENT_STREAMS); beyond: REFUSED_STREAM. */
  readonly maxStreams: number;
  /** SETTINGS_MAX_HEADER_LIST_SIZE. Bounds the encoded block too; with `onOversizeHead` a block of twice that is read, so that it can be answered. */
  readonly maxHeaderListBytes: number;
  /** A stream's receive window grows from 65,535 up to this while its consumer keeps pace. */
  readonly maxStreamWindow: number;
  /** What all streams together may grow above 65,535 each. */
  readonly growthBytes: number;
  /** The connection's receive window. Credit returns on arrival, so that a slow stream does not stop the others… */
  readonly connectionWindow: number;
  /** …until paused streams hold this much: then it returns on delivery only. */
  readonly maxHeldBytes: number;
  /** RST_STREAM from the peer and stream errors it causes: rapid reset (CVE-2023-44487). */
  readonly resets: RateLimit;
  /** SETTINGS and PING: each costs an answer. */
  readonly control: RateLimit;
  /** Frames that carry nothing: empty DATA and CONTINUATION, PRIORITY, unknown types. */
  readonly idle: RateLimit;
  /** What may wait to be written before the connection is cut: a peer that asks and does not read. */
  readonly maxPendingBytes: number;
}

/** Between proxies. */
export const MESH_LIMITS: SessionLimits = {
  maxStreams: 4_096,
  maxHeaderListBytes: 65_536,
  maxStreamWindow: 1_048_576,
  growthBytes: 16_777_216,
  connectionWindow: 16_777_216,
  maxHeldBytes: 33_554_432,
  // Every stream may be cancelled at once, as when a callee hangs, and then 1,000 a second.
  resets: { burst: 8_192, perSecond: 1_000 },
  control: { burst: 100, perSecond: 10 },
  idle: { burst: 1_000, perSecond: 100 },
  maxPendingBytes: 33_554_432,
};

/** Towards applications and strangers. */
export const PUBLIC_LIMITS: SessionLimits = {
  ...MESH_LIMITS,
  maxStreams: 256,
  growthBytes: 2_097_152,
  connectionWindow: 1_048_576,
  maxHeldBytes: 4_194_304,
  resets: { burst: 512, perSecond: 100 },
  maxPendingBytes: 8_388_608,
};

/**
 * Towards an application or an endpoint that is asked over one connection for many callers: a caller that does not read must not hold the others back, so
 * what paused streams may hold is as much as a thousand of them can ask for (1,000 x 64 KiB).
 */
export const UPSTREAM_LIMITS: SessionLimits = {
  ...PUBLIC_LIMITS,
  growthBytes: 4_194_304,
  connectionWindow: 16_777_216,
  maxHeldBytes: 67_108_864,
};

export interface KeepaliveOptions {
  /** Silence after which a PING is sent, ms. */
  readonly intervalMs: number;
  /** Silence after the PING after which the peer counts as dead, ms. */
  readonly timeoutMs: number;
}

export interface SessionOptions {
  readonly role: 'client' | 'server';
  readonly clock: Clock;
  readonly limits: SessionLimits;
  /** Sent after the standard ones. */
  readonly extraSettings?: readonly (readonly [id: number, value: number])[];
  readonly keepalive?: KeepaliveOptions;
  /** For texts: `spiffe://… at 10.0.0.7:3000`. */
  readonly peer: string;
  /** Replaces the schedule of writes in tests and measurements. */
  readonly defer?: Defer;
}

/** How a session ended. */
export interface SessionEnd {
  /** `graceful`: drained or closed by its owner, nothing was cut by surprise. */
  readonly by: 'graceful' | 'peer-error' | 'our-error' | 'transport' | 'timeout';
  readonly code: number;
  readonly detail: string;
}

export interface Goaway {
  readonly lastStreamId: number;
  readonly code: number;
  /** latin1, at most 1,024 characters. */
  readonly debug: string;
}

/** What the owner of a session hears. */
export interface SessionHandler {
  /** Server: the peer opened a stream. Set `stream.receiver`; its `onHeaders` follows. */
  onStream(stream: Stream): void;
  /** The peer's first SETTINGS, unknown ones included. */
  onSettings(settings: ReadonlyMap<number, number>): void;
  onGoaway(goaway: Goaway): void;
  /** Frame of an unknown type; valid only during the call. */
  onUnknownFrame?(type: number, streamId: number, buffer: Buffer, start: number, end: number): void;
  /** The last stream ended. */
  onIdle?(): void;
  /**
   * Server: the head of this new stream is larger than `maxHeaderListBytes`. Answer it and forget it; its receiver hears nothing more. Without this
   * the stream is reset.
   */
  onOversizeHead?(stream: Stream): void;
  /** A stream ended, or the peer changed its settings: `capacity` may have grown. */
  onCapacity?(): void;
  /** Last call, exactly once; all streams have heard before. */
  onClose(end: SessionEnd): void;
}

export type { StreamEnd };
