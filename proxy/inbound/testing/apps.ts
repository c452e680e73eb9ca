import {
  type Agent,
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A server on a free loopback port. */
export interface App {
  readonly port: number;
  close(): void;
}

export function httpApp(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<App> {
  const server = createHttpServer(handle);
  return opened(server, () => server.closeAllConnections());
}

export function tcpApp(handle: (socket: Socket) => void): Promise<App> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    handle(socket);
  });
  return opened(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

function opened(server: Server, closeAll: () => void): Promise<App> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('not a TCP address');
      resolve({
        port: address.port,
        close() {
          server.close();
          closeAll();
        },
      });
    });
  });
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface CallOptions {
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
}

/** One request on a connection of its own. */
export function call(options: CallOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: options.port,
        path: options.path ?? '/',
        method: options.method ?? 'GET',
        headers: options.headers ?? {},
        agent: options.agent ?? false,
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces).toString(),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

/** A raw client connection that keeps what it reads. */
export interface RawClient {
  readonly socket: Socket;
  readonly text: string;
  readonly ended: boolean;
  readonly closed: boolean;
  readonly error: string | undefined;
}

export function rawClient(port: number): RawClient {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const state = { socket, text: '', ended: false, closed: false, error: undefined as string | undefined };
  socket.on('data', (piece: Buffer) => {
    state.text += piece.toString('latin1');
  });
  socket.on('end', () => {
    state.ended = true;
  });
  socket.on('error', (error: Error & { code?: string }) => {
    state.error = error.code;
  });
  socket.on('close', () => {
    state.closed = true;
  });
  return state;
}
