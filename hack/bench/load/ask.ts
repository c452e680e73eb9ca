/**
 * Single requests from inside of a namespace, `node ask.ts VERB '<json>'`:
 * `call` makes one request and prints the `Answer`; `until` asks again and again until a 200 comes, and prints when (milliseconds since 1970, with
 * fractions); `hold` opens connections, makes one request on each and keeps them until its input ends; `echo` sends a block over TCP and prints whether
 * it came back whole; `unary` makes one gRPC-shaped call (h2c, prior knowledge) and prints a `UnaryAnswer`.
 */
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { ResponseReader } from './response-reader.ts';

export interface Target {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  /** 0: no HTTP answer. */
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 3_000;
const ASK_EVERY_MS = 2;
const GIVE_UP_MS = 30_000;

export function call(target: Target): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port, noDelay: true, timeout: TIMEOUT_MS });
    const pieces: Buffer[] = [];
    const done = (): void => {
      socket.destroy();
      const text = Buffer.concat(pieces).toString('latin1');
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
      const end = text.indexOf('\r\n\r\n');
      resolve({ status, body: end === -1 ? '' : text.slice(end + 4) });
    };
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('end', done).on('error', done).on('timeout', done);
    const extra = Object.entries(target.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${target.path} HTTP/1.1\r\nHost: ${target.host}\r\n${extra.join('')}Connection: close\r\n\r\n`);
  });
}

async function until(target: Target): Promise<number> {
  process.stdout.write('asking\n');
  const giveUp = performance.now() + GIVE_UP_MS;
  while (performance.now() < giveUp) {
    const answer = await call(target);
    if (answer.status === 200) return performance.timeOrigin + performance.now();
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  throw new Error(`no answer from ${target.address}:${target.port} within ${GIVE_UP_MS / 1_000} s`);
}

async function hold(target: Target & { readonly connections: number }): Promise<void> {
  const sockets: Socket[] = [];
  for (let index = 0; index < target.connections; index++) sockets.push(await held(target));
  process.stdout.write('held\n');
  await new Promise((resolve) => process.stdin.on('end', resolve).resume());
  for (const socket of sockets) socket.destroy();
}

function held(target: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.address, port: target.port, noDelay: true });
    const reader = new ResponseReader((status) => {
      if (status === 200) resolve(socket);
      else reject(new Error(`status ${status} instead of 200`));
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk)).on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.write(`GET ${target.path} HTTP/1.1\r\nHost: ${target.host}\r\n\r\n`);
  });
}

export interface UnaryAnswer {
  readonly status: number;
  /** Of the body, hex. */
  readonly body: string;
  /** `grpc-status` of the trailers; -1: there were none. */
  readonly grpcStatus: number;
}

function unary(target: Target & { readonly message: string }): Promise<UnaryAnswer> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${target.address}:${target.port}`);
    let status = 0;
    let grpcStatus = -1;
    const pieces: Buffer[] = [];
    const done = (): void => {
      session.destroy();
      resolve({ status, body: Buffer.concat(pieces).toString('hex'), grpcStatus });
    };
    session.on('error', done);
    const stream = session.request({
      ':method': 'POST',
      ':path': target.path,
      ':authority': target.host,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.setTimeout(TIMEOUT_MS, done);
    stream.on('response', (headers) => {
      status = Number(headers[':status'] ?? 0);
    });
    stream.on('trailers', (trailers) => {
      grpcStatus = Number(trailers['grpc-status'] ?? -1);
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('close', done).on('error', done);
    stream.end(Buffer.from(target.message, 'hex'));
  });
}

const ECHO_BYTES = 100_000;

/** True when a block that fits no buffer comes back byte for byte, and the other side's end after it. */
function echoed(target: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const block = Buffer.from(Uint8Array.from({ length: ECHO_BYTES }, (_, index) => (index * 31) % 251));
    const socket = connect({ host: target.address, port: target.port, timeout: TIMEOUT_MS, allowHalfOpen: true });
    const pieces: Buffer[] = [];
    const done = (): void => {
      socket.destroy();
      resolve(Buffer.concat(pieces).equals(block));
    };
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('end', done).on('error', done).on('timeout', done);
    socket.end(block);
  });
}

if (import.meta.main) {
  const [verb, json = '{}'] = process.argv.slice(2);
  const target = JSON.parse(json) as Target & { connections: number; message: string };
  if (verb === 'call') process.stdout.write(`${JSON.stringify(await call(target))}\n`);
  else if (verb === 'until') process.stdout.write(`${await until(target)}\n`);
  else if (verb === 'hold') await hold(target);
  else if (verb === 'echo') process.stdout.write(`${await echoed(target)}\n`);
  else if (verb === 'unary') process.stdout.write(`${JSON.stringify(await unary(target))}\n`);
  else throw new Error(`no verb ${verb}; there are call, until, hold, echo, unary`);
}
