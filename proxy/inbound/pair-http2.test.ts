import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import type { Retries } from '../contract/snapshot.ts';
import { rawClient } from './testing/apps.ts';
import { NO_RETRIES, NO_TIMEOUTS, servicePort, traffic } from './testing/configuration.ts';
import { ask, http2App, http2Client, resettingApp } from './testing/http2-apps.ts';
import { app, metric, pair } from './testing/opened.ts';
import { ORDER_ID } from './testing/pair.ts';

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('HTTP/2 through both proxies', () => {
  test('method, path, authority, headers, trailers both ways, and the identity of the caller', async () => {
    const mesh = await pair();
    const backend = await http2App((stream, headers) => {
      stream.on('trailers', (trailers) => {
        stream.respond({ ':status': 201, 'x-seen': JSON.stringify(headers) }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7', 'x-asked': String(trailers['x-more']) }));
        stream.end('hello');
      });
      stream.resume();
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const session = http2Client(mesh.port);
    const stream = session.request(
      {
        ':method': 'PUT',
        ':path': '/a?b=c',
        ':authority': 'payment',
        'x-a': '1',
        te: 'trailers',
        'x-heddle-peer': 'evil',
      },
      { waitForTrailers: true } as never,
    );
    const seen: Record<string, unknown> = {};
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-more': 'yes' }));
    stream.on('response', (head) => Object.assign(seen, { head }));
    stream.on('trailers', (trailers) => Object.assign(seen, { trailers }));
    let body = '';
    stream.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    stream.end('body');
    await until('the stream to close', () => stream.closed);
    expect(body).toBe('hello');
    expect(seen['trailers']).toMatchObject({ 'x-sum': '7', 'x-asked': 'yes' });
    const head = seen['head'] as Record<string, string>;
    expect(head[':status']).toBe(201);
    expect(JSON.parse(head['x-seen']!)).toMatchObject({
      ':method': 'PUT',
      ':path': '/a?b=c',
      ':authority': 'payment',
      ':scheme': 'http',
      'x-a': '1',
      te: 'trailers',
      'x-heddle-peer': ORDER_ID,
    });
    expect(metric(mesh.payment.metrics.text(), 'heddle_requests_total', 'direction="inbound"', 'code="201"')).toBe(1);
  });

  test('bodies of many sizes come back byte for byte, many at once on one connection', async () => {
    const mesh = await pair();
    const backend = await http2App((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const session = http2Client(mesh.port);
    const sizes = [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 1_048_576, 10_485_760];
    await Promise.all(
      sizes.map(async (size) => {
        const body = Buffer.alloc(size, 'abcdefghijk');
        const answer = await ask(session, { ':method': 'POST' }, body);
        expect([size, answer.headers[':status'], answer.reset, answer.body.length]).toEqual([size, 200, 0, size]);
        expect(digest(answer.body)).toBe(digest(body));
      }),
    );
    expect(backend.sessions).toBe(1);
  });

  test('requests of one client connection spread over endpoints', async () => {
    const mesh = await pair();
    const counts = [0, 0, 0];
    const backends = await Promise.all(
      counts.map((_, index) =>
        http2App((stream) => {
          counts[index]!++;
          stream.respond({ ':status': 200 });
          stream.end();
        }),
      ),
    );
    mesh.configure(await Promise.all(backends.map((backend) => mesh.endpoint(backend.port))), {
      traffic: traffic({ loadBalancing: { policy: 'RoundRobin' } }),
    });
    const session = http2Client(mesh.port);
    for (let count = 0; count < 30; count++) await ask(session, { ':path': '/' });
    expect(counts.map((count) => Math.round(count / 10))).toEqual([1, 1, 1]);
  });

  test('informational responses, HEAD, 204, 304 and an answer before the request is complete', async () => {
    const mesh = await pair();
    const backend = await http2App((stream, headers) => {
      const status = Number(String(headers[':path']).slice(1));
      stream.additionalHeaders({ ':status': 103, link: '</style.css>' });
      stream.respond(
        { ':status': status, 'content-length': 5 },
        { endStream: status !== 200 || headers[':method'] === 'HEAD' },
      );
      if (status === 200 && headers[':method'] !== 'HEAD') stream.end('early');
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const session = http2Client(mesh.port);
    const head = await ask(session, { ':method': 'HEAD', ':path': '/200' });
    expect(head).toMatchObject({ informs: [103], reset: 0, headers: { ':status': 200, 'content-length': '5' } });
    expect(await ask(session, { ':path': '/304' })).toMatchObject({ headers: { ':status': 304 }, reset: 0 });
    const upload = session.request({ ':method': 'POST', ':path': '/200' });
    upload.on('error', () => {});
    let body = '';
    upload.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    upload.write('never ends');
    await until('the upload to be stopped', () => upload.closed);
    expect(body).toBe('early');
  });

  test('a client that gives up resets the stream of the application; the application that gives up resets the client', async () => {
    const mesh = await pair();
    const codes: number[] = [];
    let started = 0;
    const backend = await http2App((stream) => {
      started++;
      stream.on('close', () => codes.push(stream.rstCode));
      stream.respond({ ':status': 200 });
      stream.write('begun');
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const session = http2Client(mesh.port);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => {});
    stream.resume();
    stream.write('x');
    await until('the call to arrive', () => started === 1);
    stream.close(8);
    await until('the reset to arrive', () => codes.length === 1);
    expect(codes).toEqual([8]);
    const failing = await resettingApp();
    mesh.configure([await mesh.endpoint(failing.port)]);
    const failed = await ask(session, {});
    expect(failed).toMatchObject({ headers: { ':status': 200 }, reset: 2 });
    expect(failed.body.toString()).toBe('begun');
    // The connection lives on.
    expect(session.closed).toBe(false);
  });

  test('a slow reader of one stream holds its own endpoint back, and nobody else', async () => {
    const mesh = await pair();
    let sent = 0;
    const piece = Buffer.alloc(65_536, 1);
    const backend = await http2App((stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] !== '/big') {
        stream.end('small');
        return;
      }
      const more = (): void => {
        for (;;) {
          sent += piece.length;
          if (!stream.write(piece)) break;
        }
        stream.once('drain', more);
      };
      more();
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const session = http2Client(mesh.port);
    const slow = session.request({ ':path': '/big' });
    slow.on('error', () => {});
    slow.pause();
    // The same figure ten times in a row: nothing moves any more.
    let before = -1;
    let same = 0;
    await until('the flow to stop', () => {
      same = sent === before && sent > 0 ? same + 1 : 0;
      before = sent;
      return same === 10;
    });
    expect(sent).toBeLessThan(8 * 1_048_576);
    expect((await ask(session, { ':path': '/small' })).body.toString()).toBe('small');
    slow.close(8);
  });

  test('failures of every try are answered with the reason, and nothing is retried that may have been seen', async () => {
    const mesh = await pair();
    let tries = 0;
    const backend = await http2App((stream) => {
      tries++;
      stream.close(2);
    });
    const retries: Retries = { ...NO_RETRIES, attempts: 2, on: ['reset'] };
    mesh.configure([await mesh.endpoint(backend.port)], {
      traffic: traffic({ unmatched: { action: 'Forward', timeouts: NO_TIMEOUTS, retries } }),
    });
    const session = http2Client(mesh.port);
    const answer = await ask(session, { ':method': 'POST' }, 'x');
    expect(answer.headers).toMatchObject({ ':status': 502, 'x-heddle-reason': 'upstream_reset' });
    expect(tries).toBe(1);
    const idempotent = await ask(session, { ':method': 'PUT' }, 'x');
    expect(idempotent.headers).toMatchObject({ ':status': 502, 'x-heddle-reason': 'upstream_reset' });
    expect(tries).toBe(4);
  });

  test('an application that speaks only HTTP/1.1 is named', async () => {
    const mesh = await pair();
    const backend = await app((_request, response) => response.end());
    mesh.configure([await mesh.endpoint(backend.port)]);
    const answer = await ask(http2Client(mesh.port), {});
    expect(answer.headers).toMatchObject({ ':status': 502, 'x-heddle-reason': 'upstream_protocol' });
  });
});

test('CONNECT: bytes both ways and half-close, between HTTP/2 applications', async () => {
  const mesh = await pair();
  const backend = await http2App((stream, headers) => {
    stream.respond({ ':status': headers[':authority'] === 'open:80' ? 200 : 403 });
    stream.pipe(stream);
  });
  mesh.configure([await mesh.endpoint(backend.port)]);
  const session = http2Client(mesh.port);
  expect((await ask(session, { ':method': 'CONNECT', ':authority': 'open:80' }, 'through')).body.toString()).toBe(
    'through',
  );
  expect((await ask(session, { ':method': 'CONNECT', ':authority': 'shut:80' }, 'x')).headers[':status']).toBe(403);
});

test('a body with Content-Length keeps its trailers, both ways', async () => {
  const mesh = await pair();
  const backend = await http2App((stream, headers) => {
    let sum = '';
    stream.on('trailers', (trailers) => {
      sum = String(trailers['x-sum']);
    });
    stream.resume();
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-length': 4 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-saw': `${headers['content-length']} ${sum}` }));
      stream.end('back');
    });
  });
  mesh.configure([await mesh.endpoint(backend.port)]);
  const stream = http2Client(mesh.port).request({ ':method': 'POST', 'content-length': 5 }, {
    waitForTrailers: true,
  } as never);
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
  let saw = '';
  stream.on('trailers', (trailers) => {
    saw = String(trailers['x-saw']);
  });
  stream.resume();
  stream.end('hello');
  await until('the answer', () => stream.closed);
  expect(saw).toBe('5 7');
});

test('trailers cannot speak as a proxy, in either direction', async () => {
  const mesh = await pair();
  const backend = await http2App((stream) => {
    stream.on('trailers', (trailers) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-heddle-reason': 'evil', 'x-b': '2' }));
      stream.end(Object.keys(trailers).join());
    });
    stream.resume();
  });
  mesh.configure([await mesh.endpoint(backend.port)]);
  const stream = http2Client(mesh.port).request({ ':method': 'POST' }, { waitForTrailers: true } as never);
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-heddle-peer': 'evil', 'x-a': '1' }));
  let body = '';
  const trailers: string[] = [];
  stream.on('data', (piece: Buffer) => {
    body += piece.toString();
  });
  stream.on('trailers', (received) => trailers.push(...Object.keys(received)));
  stream.end('x');
  await until('the answer', () => stream.closed);
  expect([body, trailers]).toEqual(['x-a', ['x-b']]);
});

describe('where HTTP/2 is spoken', () => {
  test('a port declared http or grpc takes both versions', async () => {
    const mesh = await pair();
    const backend = await http2App((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    for (const protocol of ['http', 'http2', 'grpc'] as const) {
      mesh.configure([await mesh.endpoint(backend.port)], { protocol });
      expect((await ask(http2Client(mesh.port), {})).body.toString()).toBe('ok');
    }
  });

  test('a declared port: the bytes of the preface may come one by one; an idle connection is closed by a drain', async () => {
    const mesh = await pair();
    const backend = await http2App((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    mesh.configure([await mesh.endpoint(backend.port)], { protocol: 'grpc' });
    const raw = rawClient(mesh.port);
    raw.socket.setNoDelay(true);
    for (const byte of Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) {
      raw.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    raw.socket.write(Buffer.from('000000040000000000', 'hex'));
    await until('SETTINGS', () => raw.text.charCodeAt(3) === 4);
    const idle = rawClient(mesh.port);
    await until('both connections', () => mesh.order.outbound.connections === 2);
    mesh.order.outbound.drain();
    await until('the close', () => idle.closed || idle.ended);
    raw.socket.destroy();
  });

  test('a port declared tcp is opaque', async () => {
    const mesh = await pair();
    const backend = await http2App((stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(String(headers['x-heddle-peer']));
    });
    mesh.configure([await mesh.endpoint(backend.port)], { protocol: 'tcp' });
    expect((await ask(http2Client(mesh.port), {})).body.toString()).toBe('undefined');
  });

  test('an unmeshed endpoint is spoken to with prior knowledge', async () => {
    const mesh = await pair();
    // Not every session: the connection that was opened before the client spoke may be one.
    const used = new Set<unknown>();
    const backend = await http2App((stream, headers) => {
      used.add(stream.session);
      stream.respond({ ':status': 200 });
      stream.end(String(headers['traceparent'] !== undefined));
    });
    mesh.configure([], servicePort([{ address: '127.0.0.1', port: backend.port, subsets: [] }]));
    const session = http2Client(mesh.port);
    expect((await ask(session, {})).body.toString()).toBe('true');
    expect((await ask(session, {})).headers[':status']).toBe(200);
    expect(used.size).toBe(1);
  });

  test('plaintext HTTP/2 at a Permissive port reaches the application; at a Strict one it reads why not', async () => {
    const mesh = await pair({ workload: { mtls: { mode: 'Permissive', ports: [] } } });
    const backend = await http2App((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('served');
    });
    const port = await mesh.payment.arrive(backend.port);
    expect((await ask(http2Client(port), { ':path': '/' })).body.toString()).toBe('served');
    const strict = await pair();
    const refused = await ask(http2Client(await strict.payment.arrive(backend.port)), { ':path': '/' });
    expect(refused.headers).toMatchObject({ ':status': 403, 'x-heddle-reason': 'plaintext_refused' });
  });

  test('an HTTP/2 client of an unknown destination reads the reason', async () => {
    const mesh = await pair();
    mesh.configure([]);
    const answer = await ask(http2Client(mesh.port), {});
    expect(answer.headers).toMatchObject({ ':status': 503, 'x-heddle-reason': 'no_endpoints' });
  });

  test('drain: GOAWAY, what runs is finished', async () => {
    const mesh = await pair();
    let finish = (): void => {};
    const backend = await http2App((stream) => {
      finish = () => {
        stream.respond({ ':status': 200 });
        stream.end('late');
      };
    });
    mesh.configure([await mesh.endpoint(backend.port)]);
    const session = http2Client(mesh.port);
    let goaway = 0;
    session.on('goaway', () => goaway++);
    const answer = ask(session, {});
    const original = finish;
    await until('the call to arrive', () => finish !== original);
    mesh.order.outbound.drain();
    await until('GOAWAY', () => goaway > 0);
    finish();
    expect((await answer).body.toString()).toBe('late');
    await until('the connection to close', () => session.destroyed);
  });
});
