import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { dial } from './dial.ts';
import { getSocketOption } from './native.ts';

/** `asm-generic/socket.h`, `linux/tcp.h`. */
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;

test('the kernel looks for dead peers of idle connections after a minute', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const socket = await dial({ address: '127.0.0.1', port, timeoutMs: 1_000, clock: systemClock });
  const read = (level: number, option: number): number => {
    const value = getSocketOption(socket, level, option, 4);
    return typeof value === 'number' ? -value : value.readInt32LE(0);
  };
  expect([read(SOL_SOCKET, SO_KEEPALIVE), read(IPPROTO_TCP, TCP_KEEPIDLE)]).toEqual([1, 60]);
  socket.destroy();
  server.close();
});
