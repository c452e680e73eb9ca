import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import { SocketTransport } from '../base/socket-transport.ts';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { MESH_LIMITS, Session, type SessionHandler, type Stream } from '../http/h2/h2.ts';
import type { Credentials } from '../tls/credentials.ts';
import { createTestAuthority, type TestAuthority } from '../tls/testing/authority.ts';
import { startServerTls } from '../tls/tls.ts';
import { EXTRA_SETTINGS, readIdentityFrame } from './handshake-wire.ts';
import { acceptMesh, connectMesh } from './mesh.ts';
import { Collector, clientOptions, META, request, startTestServer, type TestServer } from './testing/pair.ts';

const ORDER = 'spiffe://cluster.local/ns/shop/sa/order';
const PAYMENT = 'spiffe://cluster.local/ns/shop/sa/payment';

let authority: TestAuthority;
let order: Credentials;
let payment: Credentials;
let server: TestServer;
const closers: (() => void)[] = [];

beforeAll(async () => {
  authority = await createTestAuthority('cluster.local');
  order = await authority.issue(ORDER);
  payment = await authority.issue(PAYMENT);
  server = await startTestServer({ credentials: payment });
});

afterAll(async () => {
  for (const close of closers) close();
  await server.close();
});

/** A TLS client with its own ideas. */
function tlsClient(more: ConnectionOptions): TLSSocket {
  const socket = connectTls({
    host: '127.0.0.1',
    port: server.port,
    key: order.keyPem,
    cert: order.chainPem,
    rejectUnauthorized: false,
    ALPNProtocols: ['heddle/1'],
    ecdhCurve: 'X25519MLKEM768',
    ...more,
  });
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  return socket;
}

async function refusalOf(start: () => unknown): Promise<{ reason: string; detail: string }> {
  const before = server.refusals.length;
  start();
  await until('a refusal', () => server.refusals.length > before);
  return server.refusals.at(-1)!;
}

function listen(onSocket: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  return new Promise((resolve) => {
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {});
      closers.push(() => socket.destroy());
      onSocket(socket);
    });
    closers.push(() => listener.close());
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      resolve({ port: typeof address === 'object' && address !== null ? address.port : 0, server: listener });
    });
  });
}

const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => 'accepted',
    (error: unknown) => (error instanceof HeddleError ? error.code : error),
  );

