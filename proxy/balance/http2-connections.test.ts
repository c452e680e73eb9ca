import { createServer as createHttp1Server } from 'node:http';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { until } from '../base/testing/wait.ts';
import { HeardResponse, requestHead } from '../http/h2/testing/messages.ts';
import { DEFAULT_HTTP_LIMITS, type Failure } from '../http/http.ts';
import { dial } from '../net/net.ts';
import type { ConnectWaiter, Opener } from './connections.ts';
import { EndpointState } from './endpoints.ts';
import { Http2Connections } from './http2-connections.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

class Waiter implements ConnectWaiter {
  opener: Opener | undefined;
  failure: Failure | undefined;
  heard: HeardResponse | undefined;
  onConnection(opener: Opener): void {
    this.opener = opener;
    this.heard = new HeardResponse();
    opener.open(requestHead(), { destination: '', attempt: 1, deadlineMs: undefined }, this.heard);
  }
  onConnectFailure(failure: Failure): void {
    this.failure = failure;
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    closing.push(() => server.close());
  });
}

/** Streams wait in `streams` until the test answers them. */
async function http2Server(maxConcurrentStreams = 100) {
  const streams: ServerHttp2Stream[] = [];
  const sessions: ServerHttp2Session[] = [];
  const server = createServer({ settings: { maxConcurrentStreams } });
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
    closing.push(() => session.destroy());
  });
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    streams.push(stream);
  });
  return { port: await listen(server), streams, sessions };
}

function connectionsTo(port: number, changes: { maxWaiting?: number; quarantine?: boolean } = {}) {
  const endpoint = new EndpointState({ address: '127.0.0.1', port, subsets: [] }, 'k', 0);
  const connections = new Http2Connections(endpoint, {
    clock: systemClock,
    random: Math.random,
    dial,
    limits: DEFAULT_HTTP_LIMITS,
    idleMs: 1_000,
    maxConnections: 100,
    maxIdle: 10,
    maxWaiting: 100,
    failureReason: 'app_connect_failure',
    quarantine: false,
    ...changes,
  });
  closing.push(() => connections.close());
  const ask = (): Waiter => {
    const waiter = new Waiter();
    const opener = connections.acquire(waiter, 1_000);
    if (opener !== undefined) waiter.onConnection(opener);
    return waiter;
  };
  return { endpoint, connections, ask };
}

const answer = (stream: ServerHttp2Stream): void => stream.respond({ ':status': 200 }, { endStream: true });

test('requests that come together share one connection', async () => {
  const server = await http2Server();
  const { connections, ask } = connectionsTo(server.port);
  const waiters = [ask(), ask(), ask()];
  await until('three streams', () => server.streams.length === 3);
  expect(connections.open).toBe(1);
  for (const stream of server.streams) answer(stream);
  await until('three answers', () => waiters.every(({ heard }) => heard?.events[0] === 'end'));
  expect(ask().opener).toBeDefined();
});

test('a server that takes one request at a time gets another connection for the next; a free one is used again', async () => {
  const server = await http2Server(1);
  const { connections, ask } = connectionsTo(server.port);
  ask();
  ask();
  await until('two streams', () => server.streams.length === 2);
  expect(server.sessions).toHaveLength(2);
  answer(server.streams[0]!);
  await until('a free connection', () => {
    const probe = ask();
    if (probe.opener !== undefined) return true;
    connections.cancel(probe);
    return false;
  });
});

test('GOAWAY: what runs goes on, the next request connects anew', async () => {
  const server = await http2Server();
  const { ask } = connectionsTo(server.port);
  const first = ask();
  await until('the stream', () => server.streams.length === 1);
  server.sessions[0]!.goaway(0, server.streams[0]!.id!);
  await until('a second connection', () => {
    ask();
    return server.sessions.length === 2;
  });
  answer(server.streams[0]!);
  await until('the answer', () => first.heard?.events[0] === 'end');
});

test('a connection on which hundreds were given up is left, so that the server does not cut it under the others', async () => {
  const server = await http2Server(1_000);
  const { connections, ask } = connectionsTo(server.port);
  const kept = ask();
  await until('the first stream', () => server.streams.length === 1);
  for (let count = 0; count < 400; count++) {
    const waiter = new Waiter();
    const opener = connections.acquire(waiter, 1_000);
    opener?.open(requestHead(), { destination: '', attempt: 1, deadlineMs: undefined }, new HeardResponse()).abort();
  }
  expect(ask().opener).toBeUndefined();
  await until('another connection', () => server.sessions.length === 2);
  answer(server.streams[0]!);
  await until('the answer', () => kept.heard?.events[0] === 'end');
  await until('the worn one to close', () => connections.open === 1);
});

test('a server that does not speak HTTP/2: unprocessed, and it is named so', async () => {
  const http1 = createHttp1Server((_request, response) => response.end());
  const waiter = connectionsTo(await listen(http1)).ask();
  await until('the failure', () => waiter.failure !== undefined);
  expect(waiter.failure).toMatchObject({ reason: 'upstream_protocol', unprocessed: true });
});

test('a server that says nothing is given up', async () => {
  const silent = createTcpServer((socket) => closing.push(() => socket.destroy()));
  const waiter = connectionsTo(await listen(silent)).ask();
  await until('the failure', () => waiter.failure !== undefined);
  expect(waiter.failure).toMatchObject({ reason: 'upstream_protocol', unprocessed: true });
});

test('nobody listens: the reason asked for, and the endpoint leaves the choice', async () => {
  const gone = createTcpServer();
  const port = await listen(gone);
  gone.close();
  const { endpoint, ask } = connectionsTo(port, { quarantine: true });
  const waiter = ask();
  await until('the failure', () => waiter.failure !== undefined);
  expect(waiter.failure).toMatchObject({ reason: 'app_connect_failure', unprocessed: true });
  expect(endpoint.quarantined).toBe(true);
});

test('who waits is bounded', async () => {
  const silent = createTcpServer((socket) => closing.push(() => socket.destroy()));
  const { ask } = connectionsTo(await listen(silent), { maxWaiting: 2 });
  const waiters = [ask(), ask(), ask()];
  await until('the refusal', () => waiters[2]!.failure !== undefined);
  expect(waiters[2]!.failure).toMatchObject({ reason: 'overloaded', unprocessed: true });
  expect(waiters[0]!.failure).toBeUndefined();
});

test('drain: what runs is finished, then the connection closes', async () => {
  const server = await http2Server();
  const { connections, ask } = connectionsTo(server.port);
  const waiter = ask();
  await until('the stream', () => server.streams.length === 1);
  connections.drain();
  answer(server.streams[0]!);
  await until('the answer', () => waiter.heard?.events[0] === 'end');
  await until('the close', () => connections.open === 0);
});
