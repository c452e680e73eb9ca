import { beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock, settle } from '../../proxy/base/testing/fake-clock.ts';
import type { Hello, OperatorMessage, ProxyMessage } from '../../proxy/contract/stream.ts';
import { createDistributor, type Distributor } from './distribute.ts';
import type { Authenticate, TokenIdentity } from './hello.ts';
import { affected, FakeMesh } from './testing/fake-mesh.ts';
import { ScriptedWire } from './testing/scripted-wire.ts';

const KEY = 'service/shop/payment';
const IDENTITY = 'spiffe://cluster.local/ns/shop/sa/order';
const POD: TokenIdentity = { namespace: 'shop', serviceAccount: 'order', podName: 'order-1', podUid: 'u1' };

let clock: FakeClock;
let mesh: FakeMesh;
let changes: number;
let authenticate: Authenticate;
let distributor: Distributor;

beforeEach(() => {
  clock = new FakeClock();
  mesh = new FakeMesh();
  mesh.pods.set('u1', 'ready');
  changes = 0;
  authenticate = () => Promise.resolve({ ok: true, pod: POD });
  distributor = createDistributor({
    world: mesh,
    compile: mesh.compiler,
    stateOf: mesh.stateOf,
    authenticate: (token) => authenticate(token),
    operator: 'operator-0',
    log: silentLog,
    onLedgerChange: () => {
      changes++;
    },
    clock,
    random: () => 0.5,
  });
});

function hello(part: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    contract: 1,
    proxyVersion: '0.1.0',
    features: [],
    token: 'secret',
    pod: { namespace: 'shop', name: 'order-1', uid: 'u1', addresses: ['10.1.0.7'] },
    epoch: 1,
    held: [],
    ...part,
  };
}

function accept(identity = IDENTITY): ScriptedWire {
  const wire = new ScriptedWire(identity);
  distributor.acceptWire(wire);
  return wire;
}

async function open(part: Partial<Hello> = {}): Promise<ScriptedWire> {
  const wire = accept();
  wire.deliver(hello(part));
  await settle();
  return wire;
}

const goaways = (wire: ScriptedWire): string[] => wire.ofType('goaway').map((one) => one.reason);
const updates = (wire: ScriptedWire): string[] => wire.ofType('update').map((one) => `${one.seq} ${one.key}`);

function change(part: Parameters<typeof affected>[0]): void {
  distributor.worldChanged(affected(part));
  clock.advance(20);
}

describe('greeting', () => {
  test('hello is answered by welcome, the address table and the workload', async () => {
    const wire = await open();
    expect(wire.sent.map((one) => one.type)).toEqual(['welcome', 'addresses', 'update']);
    expect(updates(wire)).toEqual(['1 workload']);
  });

  test('no hello within 5 s', () => {
    const wire = accept();
    clock.advance(4_999);
    expect(wire.ended).toBe(false);
    clock.advance(1);
    expect(goaways(wire)).toEqual(['hello_timeout']);
    expect(distributor.streams).toBe(0);
  });

  test.each<[string, ProxyMessage | string, string]>([
    ['another message first', { type: 'pong', id: 1 }, 'malformed'],
    ['no JSON', '{', 'malformed'],
    ['a list', '[]', 'malformed'],
    ['a hello without a token', JSON.stringify({ ...hello(), token: undefined }), 'malformed'],
    ['a newer contract', hello({ contract: 2 }), 'contract_version'],
    ['contract 0', hello({ contract: 0 }), 'contract_version'],
    ['another pod of the same service account', hello({ pod: { ...hello().pod, uid: 'u2' } }), 'identity_mismatch'],
    ['another namespace', hello({ pod: { ...hello().pod, namespace: 'bank' } }), 'identity_mismatch'],
    [
      'more held keys than anyone may',
      JSON.stringify({ ...hello(), held: new Array(10_001).fill({ key: KEY, version: 'v' }) }),
      'malformed',
    ],
  ])('%s is refused', async (_name, message, reason) => {
    const wire = accept();
    if (typeof message === 'string') wire.deliverText(message);
    else wire.deliver(message);
    await settle();
    expect(goaways(wire)).toEqual([reason]);
    expect(wire.ofType('update')).toEqual([]);
    expect(distributor.ledger.size).toBe(0);
  });

  test.each([
    ['another service account', 'spiffe://cluster.local/ns/shop/sa/fraud'],
    ['another namespace', 'spiffe://cluster.local/ns/bank/sa/order'],
    ['no identity', ''],
  ])('a token that disagrees with the certificate: %s', async (_name, identity) => {
    const wire = accept(identity);
    wire.deliver(hello());
    await settle();
    expect(goaways(wire)).toEqual(['identity_mismatch']);
  });

  test('a token that the API server refuses', async () => {
    authenticate = () => Promise.resolve({ ok: false, reason: 'TokenInvalid', message: 'expired' });
    expect(goaways(await open())).toEqual(['token_invalid']);
  });

  test('an API server that cannot be asked', async () => {
    authenticate = () => Promise.reject(new Error('no route'));
    expect(goaways(await open())).toEqual(['internal']);
  });

  test('a token that is never answered for', async () => {
    authenticate = () => new Promise(() => {});
    const wire = await open();
    clock.advance(30_000);
    expect(goaways(wire)).toEqual(['overloaded']);
    expect(clock.pending).toBe(1);
  });

  test('what comes in one read with the hello is not lost', async () => {
    const wire = accept();
    wire.deliver(hello());
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    expect(wire.reading).toBe(false);
    await settle();
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
    expect(wire.reading).toBe(true);
  });

  test('a pod that is gone gets nothing', async () => {
    mesh.pods.set('u1', 'gone');
    expect(goaways(await open())).toEqual(['pod_gone']);
  });
});

