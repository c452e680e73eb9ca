import { describe, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { REASONS } from '../contract/reasons.ts';
import { dial } from '../net/net.ts';
import { call, rawClient } from './testing/apps.ts';
import { workload } from './testing/configuration.ts';
import { app, closing, keepAlive, metric, pair, server } from './testing/opened.ts';
import { ORDER_ID, PAYMENT_ID } from './testing/pair.ts';
import { createSide } from './testing/side.ts';

describe('raw TCP', () => {
  test('the server speaks first; the second connection waits for nothing', async () => {
    const mesh = await pair();
    const backend = await server((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (piece) => socket.write(piece));
      socket.on('end', () => socket.end('221 bye\r\n'));
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    for (let count = 0; count < 2; count++) {
      const raw = rawClient(mesh.port);
      await until('the greeting', () => raw.text === '220 hello\r\n');
      raw.socket.write('EHLO\r\n');
      await until('the echo', () => raw.text.endsWith('EHLO\r\n'));
      raw.socket.end();
      await until('the goodbye', () => raw.text.endsWith('221 bye\r\n') && raw.ended);
    }
    await until(
      'the books',
      () => metric(mesh.order.metrics.text(), 'heddle_tcp_connections_total', 'reason=""') === 2,
    );
    expect(metric(mesh.payment.metrics.text(), 'heddle_tcp_bytes_total', 'flow="sent"')).toBe(12);
  });

  test('the client speaks first, declared and detected, with half-close', async () => {
    const mesh = await pair();
    const backend = await server((socket) => {
      let text = '';
      socket.on('data', (piece) => {
        text += piece.toString();
      });
      socket.on('end', () => socket.end(`got ${text}`));
    });
    const endpoint = await mesh.endpoint(backend.port);
    for (const protocol of ['auto', 'tcp'] as const) {
      mesh.configure([endpoint], { protocol });
      const raw = rawClient(mesh.port);
      raw.socket.end('SET key value\r\n');
      await until(`the answer (${protocol})`, () => raw.text === 'got SET key value\r\n' && raw.ended);
    }
  });

  test('a port that nobody listens on is a reset', async () => {
    const mesh = await pair();
    const gone = await app(() => {});
    const endpoint = await mesh.endpoint(gone.port);
    gone.close();
    mesh.configure([endpoint], { protocol: 'tcp' });
    const raw = rawClient(mesh.port);
    await until('the reset', () => raw.error === 'ECONNRESET');
    expect(metric(mesh.order.metrics.text(), 'heddle_connections_refused_total', 'reason="app_connect_failure"')).toBe(
      1,
    );
  });

  test('a client that leaves takes its tunnel with it', async () => {
    const mesh = await pair();
    let closed = 0;
    const backend = await server((socket) => {
      socket.write('hi');
      socket.on('close', () => closed++);
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const raw = rawClient(mesh.port);
    await until('the greeting', () => raw.text === 'hi');
    raw.socket.resetAndDestroy();
    await until('the end', () => closed === 1);
  });
});

describe('identity', () => {
  test('a server with another identity is refused, and the caller learns why', async () => {
    const mesh = await pair();
    const backend = await app((_request, response) => response.end('secret'));
    mesh.configure([await mesh.endpoint(backend.port, { identity: 'spiffe://test.local/ns/shop/sa/fraud' })]);
    const answer = await call({ port: mesh.port });
    expect(answer.status).toBe(502);
    expect(answer.headers['x-heddle-reason']).toBe('identity_mismatch');
  });

  test('a client that the rules deny gets 403, one of another root is not trusted', async () => {
    const mesh = await pair({
      workload: {
        mtls: { mode: 'Strict', ports: [] },
        authorization: {
          defaultAction: 'Deny',
          rules: [
            {
              name: 'shop/access/read',
              action: 'Allow',
              from: [{ kind: 'identity', namespace: 'shop', serviceAccount: 'order' }],
              to: [{ methods: ['GET'] }],
            },
          ],
        },
      },
    });
    const backend = await app((_request, response) => response.end('ok'));
    mesh.configure([await mesh.endpoint(backend.port)]);
    expect((await call({ port: mesh.port })).status).toBe(200);
    const denied = await call({ port: mesh.port, method: 'POST', body: 'x' });
    expect(denied).toMatchObject({ status: 403 });
    expect(denied.headers['x-heddle-reason']).toBe('unauthorized');
    // The rule stands in the log of the called side, not in the answer.
    expect(denied.body).toContain(REASONS.unauthorized);
    expect(denied.body).not.toMatch(/denied by|default|spiffe/);
    expect(mesh.payment.lines).toContainEqual(
      expect.objectContaining({ reason: 'unauthorized', detail: `${ORDER_ID}: denied by default` }),
    );
    mesh.order.credentials.set(await mesh.authority.issue('spiffe://test.local/ns/shop/sa/thief'));
    const thief = await call({ port: mesh.port });
    expect(thief.headers['x-heddle-reason']).toBe('unauthorized');
    const other = await (await createPairAuthority()).issue(ORDER_ID);
    mesh.order.credentials.set({ ...other, rootsPem: mesh.order.credentials.value!.rootsPem });
    const impostor = await call({ port: mesh.port });
    expect(impostor.headers['x-heddle-reason']).toBe('untrusted_peer');
  });

  test('certificates are renewed without a lost request', async () => {
    const mesh = await pair();
    const backend = await app((_request, response) => void setTimeout(() => response.end('ok'), 2));
    mesh.configure([await mesh.endpoint(backend.port)]);
    const agent = keepAlive();
    let running = true;
    const statuses: number[] = [];
    const worker = async (): Promise<void> => {
      while (running) statuses.push((await call({ port: mesh.port, method: 'POST', body: 'x', agent })).status);
    };
    const workers = Array.from({ length: 4 }, worker);
    for (let count = 0; count < 5; count++) {
      mesh.order.credentials.set(await mesh.authority.issue(ORDER_ID));
      mesh.payment.credentials.set(await mesh.authority.issue(PAYMENT_ID));
      const before = statuses.length;
      await until('requests after the renewal', () => statuses.length > before + 20);
    }
    running = false;
    await Promise.all(workers);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(
      metric(mesh.payment.metrics.text(), 'heddle_tls_connections_total', 'result="accepted"'),
    ).toBeGreaterThanOrEqual(5);
  });
});

describe('a root that is taken out of the bundle', () => {
  /** A tunnel through the mesh that has echoed once, and what would trust both of two authorities. */
  async function established() {
    const mesh = await pair();
    const echo = await server((socket) => void socket.pipe(socket));
    mesh.configure([await mesh.endpoint(echo.port)], { protocol: 'tcp' });
    const raw = rawClient(mesh.port);
    raw.socket.write('1');
    await until('the echo', () => raw.text === '1');
    const next = await createPairAuthority();
    const both = `${mesh.authority.rootsPem}\n${next.rootsPem}`;
    return { mesh, raw, next, both };
  }

  test('ends the connections of callers below it; one that is added ends none', async () => {
    const { mesh, raw, next, both } = await established();
    const renewed = { ...(await next.issue(PAYMENT_ID)), rootsPem: both };
    mesh.payment.credentials.set(renewed);
    raw.socket.write('2');
    await until('the echo', () => raw.text === '12');
    mesh.payment.credentials.set({ ...renewed, rootsPem: next.rootsPem });
    await until('the end', () => raw.closed && mesh.payment.inbound.connections === 0);
    const line = { message: 'connections closed whose peers are no longer trusted', closed: 1 };
    expect(mesh.payment.lines).toContainEqual(expect.objectContaining(line));
  });

  test('ends the connections to callees below it', async () => {
    const { mesh, raw, next, both } = await established();
    const renewed = { ...(await next.issue(ORDER_ID)), rootsPem: both };
    mesh.order.credentials.set(renewed);
    raw.socket.write('2');
    await until('the echo', () => raw.text === '12');
    mesh.order.credentials.set({ ...renewed, rootsPem: next.rootsPem });
    await until('the end', () => raw.closed);
    await until('the end at the callee', () => mesh.payment.inbound.connections === 0);
  });
});

describe('whose connections are taken', () => {
  test('a destination that is not this pod is reset, and nothing is dialled', async () => {
    const backend = await app((_request, response) => response.end('relayed'));
    const dialled: string[] = [];
    const side = createSide({
      name: 'payment',
      dial: (options) => {
        dialled.push(options.address);
        return dial({ ...options, address: '127.0.0.1', port: backend.port });
      },
    });
    closing.push(side);
    for (const foreign of ['198.51.100.7', '127.0.0.53', '2001:db8::7']) {
      const raw = rawClient(await side.arrive(80, foreign));
      raw.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      await until('the reset', () => raw.error === 'ECONNRESET');
    }
    expect(dialled).toEqual([]);
    expect(
      metric(side.metrics.text(), 'heddle_connections_refused_total', 'reason="unknown_destination"', 'inbound'),
    ).toBe(3);
    expect(side.lines).toContainEqual(
      expect.objectContaining({ detail: '198.51.100.7 is no address of this pod', reason: 'unknown_destination' }),
    );
    expect((await call({ port: await side.arrive(80) })).body).toBe('relayed');
  });
});

describe('plaintext', () => {
  test('Strict: HTTP reads why, other bytes are reset; Permissive: both are served', async () => {
    const mesh = await pair();
    const backend = await app((request, response) => response.end(JSON.stringify(request.headers)));
    const echo = await server((socket) => void socket.pipe(socket));
    const http = await mesh.payment.arrive(backend.port);
    const tcp = await mesh.payment.arrive(echo.port);
    const refused = await call({ port: http });
    expect(refused.status).toBe(403);
    expect(refused.headers['x-heddle-reason']).toBe('plaintext_refused');
    expect(refused.body).toContain(REASONS.plaintext_refused);
    expect(mesh.payment.lines.map((line) => line['source'])).toEqual([
      expect.stringMatching(/^plaintext 127\.0\.0\.1:\d+$/),
    ]);
    expect(refused.body).not.toMatch(/payment|shop/);
    expect(mesh.payment.lines.at(-1)).toMatchObject({ detail: expect.stringContaining('of shop/payment-v1') });
    const raw = rawClient(tcp);
    raw.socket.write('\x00binary');
    await until('the reset', () => raw.error === 'ECONNRESET');
    expect(metric(mesh.payment.metrics.text(), 'heddle_connections_refused_total', 'reason="plaintext_refused"')).toBe(
      2,
    );

    mesh.payment.store.commit(mesh.payment.store.prepare('workload', workload()));
    const served = await call({ port: http, headers: { 'x-heddle-peer': 'spiffe://evil' } });
    expect(served.status).toBe(200);
    expect(JSON.parse(served.body)['x-heddle-peer']).toBeUndefined();
    const open = rawClient(tcp);
    open.socket.write('\x00binary');
    await until('the echo', () => open.text === '\x00binary');
    open.socket.destroy();
  });

  test('Permissive: a server that speaks first is heard after 300 ms; a mesh handshake after that is not passed on', async () => {
    const mesh = await pair({ workload: {} });
    let got = 0;
    const backend = await server((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (piece) => {
        got += piece.length;
      });
    });
    const port = await mesh.payment.arrive(backend.port);
    const raw = rawClient(port);
    await until('the greeting', () => raw.text === '220 hello\r\n');
    const hello = await clientHello();
    raw.socket.write(hello.subarray(0, 100));
    raw.socket.write(hello.subarray(100));
    await until('the reset', () => raw.error === 'ECONNRESET' || raw.closed);
    expect(got).toBe(0);
    expect(
      metric(mesh.payment.metrics.text(), 'heddle_connections_refused_total', 'reason="mesh_after_plaintext"'),
    ).toBe(1);
  });

  const FORGED = 'host: x\r\nX_Heddle_Peer: spiffe://evil\r\nconnection: close\r\n\r\n';

  test('Permissive: HTTP after a silence is HTTP, parsed and stripped', async () => {
    const clock = new FakeClock();
    const backend = await app((request, response) => response.end(JSON.stringify(request.headers)));
    const side = createSide({ name: 'payment', clock, workload: {} });
    closing.push(side);
    const raw = rawClient(await side.arrive(backend.port));
    await until('the connection', () => metric(side.metrics.text(), 'heddle_open_connections', 'network') === 1);
    clock.advance(300);
    await until('the application to be dialled', () => side.inbound.connections === 1);
    for (const piece of ['GET / HTTP/1.1\r\n', FORGED]) {
      raw.socket.write(piece);
      await settle();
    }
    await until('the answer', () => raw.ended);
    expect(raw.text).toMatch(/^HTTP\/1\.1 200 /);
    expect(raw.text).not.toContain('spiffe://evil');
    expect(metric(side.metrics.text(), 'heddle_requests_total', 'inbound')).toBe(1);
    raw.socket.destroy();
    await until('the end', () => side.inbound.connections === 0);
  });

  test.each(['P', 'PRI * HTTP', '\x16\x03'])(
    'Permissive, a port declared http: %j and a long wait make no opaque connection',
    async (begun) => {
      const clock = new FakeClock();
      const forged: string[] = [];
      const backend = await app((request, response) => {
        forged.push(...request.rawHeaders.filter((text) => text === 'spiffe://evil'));
        response.end();
      });
      const workload = { ports: [{ port: backend.port, protocol: 'http' as const }] };
      let dialled = 0;
      const counted = (options: Parameters<typeof dial>[0]) => {
        dialled++;
        return dial(options);
      };
      const side = createSide({ name: 'payment', clock, dial: counted, workload });
      closing.push(side);
      const raw = rawClient(await side.arrive(backend.port));
      await until('the connection', () => metric(side.metrics.text(), 'heddle_open_connections', 'network') === 1);
      raw.socket.write(begun);
      await settle();
      await clock.advanceSettling(66_000, 1_000);
      if (!raw.ended) raw.socket.write(`OST / HTTP/1.1\r\n${FORGED}`);
      // The codec's own time for a head, if it still waits.
      await clock.advanceSettling(12_000, 1_000);
      await until('the end', () => raw.ended);
      // The application is dialled for requests that were parsed, and for nothing else.
      expect([forged, dialled]).toEqual([[], metric(side.metrics.text(), 'heddle_requests_total', 'inbound')]);
      expect(raw.text).toMatch(/^HTTP\/1\.1 (?:200|400|408) /);
    },
  );

  test('Permissive, a port declared http: a client may be silent, and is no opaque connection, whatever the rules', async () => {
    const clock = new FakeClock();
    const backend = await app((request, response) => response.end(JSON.stringify(request.headers)));
    const closed = { from: [{ kind: 'anyone' as const }], to: [{ paths: [{ type: 'Exact' as const, value: '/x' }] }] };
    const rules = [{ name: 'closed', action: 'Deny' as const, ...closed }];
    const workload = {
      ports: [{ port: backend.port, protocol: 'http' as const }],
      authorization: { defaultAction: 'Allow' as const, rules },
    };
    const dialled: number[] = [];
    const counted = (options: Parameters<typeof dial>[0]) => {
      dialled.push(options.port);
      return dial(options);
    };
    const side = createSide({ name: 'payment', clock, dial: counted, workload });
    closing.push(side);
    const [early, silent] = [rawClient(await side.arrive(backend.port)), rawClient(await side.arrive(backend.port))];
    await until('both', () => metric(side.metrics.text(), 'heddle_open_connections', 'network') === 2);
    await clock.advanceSettling(20_000, 1_000);
    expect([dialled, early.closed]).toEqual([[], false]);
    early.socket.write('G');
    await settle();
    early.socket.write(`ET / HTTP/1.1\r\n${FORGED}`);
    await until('the answer', () => early.ended);
    expect(early.text).toMatch(/^HTTP\/1\.1 200 /);
    expect(early.text).not.toContain('spiffe://evil');
    // As any server closes who never asks.
    await clock.advanceSettling(45_000, 1_000);
    await until('the end', () => silent.ended);
    expect(silent.error).toBeUndefined();
  });

  test('Permissive: other bytes after a silence go on as they are', async () => {
    const clock = new FakeClock();
    const echo = await server((socket) => void socket.pipe(socket));
    const side = createSide({ name: 'payment', clock, workload: {} });
    closing.push(side);
    for (const [text, late] of [
      ['EHLO x\r\n', 0],
      // Could still become a request line: waited for, but not for ever.
      ['HELO', 5_000],
    ] as const) {
      const raw = rawClient(await side.arrive(echo.port));
      await until('the connection', () => metric(side.metrics.text(), 'heddle_open_connections', 'network') === 1);
      clock.advance(300);
      await until('the application to be dialled', () => side.inbound.connections === 1);
      raw.socket.write(text);
      await until('the bytes', () => late === 0 || clock.pending > 0);
      clock.advance(late);
      await until('the echo', () => raw.text === text);
      raw.socket.destroy();
      await until('the end', () => side.inbound.connections === 0);
    }
  });

  test('a commit closes what it forbids before it returns', async () => {
    const mesh = await pair({ workload: {} });
    const backend = await app((_request, response) => response.end('ok'));
    const echo = await server((socket) => void socket.pipe(socket));
    const agent = keepAlive();
    const http = await mesh.payment.arrive(backend.port);
    expect((await call({ port: http, agent })).status).toBe(200);
    const raw = rawClient(await mesh.payment.arrive(echo.port));
    raw.socket.write('\x00');
    await until('the echo', () => raw.text === '\x00');
    mesh.configure([await mesh.endpoint(backend.port)]);
    expect((await call({ port: mesh.port, agent })).status).toBe(200);
    expect(mesh.payment.inbound.connections).toBe(3);
    const strict = { mtls: { mode: 'Strict' as const, ports: [] } };
    mesh.payment.store.commit(mesh.payment.store.prepare('workload', workload(strict)));
    expect(mesh.payment.inbound.connections).toBe(1);
    await until('the reset', () => raw.closed);
    const nobody = { ...strict, authorization: { defaultAction: 'Deny' as const, rules: [] } };
    mesh.payment.store.commit(mesh.payment.store.prepare('workload', workload(nobody)));
    expect(mesh.payment.inbound.connections).toBe(0);
    const denied = await call({ port: mesh.port, agent });
    expect(denied.headers['x-heddle-reason']).toBe('unauthorized');
  });
});

async function createPairAuthority() {
  const { createTestAuthority } = await import('../tls/testing/authority.ts');
  return createTestAuthority('test.local');
}

/** The first flight of a mesh client, caught on a listener that never answers. */
async function clientHello(): Promise<Buffer> {
  const { connect } = await import('node:tls');
  return new Promise((resolve) => {
    void server((socket) => {
      let all: Buffer = Buffer.alloc(0);
      socket.on('data', (piece: Buffer) => {
        all = Buffer.concat([all, piece]);
        if (all.length >= 5 + all.readUInt16BE(3)) resolve(all);
      });
    }).then((sink) => {
      const client = connect({
        host: '127.0.0.1',
        port: sink.port,
        ALPNProtocols: ['heddle/1'],
        ecdhCurve: 'X25519MLKEM768',
        minVersion: 'TLSv1.3',
      });
      client.on('error', () => {});
      closing.push({ close: () => client.destroy() });
    });
  });
}
