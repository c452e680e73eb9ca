import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { acceptWebSocket } from './websocket.ts';

interface Self {
  readonly pod: string;
  readonly version: string;
}

/** Calls seen by key, so that suites can count what reached the application. */
const seen = new Map<string, number>();

function count(key: string): number {
  const times = (seen.get(key) ?? 0) + 1;
  seen.set(key, times);
  return times;
}

export function startHttp(port: number, self: Self): void {
  const server = createServer((request, response) => {
    response.setHeader('x-pod', self.pod);
    response.setHeader('x-version', self.version);
    const url = new URL(request.url ?? '/', 'http://app');
    void handle(url, request, response, self).catch(() => response.destroy());
  });
  server.on('upgrade', (request, socket) => acceptWebSocket(request, socket));
  server.keepAliveTimeout = 300_000;
  server.listen(port, '::');
}

async function handle(url: URL, request: IncomingMessage, response: ServerResponse, self: Self): Promise<void> {
  const [, verb = '', argument = ''] = url.pathname.split('/');
  const number = (name: string, fallback: number): number => Number(url.searchParams.get(name) ?? fallback);
  switch (verb) {
    case 'healthz':
      return json(response, 200, { ok: true });
    case 'whoami':
      request.resume();
      return json(response, 200, self);
    case 'headers':
      return json(response, 200, { headers: request.rawHeaders, url: request.url, version: request.httpVersion });
    case 'seen':
      return json(response, 200, { times: seen.get(argument) ?? 0 });
    case 'status':
      count(url.searchParams.get('key') ?? 'status');
      return json(response, Number(argument), { status: Number(argument) });
    case 'flaky': {
      const times = count(argument);
      return json(response, times <= number('fail', 2) ? number('code', 503) : 200, { times });
    }
    case 'slow':
      setTimeout(() => json(response, 200, self), number('ms', 1000));
      return;
    case 'echo':
      response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'application/octet-stream' });
      request.pipe(response);
      return;
    case 'upload': {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of request) {
        bytes += (chunk as Buffer).length;
        hash.update(chunk as Buffer);
      }
      return json(response, 200, { bytes, sha256: hash.digest('hex') });
    }
    case 'forward': {
      // One hop more: POST to `url`, and its status and pod as the answer.
      request.resume();
      const answer = await fetch(url.searchParams.get('url') ?? '', { method: 'POST', body: 'x' });
      await answer.text();
      return json(response, answer.status, { via: self.pod, status: answer.status });
    }
    case 'download':
      return download(response, number('bytes', 1_048_576));
    default:
      return json(response, 404, { error: `no such path ${url.pathname}` });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** `bytes` zero bytes in pieces of 64 KiB, as fast as the reader takes them. */
function download(response: ServerResponse, bytes: number): void {
  const piece = Buffer.alloc(65_536);
  let left = bytes;
  response.writeHead(200, { 'content-length': bytes });
  const push = (): void => {
    while (left > 0) {
      const size = Math.min(left, piece.length);
      left -= size;
      if (!response.write(size === piece.length ? piece : piece.subarray(0, size))) {
        response.once('drain', push);
        return;
      }
    }
    response.end();
  };
  push();
}
