import http from 'node:http';
import type { Log } from '../proxy/base/log.ts';
import { PerAddress } from './per-address.ts';

/** Status and text of one answer. */
export interface TextAnswer {
  readonly status: number;
  readonly text: string;
}

export interface TextServer {
  readonly port: Promise<number>;
  stop(): Promise<void>;
}

const MAX_CONNECTIONS = 512;
/** The kubelet's probes come beside whatever a pod does here: it must not be able to end the operator by keeping them out. */
const MAX_PER_ADDRESS = 16;

/** A small plain HTTP server for GETs: health and metrics. Slow and idle clients are cut. */
export function serveText(
  options: { readonly host: string; readonly port: number; readonly log: Log },
  routes: Readonly<Record<string, () => TextAnswer | Promise<TextAnswer>>>,
): TextServer {
  const answer = async (path: string, response: http.ServerResponse): Promise<void> => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    try {
      const { status, text } = route === undefined ? { status: 404, text: 'not found\n' } : await route();
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
    } catch (error) {
      options.log.error('an answer could not be made', { path }, error);
      response.writeHead(500).end('failed\n');
    }
  };
  const server = http.createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      request.resume();
      if (request.method === 'GET') void answer((request.url ?? '/').split('?', 1)[0] ?? '/', response);
      else response.writeHead(405).end();
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  const perAddress = new PerAddress(MAX_PER_ADDRESS);
  server.on('connection', (socket) => {
    const leave = perAddress.take(socket.remoteAddress);
    if (leave === undefined) socket.destroy();
    else socket.once('close', leave);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.on('error', reject);
  server.listen(options.port, options.host, () => {
    const bound = server.address();
    resolve(typeof bound === 'object' && bound !== null ? bound.port : options.port);
  });
  return {
    port: promise,
    async stop() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}
