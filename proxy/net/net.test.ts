import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from '../base/clock.ts';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import {
  canonicalAddress,
  checkOriginalDestination,
  dial,
  formatIpv6,
  type Listener,
  type ListenOptions,
  listen,
  originalDestination,
  ownAddresses,
  parseIpv6,
  peek,
} from './net.ts';

const listeners: Listener[] = [];
const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
  for (const server of servers.splice(0)) server.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function start(options: Partial<ListenOptions> = {}): Promise<{ listener: Listener; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const listener = await listen({
    name: 'test',
    port: 0,
    onConnection: (socket) => void accepted.push(socket),
    ...options,
  });
  listeners.push(listener);
  return { listener, accepted };
}

async function client(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

describe('addresses', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:a00:1', '10.0.0.1'],
    ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['nonsense', 'nonsense'],
  ])('%s is %s', (given, canonical) => {
    expect(canonicalAddress(given)).toBe(canonical);
  });

  test('property: bytes to text and back', () => {
    const bytes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), {
      minLength: 16,
      maxLength: 16,
    });
    fc.assert(
      fc.property(bytes, (given) => expect([...parseIpv6(formatIpv6(Uint8Array.from(given)))!]).toEqual(given)),
    );
  });
});

test("the pod's own addresses: named ones and those of interfaces, never loopback", () => {
  const card = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;
  const interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = {
    lo: [card('127.0.0.1', true), card('::1', true)],
    eth0: [card('10.0.0.7'), card('FD00:0::7')],
  };
  const own = ownAddresses(['10.0.0.7', 'fd00::9'], () => interfaces);
  expect(['10.0.0.7', 'fd00::7', 'fd00::9'].map(own)).toEqual([true, true, true]);
  expect(['127.0.0.1', '::1', '198.51.100.7', '10.0.0.8'].map(own)).toEqual([false, false, false, false]);
  interfaces['net1'] = [card('192.168.7.2')];
  expect(own('192.168.7.2')).toBe(true);
});

