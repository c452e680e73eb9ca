import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../base/log.ts';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { seededRandom } from '../base/testing/wait.ts';
import { Cell } from '../base/watch.ts';
import type { Hello } from '../contract/stream.ts';
import type { Credentials } from '../tls/credentials.ts';
import { createStreamClient, type StreamClient } from './stream-client.ts';
import { createScriptedOperator, type ScriptedOperator, type ScriptedStream } from './testing/scripted-link.ts';

const CREDENTIALS: Credentials = {
  identity: 'spiffe://cluster.local/ns/shop/sa/payment',
  trustDomain: 'cluster.local',
  keyPem: '',
  chainPem: '',
  rootsPem: '',
  notBefore: 0,
  notAfter: 1,
};

function makeHello(epoch: number): Hello {
  return {
    type: 'hello',
    contract: 1,
    proxyVersion: '0',
    features: [],
    token: 't',
    pod: { namespace: 'shop', name: 'p', uid: 'u', addresses: [] },
    epoch,
    held: [],
  };
}

function start(random = () => 0.5): {
  clock: FakeClock;
  operator: ScriptedOperator;
  client: StreamClient;
  credentials: Cell<Credentials | undefined>;
  events: string[];
  last: () => ScriptedStream;
} {
  const clock = new FakeClock();
  const operator = createScriptedOperator();
  const credentials = new Cell<Credentials | undefined>(CREDENTIALS);
  const events: string[] = [];
  const client = createStreamClient({
    target: 'operator:19810',
    credentials,
    open: operator.open,
    clock,
    random,
    log: silentLog,
    hello: (epoch) => Promise.resolve(makeHello(epoch)),
    handler: {
      onConnected: (hello) => events.push(`connected ${hello.epoch}`),
      onDisconnected: () => events.push('disconnected'),
      onMessage: (message) => events.push(message.type),
      onBatchEnd: () => events.push('batch'),
    },
  });
  client.start();
  return { clock, operator, client, credentials, events, last: () => operator.streams.at(-1)! };
}

const welcome = { type: 'welcome', operator: 'operator-0' } as const;

describe('stream client', () => {
  test('hello, welcome, messages, pong', async () => {
    const { client, last, events } = start();
    await settle();
    expect(client.state.kind).toBe('greeting');
    expect(client.send({ type: 'ack', seq: 1 })).toBe(false);
    last().deliver(
      welcome,
      { type: 'ping', id: 7 },
      { type: 'update', seq: 1, key: 'workload', version: 'a', provenance: [], mustUnderstand: [] },
    );
    expect(events).toEqual(['connected 1', 'update', 'batch']);
    expect(last().sent.map((message) => message.type)).toEqual(['hello', 'pong']);
    expect(client.send({ type: 'ack', seq: 1 })).toBe(true);
  });

  test('without a certificate it waits for one', async () => {
    const { client, credentials, operator } = start();
    await settle();
    client.stop();
    credentials.set(undefined);
    client.start();
    expect(client.state.kind).toBe('no-identity');
    credentials.set(CREDENTIALS);
    await settle();
    expect(client.state.kind).toBe('greeting');
    expect(operator.attempts).toHaveLength(2);
  });

  test('unreachable: comes again for ever, 100 ms doubled to 5 s, never at once', async () => {
    const { clock, operator, client } = start(seededRandom(3));
    operator.reachable = false;
    await settle();
    (client.state as { link?: { close(): void } }).link?.close();
    await settle();
    const times: number[] = [];
    let seen = operator.attempts.length;
    for (let at = 0; at < 60_000; at += 10) {
      await clock.advanceSettling(10);
      if (operator.attempts.length > seen) times.push(clock.now());
      seen = operator.attempts.length;
    }
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_020);
    expect(gaps.slice(-5).every((gap) => gap >= 2_500)).toBe(true);
    operator.reachable = true;
    await clock.advanceSettling(5_100, 100);
    expect(client.state.kind).toBe('greeting');
  });

  test('follows the leader at once, and goes home when that one fails', async () => {
    const { clock, operator, client, last } = start();
    await settle();
    last().deliver({ type: 'goaway', reason: 'not_leader', leader: '10.0.0.9:19810' });
    await settle();
    expect(operator.attempts).toEqual(['operator:19810', '10.0.0.9:19810']);
    last().end(new Error('gone'));
    expect(client.state).toMatchObject({ kind: 'waiting', failures: 1 });
    await clock.advanceSettling(200);
    expect(operator.attempts.at(-1)).toBe('operator:19810');
  });

  test('two that point at each other are not followed in a circle', async () => {
    const { operator, client, last } = start();
    for (let hop = 0; hop < 10 && client.state.kind !== 'waiting'; hop++) {
      await settle();
      last().deliver({ type: 'goaway', reason: 'not_leader', leader: `10.0.0.${hop % 2}:1` });
    }
    expect(client.state.kind).toBe('waiting');
    expect(operator.attempts).toHaveLength(4);
  });

  test('a silent operator is left after 15 s, one that pings is not', async () => {
    const { clock, client, last, events } = start();
    await settle();
    last().deliver(welcome);
    for (let id = 1; id < 20; id++) {
      clock.advance(3_000);
      last().deliver({ type: 'ping', id });
    }
    expect(client.state.kind).toBe('connected');
    clock.advance(14_900);
    expect(client.state.kind).toBe('connected');
    clock.advance(101);
    expect(client.state).toMatchObject({ kind: 'waiting', failures: 1 });
    expect(events.at(-1)).toBe('disconnected');
    expect(last().closed).toBe(true);
  });

  test('no welcome, or another message first, ends the stream', async () => {
    const late = start();
    await settle();
    late.clock.advance(35_001);
    expect(late.client.state.kind).toBe('waiting');
    const wrong = start();
    await settle();
    wrong.last().deliver({ type: 'ping', id: 1 });
    expect(wrong.client.state.kind).toBe('waiting');
    expect(wrong.events).toEqual([]);
  });

  test('epochs grow, late events of an old stream are ignored', async () => {
    const { clock, operator, events, last } = start();
    await settle();
    last().deliver(welcome);
    const old = last();
    old.end();
    await clock.advanceSettling(300);
    last().deliver(welcome);
    old.deliver({ type: 'goaway', reason: 'late' });
    old.end();
    expect(events).toEqual(['connected 1', 'batch', 'disconnected', 'connected 2', 'batch']);
    expect(operator.streams.map((stream) => (stream.sent[0] as Hello).epoch)).toEqual([1, 2]);
  });

  test('streams that end right after the welcome still back off', async () => {
    const { clock, operator, last } = start(() => 0);
    for (let round = 0; round < 6; round++) {
      await settle();
      last().deliver(welcome);
      last().end();
      await clock.advanceSettling(100, 5);
    }
    expect(operator.attempts.length).toBeLessThanOrEqual(7);
  });

  test('stop closes, leaves no timer', async () => {
    const { clock, client, last } = start();
    await settle();
    last().deliver(welcome);
    client.stop();
    await settle();
    expect(last().closed).toBe(true);
    expect(clock.pending).toBe(0);
    expect(client.state.kind).toBe('stopped');
  });
});
