import { describe, expect, test } from '@jest/globals';
import { HeddleError } from '../base/errors.ts';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { podKey } from '../contract/snapshot.ts';
import { type App, call, rawClient } from '../inbound/testing/apps.ts';
import { NO_RETRIES, NO_TIMEOUTS, service, servicePort, traffic } from '../inbound/testing/configuration.ts';
import { app, configure, KEY, metric, server, side } from './testing/order.ts';

describe('plain endpoints', () => {
  test('a request reaches the endpoint and comes back', async () => {
    const proxy = side();
    const backend = await app((request, response) => {
      response.setHeader('x-heddle-reason', 'unauthorized');
      response.end(JSON.stringify(request.headers));
    });
    configure(proxy, backend);
    const port = await proxy.redirect('10.96.0.1', 80);
    const answer = await call({ port, path: '/charge', headers: { 'x-heddle-peer': 'spiffe://evil', 'x-a': 'b' } });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-heddle-reason']).toBeUndefined();
    const seen = JSON.parse(answer.body);
    expect(seen['x-a']).toBe('b');
    expect(seen['x-heddle-peer']).toBeUndefined();
    expect(seen.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    const labels =
      'direction="outbound",source_workload="order",source_namespace="shop",destination_workload="payment",destination_namespace="shop",code="200",reason="",grpc_status=""';
    expect(metric(proxy, `heddle_requests_total{${labels}}`)).toBe(1);
    expect(metric(proxy, 'heddle_tls_state_total', 'destination_workload="payment"', 'kind="http",tls="none"')).toBe(1);
    expect(proxy.lines).toEqual([]);
  });

  test('an upgrade, a server that speaks first, and a half-close work without a mesh too', async () => {
    const proxy = side();
    const backend = await server((socket) => {
      socket.write('hello ');
      socket.on('data', (piece) => socket.write(piece));
      socket.on('end', () => socket.end('bye'));
    });
    configure(proxy, backend);
    const raw = rawClient(await proxy.redirect('10.96.0.1', 80));
    await until('the greeting', () => raw.text === 'hello ');
    raw.socket.end('x');
    await until('the goodbye', () => raw.text === 'hello xbye' && raw.ended);
  });
});

describe('refusals', () => {
  test.each([
    ['a Service port that does not exist', '10.96.0.1', 81, 502, 'unknown_port'],
    ['an address that is nobody', '10.1.2.3', 80, 502, 'unknown_destination'],
    ['a destination never seen with the control plane gone', '10.5.5.5', 80, 503, 'control_plane_unreachable'],
  ])('%s: HTTP reads why, other bytes are reset', async (_name, address, target, status, reason) => {
    const proxy = side();
    configure(proxy, await app((_request, response) => response.end()));
    proxy.store.commit(proxy.store.prepare(podKey('10.1.2.3'), { kind: 'absent' }));
    const port = await proxy.redirect(address, target);
    const answer = await call({ port, headers: { accept: 'application/json' } });
    expect(answer.status).toBe(status);
    expect(answer.headers['x-heddle-reason']).toBe(reason);
    expect(JSON.parse(answer.body)).toMatchObject({ reason });
    const raw = rawClient(port);
    raw.socket.write('\x00\x01');
    await until('the reset', () => raw.error === 'ECONNRESET');
    expect(metric(proxy, 'heddle_connections_refused_total', `reason="${reason}"`)).toBe(1);
  });

  test('no route, no endpoints, an empty subset', async () => {
    const proxy = side();
    const backend = await app((_request, response) => response.end('ok'));
    const port = await proxy.redirect('10.96.0.1', 80);
    const route = {
      name: 'charge',
      matches: [{ path: { type: 'Exact' as const, value: '/charge' } }],
      backends: [{ subset: 'v2', weight: 1 }],
      timeouts: NO_TIMEOUTS,
      retries: NO_RETRIES,
    };
    const unmatched = { action: 'NotFound' as const, timeouts: NO_TIMEOUTS, retries: NO_RETRIES };
    configure(proxy, backend, {
      traffic: traffic({ routes: [route], subsets: [{ name: 'v2', onEmpty: 'Fail' }], unmatched }),
    });
    expect((await call({ port })).headers['x-heddle-reason']).toBe('no_route');
    const empty = await call({ port, path: '/charge' });
    expect(empty).toMatchObject({ status: 503 });
    expect(empty.headers['x-heddle-reason']).toBe('subset_empty');
    proxy.store.commit(proxy.store.prepare(KEY, service([servicePort([])])));
    expect((await call({ port })).headers['x-heddle-reason']).toBe('no_endpoints');
    expect(proxy.lines.map((line) => line['reason'])).toEqual(['no_route', 'subset_empty', 'no_endpoints']);
  });

  test('a connection to the proxy itself is a loop', async () => {
    const proxy = side();
    const raw = rawClient(await proxy.redirect('10.0.0.5', 19_801));
    await until('the reset', () => raw.error === 'ECONNRESET');
    expect(metric(proxy, 'heddle_connections_refused_total', 'reason="loop"')).toBe(1);
  });

  test('configuration that comes within 2 s is waited for', async () => {
    const clock = new FakeClock();
    const proxy = side({ clock });
    proxy.store.setControlState('connected');
    const backend = await app((_request, response) => response.end('ok'));
    const wanted: string[] = [];
    proxy.store.onWanted = (key) => wanted.push(key);
    const answer = call({ port: await proxy.redirect('10.96.0.1', 80) });
    await until('the wish', () => wanted.length > 0);
    clock.advance(1_999);
    configure(proxy, backend);
    expect(await answer).toMatchObject({ status: 200, body: 'ok' });
    expect(wanted).toEqual([KEY]);
  });
});

test('outside the ranges bytes go where the application wanted', async () => {
  const proxy = side();
  const backend = await server((socket) => {
    socket.on('data', (piece) => socket.write(piece));
    socket.on('end', () => socket.end());
  });
  const raw = rawClient(await proxy.redirect('127.0.0.1', backend.port));
  raw.socket.end('ping');
  await until('the echo', () => raw.text === 'ping' && raw.ended);
  const refused = rawClient(await proxy.redirect('127.0.0.1', 1));
  await until('the reset', () => refused.error === 'ECONNRESET');
});

test('an address that is the own one now and was that of another pod is not this pod: the call fails, unanswered', async () => {
  const backend = await app((_request, response) => response.end('mine'));
  const connects: string[] = [];
  const proxy = side({
    podAddresses: ['127.0.0.1'],
    credentials: {
      identity: 'spiffe://test.local/ns/shop/sa/order',
      trustDomain: 'test.local',
      keyPem: '',
      chainPem: '',
      rootsPem: '',
      notBefore: 0,
      notAfter: Number.MAX_SAFE_INTEGER,
    },
    connectMesh: (options) => {
      connects.push(options.expectedIdentity);
      return Promise.reject(new HeddleError('identity_mismatch', 'somebody else'));
    },
  });
  const payment = 'spiffe://test.local/ns/shop/sa/payment';
  const stale = { address: '127.0.0.1', port: backend.port, pod: 'payment-0', identity: payment, subsets: [] };
  proxy.store.commit(proxy.store.prepare(KEY, service([servicePort([stale])])));
  const answer = await call({ port: await proxy.redirect('10.96.0.1', 80) });
  expect([answer.status, answer.headers['x-heddle-reason']]).toEqual([502, 'identity_mismatch']);
  expect(new Set(connects)).toEqual(new Set([payment]));
});

test('a call of the pod to itself obeys its own inbound rules, for requests and raw bytes', async () => {
  const echo = await server((socket) => void socket.on('data', (piece) => socket.end(piece)));
  const backend = await app((request, response) => response.end(String(request.headers['x-heddle-peer'])));
  const identity = 'spiffe://test.local/ns/shop/sa/order';
  const proxy = side({
    podAddresses: ['127.0.0.1'],
    credentials: {
      identity,
      trustDomain: 'test.local',
      keyPem: '',
      chainPem: '',
      rootsPem: '',
      notBefore: 0,
      notAfter: Number.MAX_SAFE_INTEGER,
    },
    workload: {
      mtls: { mode: 'Strict', ports: [] },
      authorization: {
        defaultAction: 'Deny',
        rules: [
          {
            name: 'own',
            action: 'Allow',
            from: [{ kind: 'identity', namespace: 'shop', serviceAccount: 'order' }],
            to: [{ ports: [echo.port] }, { paths: [{ type: 'Exact', value: '/ok' }] }],
          },
        ],
      },
    },
  });
  const own = (target: App) => ({ address: '127.0.0.1', port: target.port, identity, subsets: [] });
  const ports = [servicePort([own(backend)]), servicePort([own(echo)], { port: 81 })];
  proxy.store.commit(proxy.store.prepare(KEY, service(ports)));
  const port = await proxy.redirect('10.96.0.1', 80);
  expect(await call({ port, path: '/ok' })).toMatchObject({ status: 200, body: identity });
  expect(await call({ port, path: '/ok', method: 'POST', body: 'x'.repeat(200_000) })).toMatchObject({ status: 200 });
  expect(await call({ port, path: '/no' })).toMatchObject({ status: 403 });
  const raw = rawClient(await proxy.redirect('10.96.0.1', 81));
  raw.socket.write('\x00ping');
  await until('the echo', () => raw.text === '\x00ping');
});

test('a kept connection sees a new policy with its next request, an old one is counted while it runs', async () => {
  const proxy = side();
  const answers: (() => void)[] = [];
  const old = await app((_request, response) => void answers.push(() => response.end('old')));
  const fresh = await app((_request, response) => response.end('new'));
  configure(proxy, old);
  const port = await proxy.redirect('10.96.0.1', 80);
  const raw = rawClient(port);
  raw.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('the request', () => answers.length === 1);
  configure(proxy, fresh);
  expect(proxy.store.draining()).toBe(1);
  for (const answer of answers) answer();
  await until('the old answer', () => raw.text.endsWith('old'));
  expect(proxy.store.draining()).toBe(0);
  raw.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('the new answer', () => raw.text.endsWith('new'));
  proxy.store.remove(KEY);
  proxy.store.setControlState('connected');
  proxy.store.onWanted = () => configure(proxy, fresh);
  raw.socket.write('GET /again HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('the answer after the key came back', () => raw.text.split('new').length === 3);
  raw.socket.destroy();
});

test('a connect that takes long is not waited for when there is another endpoint', async () => {
  const clock = new FakeClock();
  const identity = 'spiffe://test.local/ns/shop/sa/payment';
  const credentials = {
    identity,
    trustDomain: 'test.local',
    keyPem: '',
    chainPem: '',
    rootsPem: '',
    notBefore: 0,
    notAfter: 1,
  };
  let asked = 0;
  const connectMesh = () => {
    asked++;
    return new Promise<never>(() => {});
  };
  const proxy = side({ clock, credentials, connectMesh, random: () => 0 });
  const backend = await app((_request, response) => response.end('other'));
  const dead = { address: '10.1.1.1', port: 80, identity, subsets: [] };
  const alive = { address: '127.0.0.1', port: backend.port, subsets: [] };
  proxy.store.commit(proxy.store.prepare(KEY, service([servicePort([dead, alive])])));
  const promise = call({ port: await proxy.redirect('10.96.0.1', 80), method: 'POST', body: 'pay' });
  await until('the connect', () => asked === 1);
  clock.advance(300);
  expect(await promise).toMatchObject({ status: 200, body: 'other' });
});

test('draining finishes what runs and says Connection: close', async () => {
  const proxy = side();
  const answers: (() => void)[] = [];
  const backend = await app((_request, response) => void answers.push(() => response.end('ok')));
  configure(proxy, backend);
  const raw = rawClient(await proxy.redirect('10.96.0.1', 80));
  raw.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('the request', () => answers.length === 1);
  proxy.outbound.drain();
  for (const answer of answers) answer();
  await until('the end', () => raw.ended);
  expect(raw.text.toLowerCase()).toContain('connection: close');
  expect(raw.text.endsWith('ok')).toBe(true);
  raw.socket.destroy();
});

test('clients that leave take their requests with them', async () => {
  const proxy = side();
  let arrived = 0;
  let closed = 0;
  const backend = await app((_request, response) => {
    arrived++;
    response.on('close', () => closed++);
  });
  configure(proxy, backend);
  const port = await proxy.redirect('10.96.0.1', 80);
  const clients = Array.from({ length: 20 }, () => rawClient(port));
  for (const client of clients) client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('requests', () => arrived === 20);
  for (const client of clients) client.socket.destroy();
  await until('the ends', () => closed === 20);
  await until('the books', () => metric(proxy, 'heddle_requests_total', 'reason="client_closed"') === 20);
  await until('no connection left', () => proxy.outbound.connections === 0);
});
