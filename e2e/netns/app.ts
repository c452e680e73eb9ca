/**
 * The application of this suite, one process a pod: `node app.ts <name>`. Listens on all addresses:
 * 3000 HTTP (echo of the request, `/bytes/<n>`, `/slow/<ms>`, `/sink`, upgrade), 3001 the same, 4000 speaks first, 4001 the same, 4002 echoes bytes after the
 * client's end, 6000 and 6001 HTTP/2 (echo of the request, with trailers), 2222 and 9999 HTTP (excluded ports); 5000 HTTP on 127.0.0.1 only. Prints `ready`.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Socket } from 'node:net';

const name = process.argv[2] ?? 'app';
const PIECE = Buffer.alloc(65_536, 'x');

function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, verb, argument] = (request.url ?? '/').split('/');
  if (verb === 'bytes') {
    sendBytes(response, Number(argument));
    return;
  }
  let received = 0;
  request.on('data', (piece: Buffer) => {
    received += piece.length;
  });
  request.on('end', () => {
    const { method, url, headers, socket } = request;
    const body = JSON.stringify({
      app: name,
      method,
      url,
      headers,
      received,
      from: socket.remoteAddress,
      to: socket.localAddress,
    });
    const send = (): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    if (verb === 'slow') setTimeout(send, Number(argument));
    else send();
  });
}

function sendBytes(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-length': String(bytes) });
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
      left -= piece.length;
      if (!response.write(piece)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

function http(port: number, host = '::'): Promise<void> {
  const server = createHttpServer({ keepAliveTimeout: 5_000 }, answer);
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  return new Promise((resolve) => void server.listen({ port, host, backlog: 4_096 }, () => resolve()));
}

function http2(port: number): Promise<void> {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    let received = 0;
    stream.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    stream.on('end', () => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-received': String(received) }));
      stream.end(JSON.stringify({ app: name, headers: { ...headers }, received, from: '', to: '' }));
    });
  });
  return new Promise((resolve) => void server.listen({ port, host: '::' }, () => resolve()));
}

function tcp(port: number, serve: (socket: Socket) => void): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  return new Promise((resolve) => void server.listen({ port, host: '::' }, () => resolve()));
}

function greet(socket: Socket): void {
  socket.write(`220 ${name}\r\n`);
  socket.on('data', (piece) => socket.write(piece));
  socket.on('end', () => socket.end('221 bye\r\n'));
}

function collect(socket: Socket): void {
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  socket.on('end', () => socket.end(`${name} got ${text}`));
}

await Promise.all([
  http(3000),
  http(3001),
  http(2222),
  http(9999),
  http(5000, '127.0.0.1'),
  http2(6000),
  http2(6001),
  tcp(4000, greet),
  tcp(4001, greet),
  tcp(4002, collect),
]);
process.stdout.write('ready\n');
