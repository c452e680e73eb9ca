/**
 * Single requests from inside of a namespace, `node ask.ts VERB '<json>'`:
 * `call` makes one request and prints the `Answer`; `until` asks again and again until a 200 comes, and prints when (milliseconds since 1970, with
 * fractions); `hold` opens connections, makes one request on each and keeps them until its input ends.
 */
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

if (import.meta.main) {
  const [verb, json = '{}'] = process.argv.slice(2);
  const target = JSON.parse(json) as Target & { connections: number };
  if (verb === 'call') process.stdout.write(`${JSON.stringify(await call(target))}\n`);
  else if (verb === 'until') process.stdout.write(`${await until(target)}\n`);
  else if (verb === 'hold') await hold(target);
  else throw new Error(`no verb ${verb}; there are call, until, hold`);
}
