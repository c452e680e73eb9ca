import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import type { Retries, Timeouts } from '../contract/snapshot.ts';
import { NO_RETRIES, NO_TIMEOUTS, traffic } from './testing/configuration.ts';
import { ask, http2App, http2Client } from './testing/http2-apps.ts';
import { metric, pair } from './testing/opened.ts';

const CALL = { ':method': 'POST', ':path': '/shop.Payment/Charge', 'content-type': 'application/grpc', te: 'trailers' };
const RETRIES: Retries = {
  ...NO_RETRIES,
  attempts: 2,
  on: ['gateway-error'],
  methods: ['POST'],
  budget: { percent: 100, minPerSecond: 100 },
};

function message(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

function trailersOnly(stream: ServerHttp2Stream, status: number, more: Record<string, string> = {}): void {
  const head = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status), ...more };
  stream.respond(head, { endStream: true });
}

/** Answers with messages and status OK. */
function answer(stream: ServerHttp2Stream, ...texts: string[]): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  for (const text of texts) stream.write(message(text));
  stream.end();
}

const forward = (retries: Retries, timeouts: Timeouts = NO_TIMEOUTS) => ({
  traffic: traffic({ unmatched: { action: 'Forward' as const, timeouts, retries } }),
});

describe('statuses of the proxies', () => {
  test('no endpoint: UNAVAILABLE, trailers-only, with the reason', async () => {
    const mesh = await pair();
    mesh.configure([]);
    const refused = await ask(http2Client(mesh.port), CALL, message('x'));
    expect(refused.headers).toMatchObject({
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': '14',
      'x-heddle-reason': 'no_endpoints',
    });
    expect(refused.headers['grpc-message']).toContain('no_endpoints');
    const books = metric(mesh.order.metrics.text(), 'heddle_requests_total', 'reason="no_endpoints",grpc_status="14"');
    expect(books).toBe(1);
  });

  test('no route: UNIMPLEMENTED', async () => {
    const mesh = await pair();
    mesh.configure([], {
      traffic: traffic({ unmatched: { action: 'NotFound', timeouts: NO_TIMEOUTS, retries: NO_RETRIES } }),
    });
    expect((await ask(http2Client(mesh.port), CALL, message('x'))).headers['grpc-status']).toBe('12');
  });

  test('denied by the inbound side: PERMISSION_DENIED', async () => {
    const mesh = await pair({
      workload: {
        mtls: { mode: 'Strict', ports: [] },
        authorization: {
          defaultAction: 'Allow',
          rules: [
            {
              name: 'no-charge',
              action: 'Deny',
              from: [{ kind: 'anyone' }],
              to: [{ paths: [{ type: 'PathPrefix', value: '/shop.Payment' }] }],
            },
          ],
        },
      },
    });
    const backend = await http2App((stream) => answer(stream, 'never'));
    mesh.configure([await mesh.endpoint(backend.port)]);
    const denied = await ask(http2Client(mesh.port), CALL, message('x'));
    expect(denied.headers).toMatchObject({ 'grpc-status': '7', 'x-heddle-reason': 'unauthorized' });
  });

  test('the application is not there: UNAVAILABLE', async () => {
    const mesh = await pair();
    mesh.configure([await mesh.endpoint(1)]);
    const failed = await ask(http2Client(mesh.port), CALL, message('x'));
    expect(failed.headers).toMatchObject({ 'grpc-status': '14', 'x-heddle-reason': 'app_connect_failure' });
  });
});

test.each<[string, (stream: ServerHttp2Stream) => void, string, number | 'unknown', boolean]>([
  ['OK in trailers', (stream) => answer(stream, 'x'), '200', 0, false],
  ['trailers-only NOT_FOUND', (stream) => trailersOnly(stream, 5), '200', 5, false],
  ['trailers-only INTERNAL', (stream) => trailersOnly(stream, 13), '200', 13, true],
  ['a status that gRPC does not define', (stream) => trailersOnly(stream, 99), '200', 'unknown', true],
  ['no status', (stream) => stream.respond({ ':status': 200 }, { endStream: true }), '200', 'unknown', true],
  ['an HTTP error', (stream) => stream.respond({ ':status': 404 }, { endStream: true }), '404', 'unknown', false],
])('%s is in the books of both sides', async (_name, respond, code, status, logged) => {
  const mesh = await pair();
  const backend = await http2App(respond);
  mesh.configure([await mesh.endpoint(backend.port)]);
  await ask(http2Client(mesh.port), CALL, message('x'));
  for (const side of [mesh.order, mesh.payment]) {
    const labels = `code="${code}",reason="",grpc_status="${status}"}`;
    await until('the books', () => metric(side.metrics.text(), 'heddle_requests_total', labels) === 1);
    const lines = side.lines.filter((line) => line.log === 'access');
    expect(lines.map((line) => line.grpcStatus)).toEqual(logged ? [status] : []);
  }
});

