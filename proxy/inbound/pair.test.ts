import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import type { Retries } from '../contract/snapshot.ts';
import { call, rawClient } from './testing/apps.ts';
import { NO_RETRIES, NO_TIMEOUTS, traffic } from './testing/configuration.ts';
import { app, keepAlive, metric, pair, server } from './testing/opened.ts';
import { ORDER_ID } from './testing/pair.ts';

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
    expect(metric(inbound, 'heddle_tls_state_total', 'source_workload="order"', 'kind="http",tls="mutual"')).toBe(1);
    expect(metric(mesh.order.metrics.text(), 'heddle_tls_state_total', 'kind="http",tls="mutual"')).toBe(1);
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
