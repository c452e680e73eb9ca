import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nodeHttp } from '../base/builtin.ts';
import { errorCode, HeddleError } from '../base/errors.ts';
import { PerSource } from '../base/per-source.ts';

/** What a handler answers. */
export interface TextAnswer {
  readonly status: number;
  readonly body: string;
  /** Default `text/plain; charset=utf-8`. */
  readonly type?: string;
}

export type TextHandler = () => TextAnswer | Promise<TextAnswer>;

export interface TextServerOptions {
  /** For errors: `health`, `admin`, `metrics`. */
  readonly name: string;
  /** Default `::`, both families; where the kernel has no IPv6, `0.0.0.0`. */
  readonly host?: string;
  readonly port: number;
  /** For a whole request to arrive, and between two movements of an answer; default 10 s. */
  readonly slowClientMs?: number;
  /** The handler of a method and path; undefined answers 404. */
  readonly route: (method: string, path: string) => TextHandler | undefined;
}

export interface TextServer {
  readonly port: number;
  close(): void;
}

const MAX_CONNECTIONS = 256;
/** Of one address: the ports are open to the network, and the kubelet must get through. It opens one a probe. */
const MAX_OF_ONE = 64;
const MAX_HEAD_BYTES = 16_384;
const MAX_BODY_BYTES = 1_024;
const SLOW_CLIENT_MS = 10_000;
/** The longest probe of the application is 30 s by default (a hook). */
const HANDLER_MS = 60_000;

/** A small HTTP server for few and short exchanges. Everything a client sends is bounded in size and time; its body is not read. */
export async function startTextServer(options: TextServerOptions): Promise<TextServer> {
  const slowMs = options.slowClientMs ?? SLOW_CLIENT_MS;
  const server = nodeHttp().createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: slowMs,
    requestTimeout: slowMs,
    connectionsCheckingInterval: Math.min(1_000, slowMs),
    keepAliveTimeout: 5_000,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(slowMs);
  const held = new PerSource({ mostOfOne: MAX_OF_ONE, most: MAX_CONNECTIONS });
  server.on('connection', (socket) => {
    const close = held.begin(socket.remoteAddress ?? '');
    if (close === undefined) socket.destroy();
    else socket.once('close', close);
  });
  server.on('request', (request, response) => void answer(request, response, options));
  server.on('clientError', (_error, socket) => socket.destroy());
  const host = options.host ?? '::';
  await listen(server, host, options).catch((error: unknown) => {
    const noIpv6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(errorCode(error) ?? '');
    if (options.host !== undefined || !noIpv6) throw cannotListen(options, error);
    return listen(server, '0.0.0.0', options).catch((second: unknown) => {
      throw cannotListen(options, second);
    });
  });
  server.on('error', () => {});
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: TextServerOptions): Promise<void> {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) request.destroy();
  });
  request.on('error', () => {});
  response.on('error', () => {});
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const handler = options.route(request.method ?? 'GET', path);
  const result = await run(handler, request);
  if (response.destroyed) return;
  request.socket.setTimeout(options.slowClientMs ?? SLOW_CLIENT_MS);
  const body = Buffer.from(result.body, 'utf8');
  response.writeHead(result.status, {
    'content-type': result.type ?? 'text/plain; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function run(handler: TextHandler | undefined, request: IncomingMessage): Promise<TextAnswer> {
  if (handler === undefined) return { status: 404, body: 'not found\n' };
  request.socket.setTimeout(HANDLER_MS);
  try {
    return await handler();
  } catch {
    return { status: 500, body: 'failed; see the log of the proxy\n' };
  }
}

function listen(server: Server, host: string, options: TextServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: options.port, ipv6Only: false }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function cannotListen(options: TextServerOptions, cause: unknown): HeddleError {
  return new HeddleError('listen', 'cannot listen; ports 19801-19805 of a pod belong to the sidecar', {
    where: { listener: options.name, port: options.port },
    cause,
  });
}