describe('listen', () => {
  test('both families on one port; not redirected: the own address is the answer', async () => {
    const answers: unknown[] = [];
    const { listener } = await start({ onConnection: (_socket, original) => void answers.push(original) });
    await client(listener.port);
    await client(listener.port, '::1');
    await until('both', () => answers.length === 2);
    expect(answers).toEqual([
      { address: '127.0.0.1', port: listener.port, redirected: false },
      { address: '::1', port: listener.port, redirected: false },
    ]);
  });

  test('what is above the bound is reset, and places come free again', async () => {
    const refused: string[] = [];
    const { listener, accepted } = await start({ maxConnections: 2, onRefused: (why) => void refused.push(why) });
    const first = await client(listener.port);
    await client(listener.port);
    await until('two', () => accepted.length === 2);
    const third = connect({ port: listener.port, host: '127.0.0.1' });
    const [error] = await once(third, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(refused).toEqual(['too_many_connections']);
    first.destroy();
    accepted[0]?.resume();
    accepted[0]?.destroy();
    await until('a free place', () => listener.connections === 1);
    await client(listener.port);
    await until('accepted', () => accepted.length === 3);
  });

  test('a connection whose destination cannot be told is reset, the next one is served', async () => {
    let fail = true;
    const refused: string[] = [];
    const { listener, accepted } = await start({
      onRefused: (why) => void refused.push(why),
      originalDestination: (socket) => {
        if (fail) throw new Error('errno 5');
        return originalDestination(socket);
      },
    });
    const lost = connect({ port: listener.port, host: '127.0.0.1' });
    await once(lost, 'error');
    fail = false;
    await client(listener.port);
    await until('served', () => accepted.length === 1);
    expect(refused).toEqual(['no_original_destination']);
  });

  test('a port in use is an error that says whose ports these are', async () => {
    const { listener } = await start();
    await expect(start({ port: listener.port })).rejects.toThrow('belong to the sidecar');
  });

  test('an error of a connection that nobody listens to harms nothing', async () => {
    const { listener, accepted } = await start();
    const socket = await client(listener.port);
    await until('accepted', () => accepted.length === 1);
    accepted[0]?.resume();
    socket.resetAndDestroy();
    await until('gone', () => listener.connections === 0);
  });

  test('the kernel call works here', async () => {
    await checkOriginalDestination();
  });
});

describe('dial', () => {
  test('connects, paused, half-open', async () => {
    const { listener, accepted } = await start();
    const socket = await dial({ address: '127.0.0.1', port: listener.port, timeoutMs: 1_000, clock: systemClock });
    sockets.push(socket);
    expect([socket.isPaused(), socket.allowHalfOpen]).toEqual([true, true]);
    await until('accepted', () => accepted.length === 1);
  });

  test.each([
    ['localhost', 80, 'connect_failure', 'not a numeric address'],
    ['127.0.0.1', 1, 'connect_failure', 'connection refused: nothing listens on that port'],
  ])('%s:%i fails with %s', async (address, port, code, message) => {
    const error = await dial({ address, port, timeoutMs: 1_000, clock: systemClock }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('a peer that does not answer: the timeout, and nothing left', async () => {
    const clock = new FakeClock();
    const full = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 });
    servers.push(full);
    await once(full, 'listening');
    const address = full.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const pending = dial({ address: '127.0.0.1', port, timeoutMs: 3_000, clock });
    clock.advance(3_000);
    await expect(pending).rejects.toMatchObject({ code: 'connect_timeout', where: { peer: `127.0.0.1:${port}` } });
    expect(clock.pending).toBe(0);
  });

  test('not wanted any more, before and meanwhile', async () => {
    const clock = new FakeClock();
    const { listener } = await start();
    const abort = new AbortController();
    const pending = dial({ address: '127.0.0.1', port: listener.port, timeoutMs: 1_000, clock, signal: abort.signal });
    abort.abort();
    await expect(pending).rejects.toMatchObject({ code: 'client_closed' });
    const again = dial({ address: '127.0.0.1', port: listener.port, timeoutMs: 1_000, clock, signal: abort.signal });
    await expect(again).rejects.toMatchObject({ code: 'client_closed' });
    expect(clock.pending).toBe(0);
  });
});

describe('peek', () => {
  const classify = (bytes: Buffer): string | undefined =>
    bytes.length >= 5 ? bytes.toString('latin1', 0, 5) : undefined;

  async function accepted(): Promise<{ peer: Socket; socket: Socket }> {
    const { listener, accepted: all } = await start();
    const peer = await client(listener.port);
    return { peer, socket: await until('accepted', () => all[0]) };
  }

  test('decides as soon as it can, in pieces; the rest comes to the next listener', async () => {
    const { peer, socket } = await accepted();
    const answer = peek(socket, { timeoutMs: 5_000, maxBytes: 100, classify, clock: systemClock });
    peer.setNoDelay(true);
    peer.write('HE');
    await settle();
    peer.write('LLO and more');
    const peeked = await answer;
    expect(peeked).toMatchObject({ kind: 'classified', value: 'HELLO' });
    expect(socket.isPaused()).toBe(true);
    expect(socket.listenerCount('data')).toBe(0);
    peer.write('!');
    let rest = peeked.kind === 'classified' ? peeked.bytes.toString() : '';
    socket.on('data', (chunk) => {
      rest += String(chunk);
    });
    socket.resume();
    await until('all', () => rest === 'HELLO and more!');
  });

  test('silence, too much, half-close, reset', async () => {
    const clock = new FakeClock();
    const silent = await accepted();
    const waiting = peek(silent.socket, { timeoutMs: 300, maxBytes: 100, classify, clock });
    clock.advance(300);
    expect(await waiting).toEqual({ kind: 'timeout', bytes: Buffer.alloc(0) });
    const much = await accepted();
    much.peer.write('abcd');
    expect(await peek(much.socket, { timeoutMs: 300, maxBytes: 4, classify, clock })).toMatchObject({ kind: 'full' });
    const half = await accepted();
    half.peer.end('ab');
    expect(await peek(half.socket, { timeoutMs: 300, maxBytes: 9, classify, clock })).toEqual({
      kind: 'ended',
      bytes: Buffer.from('ab'),
    });
    const gone = await accepted();
    const lost = peek(gone.socket, { timeoutMs: 300, maxBytes: 9, classify, clock });
    gone.peer.resetAndDestroy();
    expect((await lost).kind).toBe('closed');
    expect(await peek(gone.socket, { timeoutMs: 300, maxBytes: 9, classify, clock })).toMatchObject({ kind: 'closed' });
    expect(clock.pending).toBe(0);
  });
});
