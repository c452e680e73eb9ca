/**
 * TCP ping-pong: `node ping-pong.ts '<json of PingPongOptions>'` sends a block on each connection, waits until all of it came back, and begins again;
 * prints one line of JSON, `PingPongResult`. `node ping-pong.ts echo ADDRESS PORT` is the other end.
 */
import { connect, createServer, type Socket } from 'node:net';
import { Histogram } from '../measure/histogram.ts';

export interface PingPongOptions {
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly bytes: number;
}

export interface PingPongResult {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: number;
  /** Microseconds of a round trip. */
  readonly p50: number;
  readonly p99: number;
}

export async function pingPong(options: PingPongOptions): Promise<PingPongResult> {
  const block = Buffer.alloc(options.bytes, 'p');
  const latency = new Histogram();
  let errors = 0;
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => dial(options)));
  const from = performance.now();
  const until = from + options.seconds * 1_000;
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          let missing = 0;
          let sentAt = 0;
          const send = (): void => {
            sentAt = performance.now();
            missing = block.length;
            socket.write(block);
          };
          socket.on('data', (chunk: Buffer) => {
            missing -= chunk.length;
            if (missing > 0) return;
            const now = performance.now();
            latency.record((now - sentAt) * 1_000);
            if (now < until) send();
            else resolve();
          });
          socket.once('close', () => {
            if (missing > 0) errors += 1;
            resolve();
          });
          send();
        }),
    ),
  );
  const seconds = (performance.now() - from) / 1_000;
  for (const socket of sockets) socket.destroy();
  return {
    requests: latency.total,
    seconds,
    errors,
    p50: latency.percentile(50) ?? 0,
    p99: latency.percentile(99) ?? 0,
  };
}

/** Sends back what it gets. Runs until it is ended. */
export function echo(address: string, port: number): void {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
  });
  server.listen({ host: address, port, backlog: 4096 });
}

function dial(options: PingPongOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: options.address, port: options.port, noDelay: true });
    socket.once('connect', () => resolve(socket));
    // After the connect an error shows as a close with bytes missing.
    socket.on('error', reject);
  });
}

if (import.meta.main) {
  const [first = '{}', address = '', port = ''] = process.argv.slice(2);
  if (first === 'echo') echo(address, Number(port));
  else process.stdout.write(`${JSON.stringify(await pingPong(JSON.parse(first) as PingPongOptions))}\n`);
}
