import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { listening } from '../backend.ts';

/** An application that speaks HTTP/2 with prior knowledge and nothing else, told by the path what to do. */
export interface Http2Application {
  readonly port: number;
  close(): void;
}

/** Node resets streams of a connection that holds more than 10 MB. */
export const SESSION_MEMORY = 256;

export async function startHttp2Application(): Promise<Http2Application> {
  const server = createServer({ maxSessionMemory: SESSION_MEMORY });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags, raw: readonly string[]) => {
    stream.on('error', () => {});
    answer(stream, headers, raw);
  });
  const port = await listening(server);
  return {
    port,
    close() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
  const method = String(headers[':method']);
  const url = new URL(String(headers[':path'] ?? '/'), 'http://a');
  const seen = { 'x-seen': Buffer.from(JSON.stringify(raw), 'latin1').toString('base64') };
  switch (url.pathname) {
    case '/echo':
      echo(stream, headers, url.searchParams.get('as') === 'length');
      return;
    case '/status': {
      const length = url.searchParams.get('length');
      stream.resume();
      stream.respond(
        {
          ':status': Number(url.searchParams.get('code')),
          ...seen,
          ...(length === null ? {} : { 'content-length': length }),
        },
        { endStream: true },
      );
      return;
    }
    case '/hints':
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      stream.additionalHeaders({ ':status': 103, link: '</b.css>' });
      stream.respond({ ':status': 200 });
      stream.end('after the hints');
      return;
    default:
      stream.resume();
      stream.respond({ ':status': method === 'CONNECT' ? 403 : 200, ...seen }, { endStream: method === 'HEAD' });
      if (method !== 'HEAD') stream.end(`${method} seen`);
  }
}

/** The body, then the trailers of the request as ours. */
function echo(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, asLength: boolean): void {
  let trailers: IncomingHttpHeaders = {};
  stream.on('trailers', (received: IncomingHttpHeaders) => {
    trailers = received;
  });
  const length = headers['content-length'];
  stream.respond(
    { ':status': 200, ...(asLength && length !== undefined ? { 'content-length': length } : {}) },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers }));
  stream.pipe(stream);
}
