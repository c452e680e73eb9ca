import { connect, createServer, type Socket } from 'node:net';

/** A network between the proxies that can fail. */
export interface Relay {
  readonly port: number;
  /** Resets every `share`th connection. */
  cut(random: () => number, share: number): void;
  /** Nothing moves for this long. */
  stall(ms: number): void;
  /** New connections are reset for this long. */
  refuse(ms: number): void;
  /** Changes one byte of what flows next. */
  corrupt(): void;
  close(): void;
}

export async function startRelay(target: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let refusing = false;
  let corrupting = false;
  const server = createServer({ allowHalfOpen: true }, (left) => {
    left.on('error', () => {});
    if (refusing) {
      left.resetAndDestroy();
      return;
    }
    const host = (left.localAddress ?? '').replace('::ffff:', '');
    const right = connect({ host, port: target, allowHalfOpen: true });
    const pair = [left, right] as const;
    pairs.add(pair);
    right.on('error', () => {});
    copy(left, right);
    copy(right, left);
    for (const socket of pair) {
      socket.on('close', () => {
        pairs.delete(pair);
        left.destroy();
        right.destroy();
      });
    }
  });
  const copy = (from: Socket, to: Socket): void => {
    from.on('data', (piece: Buffer) => {
      if (corrupting) {
        corrupting = false;
        piece[piece.length >> 1]! ^= 0x55;
      }
      if (!to.write(piece)) from.pause();
    });
    from.on('end', () => to.end());
    to.on('drain', () => from.resume());
  };
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut(random, share) {
      for (const [left, right] of pairs) {
        if (random() * share >= 1) continue;
        left.resetAndDestroy();
        right.resetAndDestroy();
      }
    },
    stall(ms) {
      const now = [...pairs].flat();
      for (const socket of now) socket.pause();
      setTimeout(() => {
        for (const socket of now) socket.resume();
      }, ms);
    },
    refuse(ms) {
      refusing = true;
      setTimeout(() => {
        refusing = false;
      }, ms);
    },
    corrupt() {
      corrupting = true;
    },
    close() {
      server.close();
      for (const socket of [...pairs].flat()) socket.destroy();
    },
  };
}
