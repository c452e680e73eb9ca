import type { ClosedStreams } from './closed-streams.ts';
import type { Sender } from './sender.ts';
import type { SessionHandler, SessionOptions } from './session-options.ts';
import type { Stream, StreamReceiver } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

/** What the reading half needs of its session. */
export interface SessionHost {
  readonly options: SessionOptions;
  readonly handler: SessionHandler;
  readonly sender: Sender;
  readonly streams: StreamTable<Stream>;
  readonly endings: ClosedStreams;
  /** The session is over: what comes is not looked at. */
  readonly lingering: boolean;
  /** Streams of the peer above this are not looked at. */
  readonly lastAccepted: number;
  /** A new stream of the peer's. */
  accept(id: number, receiver: StreamReceiver): Stream;
  /** The stream leaves the session. */
  forget(stream: Stream, ending: 'ended' | 'reset-by-us' | 'reset-by-peer', keepHeld: boolean): void;
  /** Whether we opened this stream. */
  wasOpened(id: number): boolean;
  /** A connection error (RFC 9113 5.4.1). `debug` is told to the peer. */
  fail(code: number, debug: string, by: 'peer-error'): void;
  peerGoesAway(lastStreamId: number, detail: string): void;
  pingAnswered(payload: Buffer, start: number): void;
}
