import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { SocketTransport } from '../base/socket-transport.ts';
import { until } from '../base/testing/wait.ts';
import type { Transport, TransportReceiver } from '../base/transport.ts';
import { HandleTransport } from './handle-transport.ts';
import { socketTransport } from './socket-transport.ts';

let server: Server | undefined;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
});

/** An accepted socket, as the proxy takes it, and the peer's. */
async function pair(): Promise<{ socket: Socket; peer: Socket }> {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const { port } = server.address() as { port: number };
  const peer = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  peer.on('error', () => undefined);
  const [socket] = await accepted;
  sockets.push(socket, peer);
  return { socket, peer };
}

/** Keeps a copy of what came, and which calls. */
class Heard implements TransportReceiver {
  bytes = Buffer.alloc(0);
  ends = 0;
  drains = 0;
  closes: (string | undefined)[] = [];
  onData(buffer: Buffer, start: number, end: number): void {
    this.bytes = Buffer.concat([this.bytes, buffer.subarray(start, end)]);
  }
  onEnd(): void {
    this.ends++;
  }
  onDrain(): void {
    this.drains++;
  }
  onClose(error?: Error): void {
    this.closes.push(error === undefined ? undefined : ((error as { code?: string }).code ?? error.message));
  }
}

async function received(peer: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  peer.on('data', (piece: Buffer) => pieces.push(piece));
  await once(peer, 'end');
  return Buffer.concat(pieces);
}

test('this Node shows its handles', async () => {
  const { socket } = await pair();
  expect(socketTransport(socket)).toBeInstanceOf(HandleTransport);
});

/** The same contract over the handle and over the documented streams. */
describe.each<[string, (socket: Socket) => Transport]>([
  ['handle', socketTransport],
  ['streams', (socket) => new SocketTransport(socket)],
])('%s', (_name, make) => {
  test('bytes both ways, half-close of both, one close', async () => {
    const { socket, peer } = await pair();
    const transport = make(socket);
    const heard = new Heard();
    transport.receiver = heard;
    peer.end('from the peer');
    await until('the end', () => heard.ends === 1);
    expect(heard.bytes.toString()).toBe('from the peer');
    expect(transport.write(Buffer.from('to '))).toBe(true);
    transport.write(Buffer.from('the peer'));
    transport.end();
    expect((await received(peer)).toString()).toBe('to the peer');
    await until('close', () => heard.closes.length > 0);
    expect([heard.ends, heard.closes]).toEqual([1, [undefined]]);
  });

  test('paused, or without a receiver: nothing is delivered, and nothing is lost', async () => {
    const { socket, peer } = await pair();
    const transport = make(socket);
    const heard = new Heard();
    transport.pause();
    transport.receiver = heard;
    peer.write('a'.repeat(1_000));
    transport.receiver = undefined;
    transport.resume();
    peer.end('b');
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard.bytes.length + heard.ends).toBe(0);
    transport.receiver = heard;
    await until('the end', () => heard.ends === 1);
    expect(heard.bytes.toString()).toBe(`${'a'.repeat(1_000)}b`);
  });

  test('what the socket had read before it was taken over comes first', async () => {
    const { socket, peer } = await pair();
    socket.once('data', () => socket.pause());
    socket.resume();
    peer.write('one');
    await until('the first read', () => socket.bytesRead === 3 && socket.isPaused());
    peer.write('two');
    await until('bytes in the socket', () => socket.readableLength === 3);
    const heard = new Heard();
    make(socket).receiver = heard;
    peer.end('three');
    await until('the end', () => heard.ends === 1);
    expect(heard.bytes.toString()).toBe('twothree');
  });

  test('a slow peer: write says stop, drain follows once, every byte arrives before the end', async () => {
    const { socket, peer } = await pair();
    const transport = make(socket);
    const heard = new Heard();
    transport.receiver = heard;
    const piece = Buffer.alloc(1_048_576, 'x');
    let pieces = 1;
    while (transport.write(Buffer.from(piece))) pieces++;
    transport.write(Buffer.from('last'));
    expect(transport.pending).toBeGreaterThan(65_536);
    const all = received(peer);
    await until('drain', () => heard.drains > 0);
    expect(transport.pending).toBe(0);
    transport.end();
    const bytes = await all;
    expect(bytes.length).toBe(pieces * piece.length + 4);
    expect(bytes.subarray(-5).toString()).toBe('xlast');
    expect(heard.drains).toBe(1);
  });

  test('the end waits for bytes that the kernel has not taken', async () => {
    const { socket, peer } = await pair();
    const transport = make(socket);
    const heard = new Heard();
    transport.receiver = heard;
    while (transport.write(Buffer.alloc(1_048_576, 'y')));
    transport.write(Buffer.from('tail'));
    transport.end();
    transport.write(Buffer.from('too late'));
    expect((await received(peer)).subarray(-5).toString()).toBe('ytail');
  });

  test('a reset of the peer is the error of the close', async () => {
    const { socket, peer } = await pair();
    const transport = make(socket);
    const heard = new Heard();
    transport.receiver = heard;
    await once(peer, 'connect').catch(() => undefined);
    peer.resetAndDestroy();
    await until('close', () => heard.closes.length > 0);
    expect(heard.closes).toEqual(['ECONNRESET']);
    expect(transport.write(Buffer.from('nobody'))).toBe(true);
    transport.destroy();
  });

  test('destroyed: closed once without an error, and a later receiver hears it', async () => {
    const { socket } = await pair();
    const transport = make(socket);
    const heard = new Heard();
    transport.receiver = heard;
    transport.destroy(true);
    transport.destroy();
    await until('close', () => heard.closes.length > 0);
    const later = new Heard();
    transport.receiver = later;
    await until('close', () => later.closes.length > 0);
    expect([heard.closes, later.closes]).toEqual([[undefined], [undefined]]);
  });
});

