import type { Clock, Timer } from '../base/clock.ts';
import { takePiece, writePiece } from '../base/memory-pieces.ts';
import type { Transport, TransportReceiver } from '../base/transport.ts';

export interface TunnelOptions {
  readonly clock: Clock;
  /** Both sides are closed when no byte moved for this long. 0: never. */
  readonly idleMs: number;
  /** Bytes already read from `left` that go to `right` first. */
  readonly first?: Buffer;
  /** `left` has already half-closed: its FIN goes to `right` after `first`. */
  readonly leftEnded?: boolean;
  /** Once, when both sides are closed. */
  readonly onClose?: (result: TunnelResult) => void;
}

export interface TunnelResult {
  /** Bytes that went from left to right and from right to left. */
  readonly sent: number;
  readonly received: number;
  readonly idle: boolean;
  /** Of the side that failed first. */
  readonly error: Error | undefined;
}

export interface Tunnel {
  /** Bytes so far. */
  readonly sent: number;
  readonly received: number;
  close(reset?: boolean): void;
}

/** After one side closed in good order, the other has this long to take what is still written to it. */
const LINGER_MS = 60_000;

/** How often an idle tunnel is looked at: a tunnel ends at most this fraction of `idleMs` too late. */
const IDLE_CHECKS = 4;

/**
 * Copies bytes both ways with half-close and backpressure: a side that is slow pauses the other. An error on one side resets the
 * other, so that a broken connection is never taken for a complete one.
 */
export function tunnel(left: Transport, right: Transport, options: TunnelOptions): Tunnel {
  const copied = { sent: 0, received: 0 };
  let open = 2;
  let halves = options.leftEnded === true ? 1 : 0;
  let idle = false;
  let moved = false;
  let error: Error | undefined;
  let timer: Timer | undefined;

  const receiver = (from: Transport, to: Transport, count: (bytes: number) => void): TransportReceiver => ({
    onData(buffer, start, end) {
      moved = true;
      count(end - start);
      // The read buffer is reused by its owner, and a slow side keeps what it is given.
      const piece = takePiece(end - start);
      buffer.copy(piece, 0, start, end);
      if (!writePiece(to, piece, end - start)) from.pause();
    },
    onEnd() {
      halves++;
      to.end();
    },
    onDrain: () => to.resume(),
    onClose(cause) {
      error ??= cause;
      open--;
      if (open === 0) finish();
      // Both ends said FIN: what is still written to the other side must arrive.
      else if (cause === undefined && halves === 2) linger(to);
      else to.destroy(cause !== undefined);
    },
  });
  const linger = (to: Transport): void => {
    timer?.clear();
    timer = options.clock.after(LINGER_MS, () => to.destroy());
  };
  const finish = (): void => {
    timer?.clear();
    options.onClose?.({ ...copied, idle, error });
  };
  const watch = (quiet: number): void => {
    timer = options.clock.after(options.idleMs / IDLE_CHECKS, () => {
      const checks = moved ? 0 : quiet + 1;
      moved = false;
      if (checks < IDLE_CHECKS) {
        watch(checks);
        return;
      }
      idle = true;
      left.destroy();
      right.destroy();
    });
  };

  if (options.first !== undefined && options.first.length > 0) {
    copied.sent += options.first.length;
    if (!right.write(options.first)) left.pause();
  }
  if (options.leftEnded === true) right.end();
  left.receiver = receiver(left, right, (bytes) => {
    copied.sent += bytes;
  });
  right.receiver = receiver(right, left, (bytes) => {
    copied.received += bytes;
  });
  if (options.idleMs > 0) watch(0);
  return {
    get sent() {
      return copied.sent;
    },
    get received() {
      return copied.received;
    },
    close(reset = false) {
      left.destroy(reset);
      right.destroy(reset);
    },
  };
}