describe('one stream a pod', () => {
  test('a higher epoch replaces the older stream', async () => {
    const old = await open({ epoch: 1, instance: 'i' });
    const young = await open({ epoch: 2, instance: 'i' });
    expect(goaways(old)).toEqual(['superseded']);
    expect(goaways(young)).toEqual([]);
    expect(distributor.ledger.record('u1')?.connected).toBe(true);
  });

  test('a lower epoch of the same process is refused', async () => {
    const young = await open({ epoch: 2, instance: 'i' });
    const old = await open({ epoch: 1, instance: 'i' });
    expect(goaways(old)).toEqual(['superseded']);
    expect(goaways(young)).toEqual([]);
  });

  test('a restarted process begins at 1 again and replaces', async () => {
    const old = await open({ epoch: 7, instance: 'i' });
    await open({ epoch: 1, instance: 'j' });
    expect(goaways(old)).toEqual(['superseded']);
  });

  test('a silent stream loses whatever its epoch', async () => {
    const old = await open({ epoch: 7, instance: 'i' });
    clock.advance(11_000);
    const young = await open({ epoch: 3, instance: 'i' });
    expect(goaways(old)).toEqual(['superseded']);
    expect(goaways(young)).toEqual([]);
  });
});

describe('an open stream', () => {
  test('pings every 3 s while it is answered', async () => {
    const wire = await open();
    clock.advance(3_000);
    wire.deliver({ type: 'pong', id: 1 });
    clock.advance(3_000);
    expect(wire.ofType('ping').map((one) => one.id)).toEqual([1, 2]);
    clock.advance(9_000);
    expect(wire.ofType('ping').length).toBe(2);
  });

  test('silent for 10 s: unreachable in the ledger; for 60 s: closed', async () => {
    const wire = await open();
    clock.advance(9_000);
    expect(distributor.ledger.record('u1')?.reachable).toBe(true);
    clock.advance(2_000);
    expect(distributor.ledger.record('u1')?.reachable).toBe(false);
    clock.advance(52_000);
    expect(goaways(wire)).toEqual(['silent']);
    expect(distributor.ledger.record('u1')?.connected).toBe(false);
  });

  test('equal content is not sent again after a reconnect, its provenance is', async () => {
    mesh.policy('p', [KEY]);
    const first = await open();
    first.deliver({ type: 'subscribe', keys: [KEY] });
    const version = first.ofType('update').find((one) => one.key === KEY)?.version ?? '';
    first.drop();
    const second = await open({ epoch: 2, held: [{ key: KEY, version }] });
    const update = second.ofType('update').find((one) => one.key === KEY);
    expect(update?.content).toBeUndefined();
    expect(update?.provenance).toEqual(mesh.provenance(KEY));
  });

  test('a new generation with equal content travels as provenance only', async () => {
    const policy = mesh.policy('p', [KEY]);
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.deliver({ type: 'ack', seq: 1 });
    wire.deliver({ type: 'ack', seq: 2 });
    policy.generation = 2;
    change({ keys: new Set([KEY]), policies: new Set(['p']) });
    const [, , third] = wire.ofType('update');
    expect(third?.content).toBeUndefined();
    expect(third?.provenance[0]?.generation).toBe(2);
  });

  test('an unanswered update is followed by content, not by provenance alone', async () => {
    const policy = mesh.policy('p', [KEY]);
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    policy.generation = 2;
    change({ keys: new Set([KEY]), policies: new Set(['p']) });
    expect(wire.ofType('update')[2]?.content).toBeDefined();
  });

  test('a change that changes nothing here sends nothing', async () => {
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    change({ keys: new Set([KEY]) });
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
  });

  test('changes within 20 ms are one push', async () => {
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    for (let at = 1; at <= 10; at++) {
      mesh.endpoints.set(KEY, at);
      distributor.worldChanged(affected({ keys: new Set([KEY]) }));
      clock.advance(1);
    }
    clock.advance(10);
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`, `3 ${KEY}`]);
    expect(distributor.stats.latencyMaxMs).toBe(20);
  });

  test('nothing is compiled for a full socket; one push follows when it drains', async () => {
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.writable = false;
    const compiled = mesh.compiles;
    for (let at = 1; at <= 50; at++) {
      mesh.endpoints.set(KEY, at);
      change({ keys: new Set([KEY]) });
    }
    expect(mesh.compiles).toBe(compiled);
    expect(updates(wire).length).toBe(2);
    wire.setWritable(true);
    expect(updates(wire).slice(2)).toEqual([`3 ${KEY}`]);
  });

  test('a refused update is tried again after a growing delay, a repaired one at once', async () => {
    const policy = mesh.policy('p', [KEY]);
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.deliver({ type: 'nack', seq: 2, errors: [{ path: 'ports', message: 'bad' }] });
    expect(updates(wire).length).toBe(2);
    clock.advance(749);
    expect(updates(wire).length).toBe(2);
    clock.advance(1);
    expect(updates(wire).length).toBe(3);
    wire.deliver({ type: 'nack', seq: 3, errors: [] });
    mesh.endpoints.set(KEY, 1);
    change({ keys: new Set([KEY]) });
    expect(updates(wire).length).toBe(3);
    policy.generation = 2;
    change({ keys: new Set([KEY]), policies: new Set(['p']) });
    expect(updates(wire).length).toBe(4);
  });

  test('a refused provenance-only update is followed by its content at once', async () => {
    const wire = await open({ held: [{ key: KEY, version: 'x' }] });
    const version = wire.ofType('update').find((one) => one.key === KEY)?.version ?? '';
    wire.drop();
    const second = await open({ epoch: 2, held: [{ key: KEY, version }] });
    const bare = second.ofType('update').find((one) => one.key === KEY);
    expect(bare?.content).toBeUndefined();
    second.deliver({ type: 'nack', seq: bare?.seq ?? 0, errors: [{ path: '', message: 'not held' }] });
    expect(second.ofType('update').at(-1)?.content).toBeDefined();
  });

  test('a key that nobody knows yet is sent when the world knows it', async () => {
    const pod = 'pod/10.1.2.3';
    mesh.unknownKeys.add(pod);
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [pod] });
    expect(updates(wire)).toEqual(['1 workload']);
    mesh.unknownKeys.delete(pod);
    change({ keys: new Set([pod]) });
    expect(updates(wire)).toEqual(['1 workload', `2 ${pod}`]);
  });

  test('a key that cannot be compiled keeps what the proxy has, and is tried again', async () => {
    const wire = await open();
    mesh.failing.add(KEY);
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    expect(updates(wire)).toEqual(['1 workload']);
    mesh.failing.delete(KEY);
    clock.advance(5_000);
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
  });

  test('address tables travel as differences', async () => {
    mesh.addresses = { '10.0.0.1': KEY, '10.0.0.2': 'service/shop/fraud' };
    const wire = await open();
    const [whole] = wire.ofType('addresses');
    expect(whole?.base).toBeUndefined();
    mesh.addresses = { '10.0.0.1': KEY, '10.0.0.3': 'service/shop/stock' };
    change({ addresses: true });
    const difference = wire.ofType('addresses')[1];
    expect(difference).toMatchObject({
      base: whole?.version,
      set: { '10.0.0.3': 'service/shop/stock' },
      remove: ['10.0.0.2'],
    });
    wire.drop();
    const second = await open({ epoch: 2, addresses: difference?.version ?? '' });
    expect(second.ofType('addresses')).toEqual([]);
  });

  test('a replica hears what the others of its workload use', async () => {
    const first = await open();
    first.deliver({ type: 'subscribe', keys: [KEY, 'pod/10.1.0.9'] });
    mesh.pods.set('u2', 'ready');
    authenticate = () => Promise.resolve({ ok: true, pod: { ...POD, podName: 'order-2', podUid: 'u2' } });
    const second = await open({ pod: { ...hello().pod, name: 'order-2', uid: 'u2' } });
    const workload = second.ofType('update').find((one) => one.key === 'workload');
    expect(workload?.content).toMatchObject({ preload: [KEY] });
  });

  test.each<[string, (wire: ScriptedWire) => void, string]>([
    ['a second hello', (wire) => wire.deliver(hello()), 'malformed'],
    ['an ack of what was never sent', (wire) => wire.deliver({ type: 'ack', seq: 99 }), 'malformed'],
    ['an ack of 0', (wire) => wire.deliver({ type: 'ack', seq: 0 }), 'malformed'],
    [
      'a report of what was never sent',
      (wire) => wire.deliver({ type: 'report', inForce: 99, draining: 0 }),
      'malformed',
    ],
    [
      'more keys in a message than allowed',
      (wire) => wire.deliver({ type: 'subscribe', keys: new Array<string>(1_001).fill(KEY) }),
      'malformed',
    ],
    ['a broken frame', (wire) => wire.receiver?.onBroken(new Error('cut')), 'internal'],
    [
      'a flood of subscriptions',
      (wire) => {
        for (let at = 0; at < 2_001; at++) wire.deliver({ type: 'unsubscribe', keys: [KEY] });
      },
      'flooding',
    ],
    [
      'a flood of repeated acks',
      (wire) => {
        for (let at = 0; at < 2_002; at++) wire.deliver({ type: 'ack', seq: 1 });
      },
      'flooding',
    ],
    [
      'a flood of reports',
      (wire) => {
        for (let at = 0; at < 2_001; at++) wire.deliver({ type: 'report', inForce: 0, draining: 1 });
      },
      'flooding',
    ],
  ])('%s ends the stream', async (_name, act, reason) => {
    const wire = await open();
    act(wire);
    expect(goaways(wire)).toEqual([reason]);
    expect(distributor.streams).toBe(0);
  });

  test('unknown messages, members and kinds of key are ignored', async () => {
    const wire = await open();
    wire.deliverText(JSON.stringify({ type: 'telemetry', anything: 1 }));
    wire.deliverText(JSON.stringify({ type: 'subscribe', keys: ['future/thing', 'service/../etc', KEY], more: true }));
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
    expect(wire.ended).toBe(false);
  });

  test('no proxy holds more than 10,000 keys', async () => {
    const wire = await open();
    for (let page = 0; page < 11; page++) {
      const keys = Array.from({ length: 1_000 }, (_, at) => `pod/10.${page}.${at >> 8}.${at & 255}`);
      wire.deliver({ type: 'subscribe', keys });
    }
    expect(distributor.ledger.record('u1')?.entries.size).toBe(10_000);
    expect(wire.ofType('update').length).toBe(512);
  });
});

describe('the end', () => {
  test('a stream that ends gives everything back', async () => {
    const wire = await open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.drop();
    expect(distributor.streams).toBe(0);
    expect(clock.pending).toBe(1);
    expect(distributor.ledger.size).toBe(1);
  });

  test('a pod that is gone is told so and forgotten', async () => {
    const wire = await open();
    mesh.pods.set('u1', 'gone');
    clock.advance(1_000);
    expect(goaways(wire)).toEqual(['pod_gone']);
    expect(distributor.ledger.size).toBe(0);
  });

  test('without the lead every stream is sent to the leader, new ones too, and the ledger is forgotten', async () => {
    const wire = await open();
    distributor.goaway('operator-1:19810');
    const late = accept();
    const leaders = [wire, late].map((one) => one.ofType('goaway')[0]);
    const expected: OperatorMessage = { type: 'goaway', reason: 'not_leader', leader: 'operator-1:19810' };
    expect(leaders).toEqual([expected, expected]);
    expect(distributor.ledger.size).toBe(0);
    distributor.lead();
    expect(goaways(await open({ epoch: 2 }))).toEqual([]);
  });

  test('stop ends streams and leaves no timer', async () => {
    const wire = await open();
    distributor.stop();
    expect(goaways(wire)).toEqual(['shutting_down']);
    expect(clock.pending).toBe(0);
  });
});

test('the ledger is told of once a push, and never in its middle', async () => {
  const wire = await open();
  wire.deliver({ type: 'subscribe', keys: [KEY] });
  const before = changes;
  mesh.endpoints.set(KEY, 5);
  distributor.worldChanged(affected({ keys: new Set([KEY]), policies: new Set(['p']) }));
  expect(distributor.isPending('p')).toBe(true);
  clock.advance(20);
  expect(distributor.isPending('p')).toBe(false);
  expect(changes).toBe(before + 1);
});
