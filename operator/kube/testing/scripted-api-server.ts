import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call as the server saw it. */
export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  /** Counts the TCP connections, from 1. */
  readonly connection: number;
}

/** What the script does with a call: it may answer, send half a line, or destroy the socket. */
export type Step = (response: http.ServerResponse, call: SeenCall) => void;

/** A real HTTP server on loopback that plays a script: step n answers call n; beyond the script the last step repeats. */
export interface ScriptedApiServer {
  readonly url: string;
  readonly calls: readonly SeenCall[];
  close(): Promise<void>;
}

export async function startScriptedApiServer(steps: readonly Step[]): Promise<ScriptedApiServer> {
  const calls: SeenCall[] = [];
  const connections = new Map<object, number>();
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://server');
      if (!connections.has(request.socket)) connections.set(request.socket, connections.size + 1);
      const call: SeenCall = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        body: Buffer.concat(chunks).toString(),
        connection: connections.get(request.socket) ?? 0,
      };
      const step = steps[Math.min(calls.length, steps.length - 1)];
      calls.push(call);
      step?.(response, call);
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const pod = (name: string, version: string, more: object = {}): object => ({
  metadata: { namespace: 'shop', name, resourceVersion: version },
  ...more,
});

/** A complete list, or one page of it when `more` is given. */
export const list =
  (version: string, items: readonly object[], more?: string): Step =>
  (response) =>
    response.end(
      JSON.stringify({
        metadata: { resourceVersion: version, ...(more === undefined ? {} : { continue: more }) },
        items,
      }),
    );

export const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
export const bookmark = (version: string): string => line('BOOKMARK', { metadata: { resourceVersion: version } });

/** A watch that sends these texts and stays open. */
export const watchOpen =
  (...texts: readonly string[]): Step =>
  (response) => {
    response.writeHead(200);
    response.flushHeaders();
    for (const text of texts) response.write(text);
  };

/** A watch that sends these texts and ends in order. */
export const watchEnding =
  (...texts: readonly string[]): Step =>
  (response) =>
    response.end(texts.join(''));

/** A watch whose connection is cut after these texts. */
export const watchDropped =
  (...texts: readonly string[]): Step =>
  (response) => {
    response.writeHead(200);
    response.write(texts.join(''), () => setImmediate(() => response.destroy()));
  };

export const failure =
  (status: number, reason = '', message = `failed with ${status}`): Step =>
  (response) => {
    response.writeHead(status);
    response.end(JSON.stringify({ kind: 'Status', code: status, reason, message }));
  };
