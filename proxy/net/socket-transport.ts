import type { Socket } from 'node:net';
import { SocketTransport } from '../base/socket-transport.ts';
import type { Transport } from '../base/transport.ts';
import { HandleTransport } from './handle-transport.ts';
import { streamHandle } from './native.ts';

/** `HEDDLE_SOCKETS=streams` keeps to Node's documented streams: a way back without another image. */
const documentedOnly = process.env['HEDDLE_SOCKETS'] === 'streams';

/**
 * A `Transport` over a connected socket, plain or TLS, which it owns from here on. The socket must have been made with
 * `allowHalfOpen: true`. Over the socket's handle where this Node shows it, else over its streams.
 */
export function socketTransport(socket: Socket): Transport {
  const handle = documentedOnly ? undefined : streamHandle(socket);
  return handle === undefined ? new SocketTransport(socket) : new HandleTransport(socket, handle);
}
