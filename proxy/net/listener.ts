import { createServer, type Server, type Socket } from 'node:net';
import { errorCode, HeddleError } from '../base/errors.ts';
import { originalDestination } from './orig-dst.ts';
import type { OriginalDestination } from './original-destination.ts';

export interface ListenOptions {
  /** For errors and metrics: `outbound`, `inbound`. */
  readonly name: string;
  /** Default `::` (both families); where the kernel has no IPv6, `0.0.0.0`. */
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** More than this many at once are reset; default 16,384. */
  readonly maxConnections?: number;
  /** The socket is paused, half-open allowed, without Nagle's delay. Attach listeners before the call returns. */
  readonly onConnection: (socket: Socket, original: OriginalDestination) => void;
  /** A connection was reset because the bound is reached or its original destination cannot be told. */
  readonly onRefused?: (why: 'too_many_connections' | 'no_original_destination', error?: unknown) => void;
  /** Default: asked from the kernel. Tests inject. */
  readonly originalDestination?: (socket: Socket) => OriginalDestination;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Connections accepted and not yet closed. */
  readonly connections: number;
  /** Stops accepting; what runs goes on. */
  stop(): void;
  /** Stops accepting and destroys every connection. */
  close(): void;
}

/** Pending connections in the kernel; the kernel cuts it to `net.core.somaxconn` (4,096 on today's kernels). */
const BACKLOG = 4_096;
const MAX_CONNECTIONS = 16_384;

/** Starts listening on both families. Rejects with code `listen` and a text that says what to do. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    accept(socket, sockets, options);
  });
  await bind(server, options);
  // Accept errors (EMFILE) must not crash the process: the next accept may succeed.
  server.on('error', (error) => options.onRefused?.('too_many_connections', error));
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new HeddleError('listen', `${options.name}: not a TCP address`);
  return {
    address: bound.address,
    port: bound.port,
    get connections() {
      return sockets.size;
    },
    stop() {
      server.close();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function accept(socket: Socket, sockets: Set<Socket>, options: ListenOptions): void {
  socket.on('error', ignore);
  if (sockets.size >= (options.maxConnections ?? MAX_CONNECTIONS)) {
    socket.resetAndDestroy();
    options.onRefused?.('too_many_connections');
    return;
  }
  let original: OriginalDestination;
  try {
    original = (options.originalDestination ?? originalDestination)(socket);
  } catch (error) {
    socket.resetAndDestroy();
    options.onRefused?.('no_original_destination', error);
    return;
  }
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  options.onConnection(socket, original);
}

async function bind(server: Server, options: ListenOptions): Promise<void> {
  try {
    await listenOn(server, options.host ?? '::', options.port);
  } catch (error) {
    const noIpv6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(errorCode(error) ?? '');
    if (options.host !== undefined || !noIpv6) throw cannotListen(options, error);
    await listenOn(server, '0.0.0.0', options.port).catch((second: unknown) => {
      throw cannotListen(options, second);
    });
  }
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG, ipv6Only: false }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function cannotListen(options: ListenOptions, cause: unknown): HeddleError {
  const hint =
    errorCode(cause) === 'EADDRINUSE'
      ? 'another process of this pod holds the port; ports 19801-19805 belong to the sidecar'
      : 'cannot listen';
  return new HeddleError('listen', hint, { where: { listener: options.name, port: options.port }, cause });
}

function ignore(): void {}
