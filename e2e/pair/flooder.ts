/**
 * A hostile program of its own: `node flooder.ts JSON`. Prints one JSON line with what became of it. Sends to loopback only, for at most
 * `ms`, and ends by itself.
 */
import { connect, createServer, type Socket } from 'node:net';
import process from 'node:process';
import type { TLSSocket } from 'node:tls';
import type { Credentials } from '../../proxy/tls/credentials.ts';
import { startClientTls } from '../../proxy/tls/tls.ts';

export interface Flood {
  readonly kind: keyof typeof FLOODS;
  readonly host: string;
  readonly port: number;
  readonly ms: number;
  readonly connections: number;
  readonly credentials?: Credentials;
}
export interface FloodEnd {
  /** Connections that the other side closed. */
  readonly cut: number;
  readonly bytes: number;
  /** When the last of them was cut, ms from the start; 0: none. */
  readonly cutAfterMs: number;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const frame = (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
const HEAD = Buffer.concat([
  literal(':method', 'GET'),
  literal(':scheme', 'http'),
  literal(':authority', 'flood'),
  literal(':path', '/flood'),
  literal(':heddle-dst', '10.96.0.1:80'),
]);
const uint = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** What is repeated, by the number of the repetition, on a mesh connection that was accepted. */
const FRAMES = {
  'rapid reset': (n: number) => Buffer.concat([frame(1, 5, 2 * n + 1, HEAD), frame(3, 0, 2 * n + 1, uint(8))]),
  CONTINUATION: (n: number) => (n === 0 ? frame(1, 0, 1, HEAD) : frame(9, 0, 1, literal('x', 'y'))),
  'empty CONTINUATION': (n: number) => (n === 0 ? frame(1, 0, 1, HEAD) : frame(9, 0, 1)),
  SETTINGS: () => frame(4, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])),
  PING: () => frame(6, 0, 0, Buffer.alloc(8)),
  'empty DATA': (n: number) =>
    n === 0 ? frame(1, 4, 1, Buffer.concat([HEAD, literal(':heddle-form', 'chunked')])) : frame(0, 0, 1),
  PRIORITY: () => frame(2, 0, 1, Buffer.from([0, 0, 0, 0, 1])),
  'unknown frames': () => frame(0x99, 0, 0, Buffer.alloc(4)),
  'WINDOW_UPDATE of 1': () => frame(8, 0, 0, uint(1)),
  GOAWAY: () => frame(7, 0, 0, Buffer.concat([uint(0), uint(0)])),
  'requests without reading': (n: number) => frame(1, 5, 2 * n + 1, HEAD),
} as const;

/** What a connection does that never comes to be accepted. */
const OTHERS = {
  silence: undefined,
  'a ClientHello and no more': 'hello',
  'half a ClientHello': 'half',
  'a slow head': Buffer.from('GET /slow HTTP/1.1\r\nHost: '),
  'a pipeline without reading': Buffer.from('GET /bytes?size=1000&seed=1 HTTP/1.1\r\nHost: flood\r\n\r\n'.repeat(200)),
} as const;

export const FLOODS: typeof FRAMES & typeof OTHERS = { ...FRAMES, ...OTHERS };

const state = { cut: 0, bytes: 0, cutAfterMs: 0 };
let began = 0;

/** Only as a program. */
if (process.argv[2] !== undefined && process.argv[1]?.endsWith('flooder.ts') === true)
  await main(JSON.parse(process.argv[2]));

async function main(flood: Flood): Promise<void> {
  const sockets: Socket[] = [];
  const flight = flood.kind.includes('ClientHello') ? await clientHello(flood.credentials!) : Buffer.alloc(0);
  began = performance.now();
  for (let index = 0; index < flood.connections; index++) {
    const socket = connect({ host: flood.host, port: flood.port, localAddress: '127.6.6.6', noDelay: true });
    sockets.push(socket);
    watch(socket);
    begin(flood, socket, flight);
    if (index % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const end = began + flood.ms;
  while (performance.now() < end && state.cut < flood.connections)
    await new Promise((resolve) => setTimeout(resolve, 20));
  process.stdout.write(`${JSON.stringify(state)}\n`);
  for (const socket of sockets) socket.destroy();
  process.exit(0);
}

function watch(socket: Socket): void {
  socket.on('error', () => {});
  socket.once('close', () => {
    state.cut++;
    state.cutAfterMs = Math.round(performance.now() - began);
  });
}

function begin(flood: Flood, socket: Socket, flight: Buffer): void {
  if (flood.kind in FRAMES) {
    socket.once('connect', () =>
      frames(
        startClientTls(socket, flood.credentials!),
        FRAMES[flood.kind as keyof typeof FRAMES],
        flood.kind.includes('without'),
      ),
    );
    return;
  }
  const what = OTHERS[flood.kind as keyof typeof OTHERS];
  if (what === 'hello') socket.write(flight);
  else if (what === 'half') socket.write(flight.subarray(0, flight.length >> 1));
  else if (what !== undefined && flood.kind.startsWith('a pipeline')) pump(socket, () => what, true);
  else if (what !== undefined) socket.write(what);
  if (!flood.kind.includes('without')) socket.resume();
}

/** The first flight of a real client. */
function clientHello(credentials: Credentials): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      const pieces: Buffer[] = [];
      let size = 0;
      socket.on('error', () => {});
      socket.on('data', (piece: Buffer) => {
        pieces.push(piece);
        size += piece.length;
        const all = Buffer.concat(pieces);
        // RFC 8446, 5.1: one record with its length.
        if (size < 5 || size < 5 + all.readUInt16BE(3)) return;
        socket.destroy();
        server.close();
        resolve(all);
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const socket = connect(port, '127.0.0.1', () => startClientTls(socket, credentials).on('error', () => {}));
    });
  });
}

function frames(tls: TLSSocket, make: (n: number) => Buffer, blind: boolean): void {
  tls.on('error', () => {});
  let n = 0;
  const batch = (): Buffer => {
    const pieces: Buffer[] = [];
    for (let count = 0; count < 500; count++) pieces.push(make(n++));
    return Buffer.concat(pieces);
  };
  tls.once('secureConnect', () => {
    const settings = Buffer.from([0xf0, 1, 0, 0, 0, 1, 0xf0, 2, 0, 0, 0, 0]);
    tls.write(Buffer.concat([PREFACE, frame(4, 0, 0, settings)]));
    // Its SETTINGS are its word that we are accepted.
    tls.once('data', () => {
      if (blind) tls.pause();
      else tls.resume();
      pump(tls, batch, blind);
    });
  });
}

function pump(socket: Socket, make: () => Buffer, blind: boolean): void {
  const go = (): void => {
    if (socket.destroyed) return;
    const bytes = make();
    state.bytes += bytes.length;
    if (socket.write(bytes)) setImmediate(go);
    else socket.once('drain', go);
  };
  if (blind) socket.pause();
  go();
}