test('lent memory and text: the caller may write into it again as soon as it was told so', async () => {
  const { socket, peer } = await pair();
  const transport = socketTransport(socket);
  const heard = new Heard();
  transport.receiver = heard;
  let memory = Buffer.alloc(65_536);
  let kept = 0;
  const expected: Buffer[] = [];
  for (let index = 0; index < 200; index++) {
    memory.fill(index);
    expected.push(Buffer.from(memory));
    transport.lend?.(memory);
    if (transport.keepsLent === true) {
      kept++;
      memory = Buffer.alloc(65_536);
    }
    const text = `text ${index}`;
    expected.push(Buffer.from(text));
    transport.writeText?.(text);
  }
  expect(kept).toBeGreaterThan(0);
  const all = received(peer);
  await until('drain', () => heard.drains > 0);
  transport.end();
  expect((await all).equals(Buffer.concat(expected))).toBe(true);
});

/** Without certificates, which this room cannot make: a key that both sides know (RFC 4279). */
const PSK = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;

async function tlsPair(): Promise<{ socket: TLSSocket; peer: TLSSocket }> {
  const key = Buffer.alloc(32, 7);
  // Node reads `identity`; its types spell it otherwise.
  const answer = { psk: key, identity: 'peer', identitty: 'peer' };
  const tlsServer = createTlsServer({ ...PSK, allowHalfOpen: true, pskCallback: () => key });
  server = tlsServer;
  tlsServer.listen(0, '127.0.0.1');
  await once(tlsServer, 'listening');
  const accepted = once(tlsServer, 'secureConnection') as Promise<[TLSSocket]>;
  const { port } = tlsServer.address() as { port: number };
  const peer = connectTls({
    ...PSK,
    host: '127.0.0.1',
    port,
    pskCallback: () => answer,
    checkServerIdentity: () => undefined,
  });
  const [socket] = await accepted;
  sockets.push(socket, peer);
  return { socket, peer };
}

test('once told to stop, drain follows, whatever is written meanwhile', async () => {
  const { socket, peer } = await pair();
  const transport = socketTransport(socket);
  const heard = new Heard();
  transport.receiver = heard;
  while (transport.lend?.(Buffer.alloc(4_096)) === true);
  transport.write(Buffer.from('small'));
  peer.resume();
  await until('drain', () => heard.drains === 1);
});

test('TLS: lent memory is free at once unless it waits behind a write', async () => {
  const { socket, peer } = await tlsPair();
  const transport = socketTransport(socket);
  transport.receiver = new Heard();
  const all = received(peer);
  const expected: Buffer[] = [];
  const kept: boolean[] = [];
  for (let round = 0; round < 100; round++) {
    await until('the earlier writes to be taken', () => transport.pending === 0);
    // One record, four, and a part of one; the second waits behind the first.
    for (const bytes of [[16_384, 65_536, 100_000][round % 3]!, 1_000]) {
      const memory = Buffer.alloc(bytes, round);
      expected.push(Buffer.from(memory));
      transport.lend?.(memory);
      kept.push(transport.keepsLent === true);
      if (transport.keepsLent !== true) memory.fill(255);
    }
  }
  transport.end();
  expect((await all).equals(Buffer.concat(expected))).toBe(true);
  expect(kept).toEqual(Array.from({ length: 200 }, (_, index) => index % 2 === 1));
});

test('TLS: many writes keep their order, the end comes last', async () => {
  const { socket, peer } = await tlsPair();
  const transport = socketTransport(socket);
  expect(transport).toBeInstanceOf(HandleTransport);
  const heard = new Heard();
  transport.receiver = heard;
  const expected: Buffer[] = [];
  let stopped = 0;
  for (let index = 0; index < 100; index++) {
    const piece = Buffer.alloc(50_000, index);
    expected.push(piece);
    if (!transport.write(piece)) stopped++;
  }
  expect(stopped).toBeGreaterThan(0);
  transport.end();
  peer.end('from the peer');
  expect((await received(peer)).equals(Buffer.concat(expected))).toBe(true);
  await until('close', () => heard.closes.length > 0);
  expect([heard.bytes.toString(), heard.ends, heard.closes]).toEqual(['from the peer', 1, [undefined]]);
});

test('TLS: destroyed while writes wait', async () => {
  const { socket, peer } = await tlsPair();
  peer.on('error', () => undefined);
  const transport = socketTransport(socket);
  const heard = new Heard();
  transport.receiver = heard;
  for (let index = 0; index < 20; index++) transport.write(Buffer.alloc(1_048_576, 'z'));
  transport.destroy();
  expect(transport.write(Buffer.from('late'))).toBe(true);
  await until('close', () => heard.closes.length > 0);
  expect([heard.drains, heard.closes]).toEqual([0, [undefined]]);
});
