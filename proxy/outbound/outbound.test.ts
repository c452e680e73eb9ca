import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { podKey, type ServicePort, serviceKey } from '../contract/snapshot.ts';
import { type Answer, type App, call, httpApp, rawClient, tcpApp } from '../inbound/testing/apps.ts';
import { NO_RETRIES, NO_TIMEOUTS, service, servicePort, traffic } from '../inbound/testing/configuration.ts';
import { createSide, type Side, type SideOptions } from '../inbound/testing/side.ts';

const KEY = serviceKey('shop', 'payment');
const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0).reverse()) open.close();
});

function side(options: Partial<SideOptions> = {}): Side {
  const made = createSide({ name: 'order', ...options });
  closing.push(made);
  made.store.setAddresses({ ranges: ['10.0.0.0/8'], entries: { '10.96.0.1': KEY } });
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
function configure(proxy: Side, backend: App, changes: Partial<ServicePort> = {}): void {
  const endpoint = { address: '127.0.0.1', port: backend.port, subsets: [] };
  proxy.store.commit(proxy.store.prepare(KEY, service([servicePort([endpoint], changes)])));
}
const timeouts = (changes: Partial<typeof NO_TIMEOUTS>, retries = NO_RETRIES) => ({
  traffic: traffic({
    unmatched: { action: 'Forward' as const, timeouts: { ...NO_TIMEOUTS, ...changes }, retries },
  }),
});
const metric = (side: Side, ...parts: string[]): number =>
  side.metrics
    .text()
    .split('\n')
    .filter((line) => !line.startsWith('#') && parts.every((part) => line.includes(part)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);

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
      'direction="outbound",source_workload="order",source_namespace="shop",destination_workload="payment",destination_namespace="shop",code="200",reason=""';
    expect(metric(proxy, `heddle_requests_total{${labels}}`)).toBe(1);
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

describe('deadlines, by the clock', () => {
  /** Starts a call and lets the fake clock pass once the application holds the request. */
  async function timed(changes: Parameters<typeof timeouts>[0], retries = NO_RETRIES) {
    const clock = new FakeClock();
    const proxy = side({ clock });
    let arrived = 0;
    let begin: (() => void) | undefined;
    const backend = await app((request, response) => {
      arrived++;
      if (request.url === '/body') {
        response.write('some');
        begin = () => response.write('more');
      }
    });
    configure(proxy, backend, timeouts(changes, retries));
    const port = await proxy.redirect('10.96.0.1', 80);
    return { clock, proxy, port, arrived: () => arrived, begin: () => begin?.() };
  }
  const settled = (promise: Promise<Answer>): { answer: Answer | undefined } => {
    const state: { answer: Answer | undefined } = { answer: undefined };
    promise.then(
      (answer) => {
        state.answer = answer;
      },
      () => {},
    );
    return state;
  };

  test('request: 504 with its reason at its time, not before', async () => {
    const { clock, proxy, port, arrived } = await timed({ requestMs: 10_000 });
    const promise = call({ port });
    const state = settled(promise);
    await until('the request', () => arrived() === 1);
    await clock.advanceSettling(9_990, 1_000);
    expect(state.answer).toBeUndefined();
    clock.advance(10);
    const answer = await promise;
    expect(answer.status).toBe(504);
    expect(answer.headers['x-heddle-reason']).toBe('request_timeout');
    expect(proxy.lines).toMatchObject([{ status: 504, reason: 'request_timeout', durationMs: 10_000 }]);
  });

  test('perTry: each try has its own time; then 504 with its reason', async () => {
    const retries = { ...NO_RETRIES, attempts: 2, on: ['per-try-timeout' as const] };
    const { clock, port, arrived } = await timed({ perTryMs: 2_000, requestMs: 10_000 }, retries);
    const promise = call({ port });
    for (let count = 1; count <= 3; count++) {
      await until(`try ${count}`, () => arrived() === count);
      clock.advance(2_000);
      // The backoff (5 ms at most).
      clock.advance(5);
    }
    const answer = await promise;
    expect(answer.status).toBe(504);
    expect(answer.headers['x-heddle-reason']).toBe('per_try_timeout');
    expect(clock.now()).toBe(6_015);
    expect(arrived()).toBe(3);
  });

  test('request cuts a body that does not end, streamIdle one that does not move', async () => {
    const long = await timed({ requestMs: 5_000 });
    const raw = rawClient(long.port);
    raw.socket.write('GET /body HTTP/1.1\r\nhost: a\r\n\r\n');
    await until('the first piece', () => raw.text.includes('some'));
    long.clock.advance(5_000);
    await until('the end', () => raw.closed || raw.ended || raw.error !== undefined);
    expect(raw.text.endsWith('0\r\n\r\n')).toBe(false);

    const idle = await timed({ streamIdleMs: 4_000 });
    const slow = rawClient(idle.port);
    slow.socket.write('GET /body HTTP/1.1\r\nhost: a\r\n\r\n');
    await until('the first piece', () => slow.text.includes('some'));
    idle.clock.advance(3_000);
    idle.begin();
    await until('the second piece', () => slow.text.includes('more'));
    idle.clock.advance(3_000);
    expect(slow.closed).toBe(false);
    idle.clock.advance(2_000);
    await until('the end', () => slow.closed || slow.ended || slow.error !== undefined);
    expect(idle.proxy.lines).toMatchObject([{ reason: 'stream_idle_timeout' }]);
  });

  test.each([
    [
      'an upgrade',
      'upgrade: websocket\r\nconnection: upgrade\r\n',
      '101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade',
    ],
    ['an event stream', 'accept: text/event-stream\r\n', '200 OK\r\ncontent-type: text/event-stream'],
  ])('%s has no request timeout', async (_name, asks, answers) => {
    const clock = new FakeClock();
    const proxy = side({ clock });
    const open: Socket[] = [];
    const backend = await server((socket) => {
      open.push(socket);
      socket.once('data', () => socket.write(`HTTP/1.1 ${answers}\r\n\r\nbegun`));
    });
    configure(proxy, backend, { ...timeouts({ requestMs: 5_000, perTryMs: 1_000 }), protocol: 'http' });
    const raw = rawClient(await proxy.redirect('10.96.0.1', 80));
    raw.socket.write(`GET / HTTP/1.1\r\nhost: a\r\n${asks}\r\n`);
    await until('the answer', () => raw.text.includes('begun'));
    clock.advance(60_000);
    for (const socket of open) socket.write('later');
    await until('what comes later', () => raw.text.includes('later'));
    raw.socket.destroy();
  });

  test('nothing is left behind: timers, running requests', async () => {
    const clock = new FakeClock();
    const proxy = side({ clock });
    const backend = await app((_request, response) => response.end('ok'));
    configure(proxy, backend, timeouts({ requestMs: 10_000, perTryMs: 1_000, streamIdleMs: 500 }));
    const port = await proxy.redirect('10.96.0.1', 80);
    for (let count = 0; count < 5; count++) await call({ port });
    await until('connections closed', () => proxy.outbound.connections === 0);
    proxy.store.commit(proxy.store.prepare(KEY, { kind: 'absent' }));
    expect(proxy.store.draining()).toBe(0);
    // At most the sweep of idle connections, of this and of the codec.
    expect(clock.pending).toBeLessThanOrEqual(1);
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
    const proxy = side();
    proxy.store.setControlState('connected');
    const backend = await app((_request, response) => response.end('ok'));
    proxy.store.onWanted = () => setTimeout(() => configure(proxy, backend), 30);
    expect(await call({ port: await proxy.redirect('10.96.0.1', 80) })).toMatchObject({ status: 200, body: 'ok' });
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
