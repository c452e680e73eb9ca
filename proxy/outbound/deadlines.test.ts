import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { type Answer, call, rawClient } from '../inbound/testing/apps.ts';
import { NO_RETRIES } from '../inbound/testing/configuration.ts';
import { app, configure, KEY, server, side, timeouts } from './testing/order.ts';

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
    // At most the sweep of idle connections, and the one timer of all requests with this limit: neither is begun anew for nothing.
    expect(clock.pending).toBeLessThanOrEqual(2);
    clock.advance(20_000);
    expect(clock.pending).toBe(0);
  });
});