describe('TLS as the wire asks for it', () => {
  test.each([
    ['TLS 1.2', { maxVersion: 'TLSv1.2' as const, ecdhCurve: 'X25519' }],
    ['a key exchange that is not hybrid', { ecdhCurve: 'X25519' }],
    ['another protocol', { ALPNProtocols: ['h2'] }],
  ])('%s fails the handshake', async (_name, more) => {
    expect(await refusalOf(() => tlsClient(more))).toMatchObject({ reason: 'handshake_failed' });
  });

  test('no protocol at all is refused', async () => {
    const { ALPNProtocols: _, ...rest } = { ALPNProtocols: [] as string[] };
    const refusal = await refusalOf(() =>
      connectTls({
        host: '127.0.0.1',
        port: server.port,
        key: order.keyPem,
        cert: order.chainPem,
        rejectUnauthorized: false,
        ecdhCurve: 'X25519MLKEM768',
        ...rest,
      }).on('error', () => {}),
    );
    expect(refusal).toMatchObject({ reason: 'handshake_failed', detail: expect.stringContaining('heddle/1') });
  });

  test('a client without a certificate is told so', async () => {
    let goaway = '';
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['heddle/1'],
      ecdhCurve: 'X25519MLKEM768',
    });
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        goaway += chunk.toString('latin1');
      });
    await until('GOAWAY', () => goaway.includes('no_peer_certificate'));
    // Nothing but GOAWAY: SETTINGS would be our word that the peer is accepted.
    expect(goaway.charCodeAt(3)).toBe(7);
    expect(server.refusals.at(-1)?.reason).toBe('no_peer_certificate');
  });

  test('OpenSSL sends tickets, but no session is resumed with one', async () => {
    const tickets: Buffer[] = [];
    const first = tlsClient({}).on('session', (session: Buffer) => void tickets.push(session));
    first.on('data', () => {});
    await until('both tickets', () => tickets.length === 2);
    for (const session of tickets) {
      const again = tlsClient({ session });
      await new Promise((resolve) => again.once('secureConnect', resolve));
      expect(again.isSessionReused()).toBe(false);
      expect(again.getPeerCertificate().raw).toBeDefined();
    }
  });

  test('the group is the hybrid one', async () => {
    const client = await connectMesh(clientOptions(server.port, order, PAYMENT));
    expect(server.connections.at(-1)?.identity).toBe(ORDER);
    client.close();
    const socket = tlsClient({});
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ name: 'X25519MLKEM768' });
  });

  test('bytes that were read before are handed in', async () => {
    let identity: string | undefined;
    const { port } = await listen((socket) => {
      socket.once('data', (first: Buffer) => {
        socket.pause();
        acceptMesh({
          socket,
          first,
          credentials: payment,
          clock: systemClock,
          handshakeTimeoutMs: 5_000,
          authorizeConnection: () => undefined,
          onOpen: (who) => {
            identity = who;
          },
          onRequest: (exchange) =>
            exchange.respond({
              status: 204,
              reason: '',
              version: 11,
              headers: [],
              spelling: 'title',
              framing: 'none',
              contentLength: 0,
            }),
        });
      });
      socket.resume();
    });
    const client = await connectMesh(clientOptions(port, order, PAYMENT));
    const collector = new Collector();
    client.open(request(), META, collector);
    await until('answered', () => collector.settled);
    expect(collector.head?.status).toBe(204);
    expect(identity).toBe(ORDER);
    client.close();
  });
});

