import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import type { Retries } from '../contract/snapshot.ts';
import { type App, call, httpApp, rawClient, tcpApp } from './testing/apps.ts';
import { NO_RETRIES, NO_TIMEOUTS, traffic, workload } from './testing/configuration.ts';
import { createPair, ORDER_ID, PAYMENT_ID, type Pair, type PairOptions } from './testing/pair.ts';

const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0).reverse()) open.close();
});

async function pair(options: PairOptions = {}): Promise<Pair> {
  const made = await createPair(options);
  closing.push(made);
  return made;
}
async function app(handle: Parameters<typeof httpApp>[0]): Promise<App> {
  const made = await httpApp(handle);
  closing.push(made);
  return made;
}
async function server(handle: Parameters<typeof tcpApp>[0]): Promise<App> {
  const made = await tcpApp(handle);
  closing.push(made);
  return made;
}
function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  closing.push({ close: () => agent.destroy() });
  return agent;
}
const metric = (text: string, ...parts: string[]): number =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#') && parts.every((part) => line.includes(part)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);

const RETRIES: Retries = {
  ...NO_RETRIES,
  attempts: 3,
  on: ['5xx', 'reset', 'connect-failure', 'per-try-timeout'],
  idempotencyKeyHeader: 'idempotency-key',
};
const withRetries = (retries: Retries = RETRIES, timeouts = NO_TIMEOUTS) => ({
  traffic: traffic({ unmatched: { action: 'Forward' as const, timeouts, retries } }),
});