describe('deadlines', () => {
  test('grpc-timeout goes on reduced, and ends the call with DEADLINE_EXCEEDED', async () => {
    const mesh = await pair();
    const seen: string[] = [];
    const backend = await http2App((_stream, headers) => seen.push(String(headers['grpc-timeout'])));
    mesh.configure([await mesh.endpoint(backend.port)]);
    const late = await ask(http2Client(mesh.port), { ...CALL, 'grpc-timeout': '300m' }, message('x'));
    expect(late.headers).toMatchObject({ 'grpc-status': '4', 'x-heddle-reason': 'request_timeout' });
    expect(seen[0]).toMatch(/^[0-9]+u$/);
    expect(Number.parseInt(seen[0]!, 10)).toBeLessThan(300_000);
    expect(Number.parseInt(seen[0]!, 10)).toBeGreaterThan(0);
  });

  test('the request timeout of the policy ends a call without a message, not a stream that has begun', async () => {
    const mesh = await pair();
    const streams: ServerHttp2Stream[] = [];
    const backend = await http2App((stream, headers: IncomingHttpHeaders) => {
      streams.push(stream);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      if (headers['x-speak'] === 'yes') stream.write(message('first'));
    });
    mesh.configure([await mesh.endpoint(backend.port)], forward(NO_RETRIES, { ...NO_TIMEOUTS, requestMs: 200 }));
    const session = http2Client(mesh.port);
    const stream = ask(session, { ...CALL, 'x-speak': 'yes' }, message('x'));
    const silent = await ask(session, CALL, message('x'));
    expect(silent.reset).toBe(8);
    streams[0]!.end(message('second'));
    const whole = await stream;
    expect(whole.trailers).toMatchObject({ 'grpc-status': '0' });
    expect(whole.body).toEqual(Buffer.concat([message('first'), message('second')]));
  });
});

describe('retries', () => {
  test('a trailers-only UNAVAILABLE is retried as a 503 would be', async () => {
    const mesh = await pair();
    let tries = 0;
    const bodies: string[] = [];
    const backend = await http2App((stream) => {
      tries++;
      let body = '';
      stream.on('data', (piece: Buffer) => {
        body += piece.toString('latin1', 5);
      });
      stream.on('end', () => {
        bodies.push(body);
        if (bodies.length < 3) trailersOnly(stream, 14);
        else answer(stream, 'healed');
      });
    });
    mesh.configure([await mesh.endpoint(backend.port)], forward(RETRIES));
    const healed = await ask(http2Client(mesh.port), CALL, message('charge'));
    expect(healed.trailers).toMatchObject({ 'grpc-status': '0' });
    expect(healed.body).toEqual(message('healed'));
    expect(tries).toBe(3);
    expect(bodies).toEqual(['charge', 'charge', 'charge']);
    expect(metric(mesh.order.metrics.text(), 'heddle_retries_total', 'gateway-error')).toBe(2);
  });

  test.each([
    ['NOT_FOUND is an answer', 5, {}, RETRIES],
    ['a server may forbid it', 14, { 'grpc-retry-pushback-ms': '-1' }, RETRIES],
    ['POST is not repeated by default', 14, {}, { ...RETRIES, methods: NO_RETRIES.methods }],
  ])('%s', async (_name, status, more, retries) => {
    const mesh = await pair();
    let tries = 0;
    const backend = await http2App((stream) => {
      tries++;
      trailersOnly(stream, status, more);
    });
    mesh.configure([await mesh.endpoint(backend.port)], forward(retries));
    const answered = await ask(http2Client(mesh.port), CALL, message('x'));
    expect(answered.headers['grpc-status']).toBe(String(status));
    expect(tries).toBe(1);
  });
});

test('a long stream lives through changes of its configuration, in both directions', async () => {
  const mesh = await pair();
  const backend = await http2App((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  const endpoint = await mesh.endpoint(backend.port);
  const other = await http2App((stream) => answer(stream, 'other'));
  mesh.configure([endpoint]);
  const session = http2Client(mesh.port);
  const stream = session.request(CALL);
  let heard = '';
  let status = '';
  stream.on('data', (piece: Buffer) => {
    heard += piece.toString('latin1');
  });
  stream.on('trailers', (trailers) => {
    status = String(trailers['grpc-status']);
  });
  const changes = [
    () => mesh.configure([endpoint], forward(RETRIES, { ...NO_TIMEOUTS, perTryMs: 50 })),
    async () => mesh.configure([await mesh.endpoint(other.port)]),
    () => mesh.configure([]),
  ];
  for (const [index, change] of changes.entries()) {
    stream.write(`ping${index}`);
    await until('the echo', () => heard.endsWith(`ping${index}`));
    await change();
  }
  stream.end('last');
  await until('the end', () => stream.closed);
  expect(heard).toBe('ping0ping1ping2last');
  expect(status).toBe('0');
  expect((await ask(session, CALL, message('x'))).headers['x-heddle-reason']).toBe('no_endpoints');
});