describe('what the caller learns when it does not work', () => {
  test('nobody listens', async () => {
    const { port, server: listener } = await listen(() => {});
    await new Promise((resolve) => listener.close(resolve));
    const attempt = connectMesh(clientOptions(port, order, PAYMENT));
    await expect(attempt).rejects.toMatchObject({
      code: 'connect_failure',
      message: expect.stringContaining(PAYMENT),
      where: { peer: `127.0.0.1:${port}` },
    });
  });

  test('nobody answers the TCP connection', async () => {
    const clock = new FakeClock();
    // The time is over before the event loop can see the connection.
    const socket = connectTcp({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
    const attempt = codeOf(
      connectMesh(clientOptions(server.port, order, PAYMENT, { clock, socket, connectTimeoutMs: 300 })),
    );
    clock.advance(300);
    expect(await attempt).toBe('connect_timeout');
    expect(clock.pending).toBe(0);
  });

  test('the peer says nothing', async () => {
    const clock = new FakeClock(Date.now());
    let accepted = false;
    const { port } = await listen((socket) => {
      accepted = true;
      socket.resume();
    });
    const attempt = codeOf(connectMesh(clientOptions(port, order, PAYMENT, { clock, handshakeTimeoutMs: 700 })));
    await until('the connection', () => accepted);
    await settle();
    clock.advance(700);
    expect(await attempt).toBe('handshake_timeout');
    expect(clock.pending).toBe(0);
  });

  test('the peer finishes TLS and then says nothing', async () => {
    const clock = new FakeClock(Date.now());
    let secure = false;
    const { port } = await listen((socket) => {
      const tls = startServerTls(socket, Buffer.alloc(0), payment);
      tls
        .on('error', () => {})
        .on('secure', () => {
          secure = true;
          tls.resume();
        });
    });
    const attempt = codeOf(connectMesh(clientOptions(port, order, PAYMENT, { clock, handshakeTimeoutMs: 700 })));
    await until('TLS', () => secure);
    await settle();
    clock.advance(700);
    expect(await attempt).toBe('handshake_timeout');
  });

  test('the peer speaks something else', async () => {
    const { port } = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await codeOf(connectMesh(clientOptions(port, order, PAYMENT)))).toBe('handshake_failed');
  });

  test('the peer speaks another version of the wire', async () => {
    const { port } = await listen((socket) => {
      const tls = startServerTls(socket, Buffer.alloc(0), payment);
      tls.on('error', () => {}).once('secure', () => rawSession(tls, 'server', [[0xf001, 2]]));
    });
    expect(await codeOf(connectMesh(clientOptions(port, order, PAYMENT)))).toBe('wire_version');
  });

  test('the own key does not fit the certificate', async () => {
    const mixed = { ...order, keyPem: payment.keyPem };
    expect(await codeOf(connectMesh(clientOptions(server.port, mixed, PAYMENT)))).toBe('no_own_certificate');
    const before = server.refusals.length;
    const broken = await startTestServer({ credentials: { ...payment, keyPem: 'x' } });
    expect(await codeOf(connectMesh(clientOptions(broken.port, order, PAYMENT)))).toBe('handshake_failed');
    expect(broken.refusals).toMatchObject([{ reason: 'no_own_certificate' }]);
    expect(broken.closed).toBe(1);
    expect(server.refusals.length).toBe(before);
    await broken.close();
  });
});

function rawSession(
  tls: TLSSocket,
  role: 'client' | 'server',
  extraSettings: readonly (readonly [number, number])[],
  handler: Partial<SessionHandler> = {},
): Session {
  const session = new Session(
    new SocketTransport(tls),
    { role, clock: systemClock, limits: MESH_LIMITS, extraSettings, peer: 'the other' },
    { onStream() {}, onSettings() {}, onGoaway() {}, onClose() {}, ...handler },
  );
  session.start();
  return session;
}

describe('a caller with a valid certificate and bad manners', () => {
  test('another version of the wire is told so', async () => {
    const debug: string[] = [];
    const tls = tlsClient({});
    await new Promise((resolve) => tls.once('secureConnect', resolve));
    rawSession(tls, 'client', [], { onGoaway: (goaway) => void debug.push(goaway.debug) });
    await until('GOAWAY', () => debug.length > 0);
    expect(debug).toEqual(['wire_version']);
  });

  test('a smuggled head is a stream error; others on the connection go on', async () => {
    const tls = tlsClient({});
    await new Promise((resolve) => tls.once('secureConnect', resolve));
    const session = rawSession(tls, 'client', EXTRA_SETTINGS);
    const outcomes: string[] = [];
    const ear = (name: string) => ({
      onHeaders: (list: string[]) => void outcomes.push(`${name} ${list[1]}`),
      onData() {},
      onEnd() {},
      onDrain() {},
      onReset: (end: { by: string; code?: number }) => void outcomes.push(`${name} ${end.by} ${end.code}`),
    });
    const base = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/', ':heddle-dst', '10.0.0.1:80'];
    session.open([...base, 'transfer-encoding', 'chunked'], true, ear('smuggler'));
    session.open(base, true, ear('honest'));
    await until('both', () => outcomes.length === 2);
    expect(outcomes.sort()).toEqual(['honest 200', 'smuggler peer 1']);
    session.close();
  });

  test.each([
    ['that frame', [':heddle-form', 'chunked'], ['content-length', '3']],
    ['that are pseudo-headers', [':heddle-form', 'chunked'], [':path', '/b']],
    ['of a body with a length', ['content-length', '0'], ['x-sum', '1']],
  ])('trailers %s are a stream error', async (_name, announce, trailers) => {
    const tls = tlsClient({});
    await new Promise((resolve) => tls.once('secureConnect', resolve));
    const session = rawSession(tls, 'client', EXTRA_SETTINGS);
    const resets: unknown[] = [];
    const base = [':method', 'POST', ':scheme', 'http', ':authority', 'a', ':path', '/', ':heddle-dst', '10.0.0.1:80'];
    const ear = {
      onHeaders() {},
      onData() {},
      onEnd() {},
      onDrain() {},
      onReset: (end: unknown) => void resets.push(end),
    };
    session.open([...base, ...announce], false, ear).end(trailers);
    await until('the reset', () => resets.length > 0);
    expect(resets).toEqual([{ by: 'peer', code: 1 }]);
    session.close();
  });

  test('no handshake within its time', async () => {
    const clock = new FakeClock(Date.now());
    const slow = await startTestServer({ credentials: payment, clock, handshakeTimeoutMs: 900 });
    const socket = connectTcp(slow.port, '127.0.0.1');
    socket.on('error', () => {});
    await until('accepted', () => slow.connections.length === 1);
    clock.advance(900);
    await until('closed', () => slow.closed === 1);
    expect(slow.refusals).toMatchObject([{ reason: 'handshake_timeout' }]);
    expect(clock.pending).toBe(0);
    await slow.close();
  });
});

describe('a callee with a valid certificate and bad manners', () => {
  test.each([
    [
      'a head that cannot be',
      (stream: Stream) => stream.sendHeaders([':status', '200', 'transfer-encoding', 'chunked'], true),
    ],
    ['DATA before the head', (stream: Stream) => void stream.write(Buffer.from('x'), 0, 1)],
    ['an end before the head', (stream: Stream) => stream.end()],
    [
      'more than Content-Length says',
      (stream: Stream) => {
        stream.sendHeaders([':status', '200', 'content-length', '1'], false);
        stream.write(Buffer.from('xy'), 0, 2);
      },
    ],
    [
      'less than Content-Length says',
      (stream: Stream) => {
        stream.sendHeaders([':status', '200', 'content-length', '2'], false);
        stream.write(Buffer.from('x'), 0, 1);
        stream.end();
      },
    ],
    ['a switch that nobody asked for', (stream: Stream) => stream.sendHeaders([':status', '101'], false)],
    [
      'a second head',
      (stream: Stream) => {
        stream.sendHeaders([':status', '200', ':heddle-form', 'chunked'], false);
        stream.sendHeaders([':status', '200'], false);
      },
    ],
  ])('%s is upstream_protocol', async (_name, answer) => {
    const { port } = await listen((socket) => {
      const tls = startServerTls(socket, Buffer.alloc(0), payment);
      const onStream = (stream: Stream): void => {
        stream.receiver = { onHeaders: () => answer(stream), onData() {}, onEnd() {}, onDrain() {}, onReset() {} };
      };
      tls.on('error', () => {}).once('secure', () => rawSession(tls, 'server', EXTRA_SETTINGS, { onStream }));
    });
    const client = await connectMesh(clientOptions(port, order, PAYMENT));
    const collector = new Collector();
    client.open(request(), META, collector);
    await until('the failure', () => collector.failure);
    expect(collector.failure).toMatchObject({
      reason: 'upstream_protocol',
      unprocessed: false,
      detail: expect.stringContaining(PAYMENT),
    });
    expect(client.active).toBe(0);
    client.close();
  });
});

describe('the extension frame is for telemetry only', () => {
  const read = (text: string) => readIdentityFrame(Buffer.from(text), 0, Buffer.byteLength(text));
  test.each([
    ['{"workload":"order","namespace":"shop","pod":"order-1"}', 'order', 'shop'],
    ['{"workload":"Order\\n","namespace":"shop"}', undefined, 'shop'],
    ['{"workload":7}', undefined, undefined],
    ['[]', undefined, undefined],
    ['null', undefined, undefined],
    ['{"__proto__":{"workload":"x"}}', undefined, undefined],
    ['{', undefined, undefined],
    [`{"workload":"order","x":"${'y'.repeat(1_100)}"}`, undefined, undefined],
  ])('%s', (text, workload, namespace) => {
    expect(read(text)).toEqual({ workload, namespace });
  });
});
