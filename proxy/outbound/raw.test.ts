import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import type { Dial } from '../balance/plain-connections.ts';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { rawClient } from '../inbound/testing/apps.ts';
import { service, servicePort } from '../inbound/testing/configuration.ts';
import { dial } from '../net/net.ts';
import { configure, KEY, server, side } from './testing/order.ts';

const endpoint = (port: number, changes: object = {}) => ({ address: '127.0.0.1', port, subsets: [], ...changes });

test('an opaque connection moves to another endpoint after 300 ms, once, and the slow dial is given up', async () => {
  const clock = new FakeClock();
  const backend = await server((socket) => void socket.on('end', () => socket.end()).write('hello'));
  const signals: AbortSignal[] = [];
  const slow: Dial = (options) => {
    signals.push(options.signal!);
    return signals.length === 1 ? new Promise<Socket>(() => {}) : dial(options);
  };
  const proxy = side({ clock, dial: slow });
  // Two addresses of this machine, so that they are two endpoints.
  const endpoints = [endpoint(backend.port), endpoint(backend.port, { pod: 'another' })];
  proxy.store.commit(proxy.store.prepare(KEY, service([servicePort(endpoints, { protocol: 'tcp' })])));
  const raw = rawClient(await proxy.redirect('10.96.0.1', 80));
  await until('the first dial', () => signals.length === 1);
  clock.advance(299);
  expect(signals).toHaveLength(1);
  clock.advance(1);
  await until('the greeting', () => raw.text === 'hello');
  expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
  expect([...proxy.store.endpoints.values()].map((state) => state.inflight).sort()).toEqual([0, 1]);
  raw.socket.end();
  await until('all given back', () => [...proxy.store.endpoints.values()].every((state) => state.inflight === 0));
});

test('a connection without a byte teaches nothing: who speaks first is still known', async () => {
  const clock = new FakeClock();
  const proxy = side({ clock });
  configure(proxy, await server((socket) => void socket.on('end', () => socket.end()).write('220 ready')));
  const port = await proxy.redirect('10.96.0.1', 80);
  const first = rawClient(port);
  await until('speculation', () => {
    clock.advance(10);
    return first.text !== '';
  });
  const scan = rawClient(port);
  scan.socket.end();
  await until('the end of the scan', () => scan.ended);
  const third = rawClient(port);
  // No time passes: the destination is connected at once.
  await until('the greeting', () => third.text === '220 ready');
  await settle();
});
