import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';

export interface PeekOptions<Class> {
  /** Silence allowed, counted from the call; then the answer is `timeout`. 0: what is there now is not awaited at all. */
  readonly timeoutMs: number;
  /** Most bytes looked at; then the answer is `full`. */
  readonly maxBytes: number;
  /** Called with everything read so far, after each piece. `undefined`: more bytes needed. Must not keep the buffer. */
  readonly classify: (bytes: Buffer) => Class | undefined;
  readonly clock: Clock;
}

/** `bytes` is everything that was read from the socket: the caller owns it and must hand it to whoever takes the socket. */
export type Peeked<Class> =
  | { readonly kind: 'classified'; readonly value: Class; readonly bytes: Buffer }
  /** Not decided in time; `bytes` is empty when the peer was silent. */
  | { readonly kind: 'timeout'; readonly bytes: Buffer }
  | { readonly kind: 'full'; readonly bytes: Buffer }
  /** The peer half-closed before a decision: no `end` will be seen on the socket any more. */
  | { readonly kind: 'ended'; readonly bytes: Buffer }
  | { readonly kind: 'closed'; readonly error: Error | undefined };

/**
 * Reads the first bytes of a paused socket until `classify` decides. Never rejects. The socket is paused again and free of
 * listeners of `peek` when the answer arrives.
 */
export function peek<Class>(socket: Socket, options: PeekOptions<Class>): Promise<Peeked<Class>> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    let error: Error | undefined;
    const finish = (answer: Peeked<Class>): void => {
      timer.clear();
      socket.pause();
      socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      resolve(answer);
    };
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const value = options.classify(bytes);
      if (value !== undefined) finish({ kind: 'classified', value, bytes });
      else if (bytes.length >= options.maxBytes) finish({ kind: 'full', bytes });
    };
    const onEnd = (): void => finish({ kind: 'ended', bytes });
    const onError = (cause: Error): void => {
      error = cause;
    };
    const onClose = (): void => finish({ kind: 'closed', error });
    const timer = options.clock.after(options.timeoutMs, () => finish({ kind: 'timeout', bytes }));
    if (socket.destroyed) {
      finish({ kind: 'closed', error: undefined });
      return;
    }
    socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    socket.resume();
  });
}
