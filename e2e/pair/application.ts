import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { listening } from './backend.ts';

/** An application by `node:http`, told by the path what to do. */
export interface Application {
  readonly port: number;
  /** Sockets open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Requests begun. */
  readonly requests: number;
  /** Requests whose client left before the answer was complete. */
  readonly abandoned: number;
  close(): void;
}

/** Bytes that say where they stand, so that a hole or a repetition is seen. */
export function pattern(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let index = 0; index < size; index++) {
    state ^= (state << 13) >>> 0;
    state ^= state >>> 17;
    state ^= (state << 5) >>> 0;
    state >>>= 0;
    bytes[index] = state & 255;
  }
  return bytes;
}

export async function startApplication(): Promise<Application> {
  const sockets = new Set<Socket>();
  const state = { requests: 0, abandoned: 0 };
  const server = createServer(
    { keepAliveTimeout: 60_000, requestTimeout: 0, headersTimeout: 0 },
    (request, response) => {
      state.requests++;
      response.on('close', () => {
        if (!response.writableFinished) state.abandoned++;
      });
      request.on('error', () => {});
      answer(request, response);
    },
  );
  server.on('checkContinue', (request, response) => {
    state.requests++;
    if (request.url === '/refuse') {
      response.writeHead(417, { 'content-length': 0 }).end();
      return;
    }
    response.writeContinue();
    answer(request, response);
  });
  server.on('upgrade', (request, socket: Socket) => {
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  const port = await listening(server);
  return {
    port,
    sockets,
    get requests() {
      return state.requests;
    },
    get abandoned() {
      return state.abandoned;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://a');
  const number = (name: string): number => Number(url.searchParams.get(name) ?? 0);
  switch (url.pathname) {
    case '/echo':
      echo(request, response, url.searchParams.get('as') === 'length');
      return;
    case '/slow-echo':
      slowEcho(request, response);
      return;
    case '/bytes':
      request.resume();
      bytes(response, number('size'), number('seed'));
      return;
    case '/status':
      request.resume();
      response.writeHead(number('code'), number('length') > 0 ? { 'content-length': number('length') } : {}).end();
      return;
    case '/hints':
      request.resume();
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('after the hints');
      return;
    case '/never':
      request.resume();
      return;
    case '/wait':
      request.resume();
      setTimeout(() => response.end('late'), number('ms'));
      return;
    case '/trickle':
      request.resume();
      trickle(response, number('count'), number('ms'));
      return;
    case '/reset':
      request.on('data', () => {});
      setImmediate(() => request.socket.resetAndDestroy());
      return;
    case '/half':
      request.resume();
      response.writeHead(200, { 'content-length': 100_000 });
      response.write(pattern(50_000));
      setTimeout(() => request.socket.resetAndDestroy(), 20);
      return;
    default:
      request.resume();
      request.on('end', () => response.end(`path ${url.pathname}`));
  }
}

function echo(request: IncomingMessage, response: ServerResponse, asLength: boolean): void {
  if (asLength) {
    const length = request.headers['content-length'];
    response.writeHead(200, length === undefined ? {} : { 'content-length': length });
  } else {
    response.writeHead(200);
  }
  response.flushHeaders();
  request.pipe(response, { end: false });
  request.on('end', () => {
    const { trailers } = request;
    if (Object.keys(trailers).length > 0) response.addTrailers(trailers as Record<string, string>);
    response.end();
  });
}

/** Reads 64 KiB, then rests for 5 ms. */
function slowEcho(request: IncomingMessage, response: ServerResponse): void {
  request.on('data', (piece: Buffer) => {
    response.write(piece);
    request.pause();
    setTimeout(() => request.resume(), Math.ceil(piece.length / 65_536) * 5);
  });
  request.on('end', () => response.end());
}

function bytes(response: ServerResponse, size: number, seed: number): void {
  response.writeHead(200, { 'content-length': size });
  response.end(kept(size, seed));
}

let last: { readonly size: number; readonly seed: number; readonly bytes: Buffer } = {
  size: -1,
  seed: -1,
  bytes: Buffer.alloc(0),
};

/** A thousand clients that ask for the same are answered from the same memory. */
function kept(size: number, seed: number): Buffer {
  if (last.size !== size || last.seed !== seed) last = { size, seed, bytes: pattern(size, seed) };
  return last.bytes;
}

function trickle(response: ServerResponse, count: number, ms: number): void {
  response.writeHead(200);
  let sent = 0;
  const timer = setInterval(() => {
    response.write('x');
    if (++sent < count) return;
    clearInterval(timer);
    response.end();
  }, ms);
  response.on('close', () => clearInterval(timer));
}
