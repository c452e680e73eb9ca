import { createServer } from 'node:http';
import { pattern } from './application.ts';
import { listening } from './backend.ts';

/** An application that fails as it is told, then echoes. */
export interface Suspect {
  readonly port: number;
  readonly requests: number;
  /** The next `times` requests fail: `503`, `reset` (at once), `late-reset` (when the body is complete), `half` (in the middle of the answer). */
  fail(times: number, how: string): void;
  close(): void;
}

export async function startSuspect(): Promise<Suspect> {
  let left = 0;
  let kind = '';
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    request.on('error', () => {});
    const failing = left > 0;
    if (failing) left--;
    if (failing && kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (failing && kind === 'half') {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write(pattern(500), () => request.socket.resetAndDestroy());
      return;
    }
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (failing && kind === 'late-reset') request.socket.resetAndDestroy();
      else if (failing) response.writeHead(503).end('not now');
      else response.end(Buffer.concat(pieces));
    });
  });
  const port = await listening(server);
  return {
    port,
    get requests() {
      return requests;
    },
    fail(times, how) {
      left = times;
      kind = how;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
