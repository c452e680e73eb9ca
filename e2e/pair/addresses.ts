import type { Socket } from 'node:net';
import type { OriginalDestination } from '../../proxy/net/net.ts';

/** Loopback addresses carry what redirect rules would say: 127.1.h.l is port h*256+l of the Service, 127.2.h.l that port of the pod. */
export const SERVICE_ADDRESS = '10.96.0.1';
const POD_ADDRESS = '127.0.0.1';

export function toService(port: number): string {
  return `127.1.${port >> 8}.${port & 255}`;
}

export function toPod(port: number): string {
  return `127.2.${port >> 8}.${port & 255}`;
}

/** Given to the proxies as their way to learn the original destination. */
export function originalOf(socket: Socket): OriginalDestination {
  const [, side, high, low] = (socket.localAddress ?? '').replace('::ffff:', '').split('.').map(Number);
  const port = (high ?? 0) * 256 + (low ?? 0);
  return { address: side === 1 ? SERVICE_ADDRESS : POD_ADDRESS, port, redirected: side === 1 || side === 2 };
}