describe('HTTP', () => {
  test('a request goes through both proxies under mutual TLS', async () => {
    const mesh = await pair();
    const backend = await app((request, response) => {
      response.setHeader('x-heddle-reason', 'unauthorized');
      response.end(JSON.stringify({ url: request.url, headers: request.headers }));
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const headers = { 'x-heddle-peer': 'spiffe://evil', 'x-heddle-attempt': '7' };
    const answer = await call({ port: mesh.port, path: '/charge?x=1', headers });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-heddle-reason']).toBeUndefined();
    const seen = JSON.parse(answer.body);
    expect(seen.url).toBe('/charge?x=1');
    expect(seen.headers['x-heddle-peer']).toBe(ORDER_ID);
    expect(seen.headers['x-heddle-attempt']).toBeUndefined();
    expect(seen.headers.host).toBe(`127.0.0.1:${mesh.port}`);
    const inbound = mesh.payment.metrics.text();
    expect(
      metric(inbound, 'heddle_requests_total', 'direction="inbound"', 'source_workload="order"', 'code="200"'),
    ).toBe(1);
    expect(metric(inbound, 'heddle_tls_connections_total', 'result="accepted"')).toBe(1);
  });

  test('bodies of many sizes come back byte for byte, on kept connections', async () => {
    const mesh = await pair();
    const backend = await app((request, response) => void request.pipe(response));
    mesh.configure([await mesh.endpoint(backend.port)]);
    const agent = keepAlive();
    for (const size of [0, 1, 1_000, 16_384, 65_535, 65_537, 1_000_000, 10_485_760]) {
      const body = Buffer.alloc(size, 'abcdefghijk');
      const answer = await call({ port: mesh.port, method: 'POST', body, agent });
      expect(createHash('sha256').update(answer.body).digest('hex')).toBe(
        createHash('sha256').update(body).digest('hex'),
      );
    }
  });

  test('95/5 over 4,000 requests', async () => {
    const mesh = await pair();
    const v1 = await app((_request, response) => response.end('v1'));
    const v2 = await app((_request, response) => response.end('v2'));
    mesh.configure(
      [await mesh.endpoint(v1.port, { subsets: ['v1'] }), await mesh.endpoint(v2.port, { subsets: ['v2'] })],
      {
        traffic: traffic({
          subsets: [
            { name: 'v1', onEmpty: 'Redistribute' },
            { name: 'v2', onEmpty: 'Redistribute' },
          ],
          routes: [
            {
              name: 'charge',
              matches: [],
              backends: [
                { subset: 'v1', weight: 95 },
                { subset: 'v2', weight: 5 },
              ],
              timeouts: NO_TIMEOUTS,
              retries: NO_RETRIES,
            },
          ],
        }),
      },
    );
    const agent = keepAlive();
    let second = 0;
    const worker = async (): Promise<void> => {
      for (let count = 0; count < 500; count++) {
        const answer = await call({ port: mesh.port, agent });
        if (answer.body === 'v2') second++;
        else expect(answer.body).toBe('v1');
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(Math.abs(second / 40 - 5)).toBeLessThan(1.2);
  });

  test('what an application says of itself passes untouched', async () => {
    const mesh = await pair();
    const backend = await app((request, response) => {
      if (request.url === '/204') response.writeHead(204).end();
      else if (request.url === '/404') response.writeHead(404, { 'x-why': 'no such charge' }).end('not found');
      else if (request.url === '/trailers') {
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('a');
        response.addTrailers({ 'x-sum': '1' });
        response.end('b');
      } else response.writeHead(200, { 'content-length': '5' }).end(request.method === 'HEAD' ? '' : 'hello');
    });
    mesh.configure([await mesh.endpoint(backend.port)], withRetries());
    const agent = keepAlive();
    expect(await call({ port: mesh.port, path: '/204', agent })).toMatchObject({ status: 204, body: '' });
    expect(await call({ port: mesh.port, path: '/404', agent })).toMatchObject({ status: 404, body: 'not found' });
    const head = await call({ port: mesh.port, method: 'HEAD', agent });
    expect(head).toMatchObject({ status: 200, body: '' });
    expect(head.headers['content-length']).toBe('5');
    expect(await call({ port: mesh.port, agent })).toMatchObject({ status: 200, body: 'hello' });
    const raw = rawClient(mesh.port);
    raw.socket.write('GET /trailers HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\n\r\n');
    await until('the trailer', () => raw.text.includes('x-sum: 1') || raw.text.includes('X-Sum: 1'));
    raw.socket.destroy();
  });

  test('an upgrade is a tunnel both ways', async () => {
    const mesh = await pair();
    const backend = await app(() => {});
    const upgraded = await server((socket) => {
      let head = '';
      socket.on('data', (piece) => {
        if (head.includes('\r\n\r\n')) {
          socket.write(piece);
          return;
        }
        head += piece.toString('latin1');
        if (head.includes('\r\n\r\n')) {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhi ');
        }
      });
      socket.on('end', () => socket.end('bye'));
    });
    backend.close();
    mesh.configure([await mesh.endpoint(upgraded.port)]);
    const raw = rawClient(mesh.port);
    raw.socket.write('GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    await until('101', () => raw.text.startsWith('HTTP/1.1 101') && raw.text.endsWith('hi '));
    raw.socket.write('\x81\x05hello');
    await until('the echo', () => raw.text.endsWith('\x81\x05hello'));
    raw.socket.end();
    await until('the goodbye', () => raw.text.endsWith('bye') && raw.ended);
  });

  test('pipelined requests are answered in order', async () => {
    const mesh = await pair();
    const backend = await app((request, response) => response.end(`<${request.url}>`));
    mesh.configure([await mesh.endpoint(backend.port)]);
    const raw = rawClient(mesh.port);
    raw.socket.write(
      'GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\nGET /3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    );
    await until('three answers', () => raw.ended);
    expect(raw.text.match(/<\/\d>/g)).toEqual(['</1>', '</2>', '</3>']);
    raw.socket.destroy();
  });

  test('bad input is refused and disturbs nobody', async () => {
    const mesh = await pair();
    const backend = await app((_request, response) => response.end('ok'));
    mesh.configure([await mesh.endpoint(backend.port)]);
    for (const [bytes, status] of [
      ['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(70_000)}\r\n\r\n`, 431],
    ] as const) {
      const raw = rawClient(mesh.port);
      raw.socket.write(bytes);
      await until(
        `status ${status}`,
        () => raw.text.startsWith(`HTTP/1.1 ${status} `) && raw.text.includes('x-heddle-reason: '),
      );
      raw.socket.destroy();
      expect((await call({ port: mesh.port })).body).toBe('ok');
    }
  });
});

describe('retries', () => {
  const failing = (failures: number) => {
    const seen: { method: string; body: string; attempt: string | undefined; key: string | undefined }[] = [];
    const made = app((request, response) => {
      let body = '';
      request.on('data', (piece) => {
        body += piece;
      });
      request.on('end', () => {
        const { headers } = request;
        seen.push({
          method: request.method ?? '',
          body,
          attempt: headers['x-heddle-attempt'] as string | undefined,
          key: headers['idempotency-key'] as string | undefined,
        });
        response.writeHead(seen.length <= failures ? 503 : 200).end(`try ${seen.length}`);
      });
    });
    return { seen, made };
  };

  test('503 twice, then 200: the caller sees 200', async () => {
    const mesh = await pair();
    const { seen, made } = failing(2);
    mesh.configure([await mesh.endpoint((await made).port)], withRetries());
    expect(await call({ port: mesh.port })).toMatchObject({ status: 200, body: 'try 3' });
    expect(seen.map((one) => one.attempt)).toEqual([undefined, '2', '3']);
    expect(metric(mesh.order.metrics.text(), 'heddle_retries_total', 'cause="5xx"', 'result="made"')).toBe(2);
  });

  test('a POST without key sees its 503, with a key it is sent again with its body', async () => {
    const mesh = await pair();
    const { seen, made } = failing(2);
    mesh.configure([await mesh.endpoint((await made).port)], withRetries());
    expect(await call({ port: mesh.port, method: 'POST', body: 'pay' })).toMatchObject({ status: 503, body: 'try 1' });
    const headers = { 'idempotency-key': 'k1' };
    const body = 'x'.repeat(60_000);
    expect(await call({ port: mesh.port, method: 'POST', body, headers })).toMatchObject({
      status: 200,
      body: 'try 3',
    });
    expect(seen.slice(1).map((one) => one.body === body && one.key === 'k1')).toEqual([true, true]);
  });

  test('a body beyond 64 KiB is not repeated', async () => {
    const mesh = await pair();
    const { seen, made } = failing(1);
    mesh.configure([await mesh.endpoint((await made).port)], withRetries());
    const headers = { 'idempotency-key': 'k1' };
    expect(await call({ port: mesh.port, method: 'POST', body: 'x'.repeat(80_000), headers })).toMatchObject({
      status: 503,
    });
    expect(seen).toHaveLength(1);
  });

  test('with the budget spent the caller sees the 503', async () => {
    const mesh = await pair();
    const { seen, made } = failing(1_000_000);
    const retries = { ...RETRIES, budget: { percent: 0, minPerSecond: 0.5 } };
    mesh.configure([await mesh.endpoint((await made).port)], withRetries(retries));
    for (let count = 0; count < 4; count++) expect((await call({ port: mesh.port })).status).toBe(503);
    expect(seen).toHaveLength(4 + 5);
    const text = mesh.order.metrics.text();
    expect(metric(text, 'heddle_retries_total', 'result="budget_exhausted"')).toBe(3);
    expect(metric(text, 'heddle_requests_total', 'reason="retry_budget_exhausted"', 'code="503"')).toBe(3);
  });

  test('an application that is gone costs no POST, with retries off', async () => {
    const mesh = await pair();
    const here = await app((_request, response) => response.end('here'));
    const gone = await app(() => {});
    const endpoints = [await mesh.endpoint(here.port), await mesh.endpoint(gone.port)];
    gone.close();
    mesh.configure(endpoints);
    for (let count = 0; count < 20; count++) {
      expect(await call({ port: mesh.port, method: 'POST', body: 'pay' })).toMatchObject({ status: 200, body: 'here' });
    }
  });

  test('an endpoint that nobody answers at is left alone after its first failure', async () => {
    const mesh = await pair();
    const here = await app((_request, response) => response.end('here'));
    const closed = await app(() => {});
    closed.close();
    const endpoint = await mesh.endpoint(here.port);
    mesh.configure([endpoint, { ...endpoint, port: closed.port, pod: 'gone' }]);
    for (let count = 0; count < 20; count++)
      expect((await call({ port: mesh.port, method: 'POST', body: 'x' })).body).toBe('here');
    expect(metric(mesh.order.metrics.text(), 'heddle_retries_total', 'cause="connect_failure"')).toBe(1);
  });

  test('an application that hangs up without an answer: 502, and a GET is tried again', async () => {
    const mesh = await pair();
    let count = 0;
    const backend = await server((socket) => {
      count++;
      socket.once('data', () => {
        if (count === 2) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        else socket.destroy();
      });
    });
    mesh.configure([await mesh.endpoint(backend.port)], withRetries());
    const post = await call({ port: mesh.port, method: 'POST', body: 'x' });
    expect(post.status).toBe(502);
    expect(post.headers['x-heddle-reason']).toBe('upstream_reset');
    count = 0;
    expect(await call({ port: mesh.port })).toMatchObject({ status: 200, body: 'ok' });
  });
});

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
