import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { systemClock } from '../../proxy/base/clock.ts';
import { SocketTransport } from '../../proxy/base/socket-transport.ts';
import { serveHttp2 } from '../../proxy/http/h2/h2.ts';
import { DEFAULT_HTTP_LIMITS } from '../../proxy/http/http.ts';
import { createPair, type Pair } from '../../proxy/inbound/testing/pair.ts';

/** Something on a free loopback port. */
export interface Opened {
  readonly port: number;
  close(): void;
}

const HELLO = Buffer.from('hello from behind the mesh\n'.repeat(8));

/** An application that is not ours: Node's own HTTP/2 server, 216 bytes for every request once that is complete. */
export function helloApp(): Promise<Opened> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.resume();
    stream.on('end', () => {
      if (stream.destroyed) return;
      stream.respond({ ':status': 200, 'content-length': HELLO.length });
      stream.end(HELLO);
    });
  });
  return listening(server, () => {
    for (const session of sessions) session.destroy();
  });
}

/** The codec alone: no proxy, no application behind it. */
export function codecAlone(): Promise<Opened> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveHttp2(new SocketTransport(socket), {
      limits: DEFAULT_HTTP_LIMITS,
      clock: systemClock,
      onRequest(exchange) {
        const answer = (): void => {
          const head = { status: 200, reason: '', version: 20, headers: [], spelling: 'lower' } as const;
          exchange.respond({ ...head, headers: [], framing: 'chunked', contentLength: 0 });
          exchange.write(HELLO, 0, HELLO.length);
          exchange.end();
        };
        exchange.receiver = { onBody() {}, onEnd: answer, onDrain() {}, onAbort() {} };
      },
    });
  });
  return listening(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** A proxy pair in this process; `behind` is the port of the application that the Service leads to. The inbound side is Permissive. */
export async function meshPair(behind: number): Promise<Pair> {
  const pair = await createPair({ workload: { mtls: { mode: 'Permissive', ports: [] } } });
  pair.configure([await pair.endpoint(behind)]);
  return pair;
}

/** Requests that both sides of the pair parsed so far: zero would mean that a connection passed as opaque bytes and nothing was judged. */
export function requestsSeen(pair: Pair): number {
  const count = (text: string, direction: string): number =>
    text
      .split('\n')
      .filter((line) => line.startsWith('heddle_requests_total{') && line.includes(`direction="${direction}"`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  return Math.min(count(pair.order.metrics.text(), 'outbound'), count(pair.payment.metrics.text(), 'inbound'));
}

interface Listening {
  listen(port: number, host: string, listening: () => void): unknown;
  address(): unknown;
  close(): unknown;
}

function listening(server: Listening, closeAll: () => void): Promise<Opened> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      resolve({
        port,
        close() {
          server.close();
          closeAll();
        },
      });
    });
  });
}
