import {
  type ClientHttp2Session,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { systemClock } from '../../base/clock.ts';
import { SocketTransport } from '../../base/socket-transport.ts';
import { serveHttp2 } from '../../http/h2/h2.ts';
import { DEFAULT_HTTP_LIMITS } from '../../http/http.ts';
import { closing, server } from './opened.ts';

/** Node resets streams of a connection that holds more than 10 MB. */
const MEGABYTES = 256;

/** An HTTP/2 server without TLS on a free loopback port. */
export interface Http2App {
  readonly port: number;
  /** Connections opened so far. */
  readonly sessions: number;
}

export function http2App(handle: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void): Promise<Http2App> {
  const http = createServer({ maxSessionMemory: MEGABYTES });
  const state = { port: 0, sessions: 0 };
  const open = new Set<{ destroy(): void }>();
  http.on('session', (session) => {
    state.sessions++;
    open.add(session);
    session.on('close', () => open.delete(session));
    session.on('error', () => {});
  });
  http.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    handle(stream, headers);
  });
  closing.push({
    close() {
      http.close();
      for (const session of open) session.destroy();
    },
  });
  return new Promise((resolve) => {
    http.listen(0, '127.0.0.1', () => {
      const address = http.address();
      if (address === null || typeof address === 'string') throw new Error('not a TCP address');
      state.port = address.port;
      resolve(state);
    });
  });
}

/** Answers every request with the beginning of a response and then RST_STREAM INTERNAL_ERROR (Node's server would end it first). */
export function resettingApp(): Promise<{ readonly port: number }> {
  return server((socket) => {
    serveHttp2(new SocketTransport(socket), {
      limits: DEFAULT_HTTP_LIMITS,
      clock: systemClock,
      onRequest(exchange) {
        const version = { version: 20, reason: '', spelling: 'lower', contentLength: 0 } as const;
        exchange.respond({ ...version, status: 200, headers: [], framing: 'chunked' });
        exchange.write(Buffer.from('begun'), 0, 5);
        setImmediate(() => exchange.abort({ reason: 'upstream_reset', unprocessed: false, detail: 'as asked' }));
      },
    });
  });
}

export function http2Client(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: MEGABYTES });
  session.on('error', () => {});
  closing.push({ close: () => session.destroy() });
  return session;
}

export interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly informs: readonly number[];
  readonly body: Buffer;
  /** RST_STREAM code; 0: none. */
  readonly reset: number;
}

/** One request, its answer complete or reset. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: Buffer | string,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  const pieces: Buffer[] = [];
  const informs: number[] = [];
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('headers', (inform) => informs.push(Number(inform[':status'])));
  stream.on('response', (received) => {
    head = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => {});
  if (body !== undefined) stream.end(body);
  return new Promise((resolve) => {
    stream.on('close', () =>
      resolve({ headers: head, trailers, informs, body: Buffer.concat(pieces), reset: stream.rstCode }),
    );
  });
}
