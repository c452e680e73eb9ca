/**
 * A load of its own process: `node load.ts JSON`. Prints one JSON line at its end. Sends to loopback only, for at most `ms`.
 */
import { connect, type Socket } from 'node:net';
import process from 'node:process';

export interface Load {
  readonly host: string;
  readonly port: number;
  readonly ms: number;
  readonly connections: number;
  /** Requests a second that are handed to the connections whether or not they were answered; 0: each connection sends its next one when it was answered. */
  readonly perSecond: number;
}

export interface LoadEnd {
  readonly answered: number;
  /** Given to the connections, as many as the generator wanted to send. */
  readonly offered: number;
  /** Of them: not written, as their connection was full of those before. */
  readonly heldBack: number;
  /** Connections that were lost, and answers other than 200. */
  readonly failed: number;
  readonly ms: number;
}

const REQUEST = Buffer.from('GET /load HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n');
/** Begins every answer of `application.ts`. */
const ANSWER = 'HTTP/1.1 200';
const TICK_MS = 5;
/** Requests in one write: the generator must not take the core that it measures. */
const BATCH = 8;
const REQUESTS = Buffer.concat(new Array<Buffer>(BATCH).fill(REQUEST));

if (process.argv[2] !== undefined && process.argv[1]?.endsWith('load.ts') === true) main(JSON.parse(process.argv[2]));

interface Connection {
  readonly socket: Socket;
  rest: string;
}

function main(load: Load): void {
  const state = { answered: 0, offered: 0, heldBack: 0, failed: 0 };
  const began = performance.now();
  const connections = Array.from({ length: load.connections }, () => open(load, state));
  let place = 0;
  let last = began;
  let due = 0;
  const tick = (): void => {
    const now = performance.now();
    due += ((now - last) / 1_000) * load.perSecond;
    last = now;
    for (; due >= BATCH; due -= BATCH) {
      const { socket } = connections[place++ % connections.length]!;
      state.offered += BATCH;
      if (socket.writableLength > 0 || socket.destroyed) state.heldBack += BATCH;
      else socket.write(REQUESTS);
    }
  };
  const timer = load.perSecond > 0 ? setInterval(tick, TICK_MS) : undefined;
  setTimeout(() => {
    clearInterval(timer);
    const ms = performance.now() - began;
    process.stdout.write(`${JSON.stringify({ ...state, ms })}\n`, () => process.exit(0));
  }, load.ms);
}

type State = { -readonly [Name in 'answered' | 'offered' | 'failed']: LoadEnd[Name] };

function open(load: Load, state: State): Connection {
  const socket = connect({ host: load.host, port: load.port, noDelay: true });
  const connection: Connection = { socket, rest: '' };
  const send = (): void => {
    state.offered++;
    socket.write(REQUEST);
  };
  socket.on('error', () => {});
  socket.on('close', () => void state.failed++);
  if (load.perSecond === 0) socket.once('connect', send);
  socket.on('data', (piece: Buffer) => {
    const text = connection.rest + piece.toString('latin1');
    const pieces = text.split(ANSWER);
    connection.rest = text.slice(-(ANSWER.length - 1));
    const answers = pieces.length - 1;
    state.answered += answers;
    if (/HTTP\/1\.1 [^2]/.test(text)) state.failed++;
    if (load.perSecond === 0 && answers > 0) send();
  });
  return connection;
}
