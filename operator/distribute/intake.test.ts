import { beforeEach, describe, expect, test } from '@jest/globals';
import { decodeOperatorMessage } from '../../proxy/contract/decode.ts';
import { affected } from './testing/fake-mesh.ts';
import type { ScriptedWire } from './testing/scripted-wire.ts';
import { goaways, hello, KEY, POD, SessionRig, updates } from './testing/session-rig.ts';

let rig: SessionRig;

beforeEach(() => {
  rig = new SessionRig();
});

describe('an open stream', () => {
  test('pings every 3 s while it is answered', async () => {
    const wire = await rig.open();
    rig.clock.advance(3_000);
    wire.deliver({ type: 'pong', id: 1 });
    rig.clock.advance(3_000);
    expect(wire.ofType('ping').map((one) => one.id)).toEqual([1, 2]);
    rig.clock.advance(9_000);
    expect(wire.ofType('ping').length).toBe(2);
  });

  test('silent for 10 s: unreachable in the ledger; for 60 s: closed', async () => {
    const wire = await rig.open();
    rig.clock.advance(9_000);
    expect(rig.distributor.ledger.record('u1')?.reachable).toBe(true);
    rig.clock.advance(2_000);
    expect(rig.distributor.ledger.record('u1')?.reachable).toBe(false);
    rig.clock.advance(52_000);
    expect(goaways(wire)).toEqual(['silent']);
    expect(rig.distributor.ledger.record('u1')?.connected).toBe(false);
  });

  test('equal content is not sent again after a reconnect, its provenance is', async () => {
    rig.mesh.policy('p', [KEY]);
    const first = await rig.open();
    first.deliver({ type: 'subscribe', keys: [KEY] });
    const version = first.ofType('update').find((one) => one.key === KEY)?.version ?? '';
    first.drop();
    const second = await rig.open({ epoch: 2, held: [{ key: KEY, version }] });
    const update = second.ofType('update').find((one) => one.key === KEY);
    expect(update?.content).toBeUndefined();
    expect(update?.provenance).toEqual(rig.mesh.provenance(KEY));
  });

  test('a new generation with equal content travels as provenance only', async () => {
    const policy = rig.mesh.policy('p', [KEY]);
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.deliver({ type: 'ack', seq: 1 });
    wire.deliver({ type: 'ack', seq: 2 });
    policy.generation = 2;
    rig.change({ keys: new Set([KEY]), policies: new Set(['p']) });
    const [, , third] = wire.ofType('update');
    expect(third?.content).toBeUndefined();
    expect(third?.provenance[0]?.generation).toBe(2);
  });

  test('an unanswered update is followed by content, not by provenance alone', async () => {
    const policy = rig.mesh.policy('p', [KEY]);
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    policy.generation = 2;
    rig.change({ keys: new Set([KEY]), policies: new Set(['p']) });
    expect(wire.ofType('update')[2]?.content).toBeDefined();
  });

  test('a change that changes nothing here sends nothing', async () => {
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    rig.change({ keys: new Set([KEY]) });
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
  });

  test('changes within 20 ms are one push', async () => {
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    for (let at = 1; at <= 10; at++) {
      rig.mesh.endpoints.set(KEY, at);
      rig.distributor.worldChanged(affected({ keys: new Set([KEY]) }));
      rig.clock.advance(1);
    }
    rig.clock.advance(10);
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`, `3 ${KEY}`]);
    expect(rig.distributor.stats.latencyMaxMs).toBe(20);
  });

  test('nothing is compiled for a full socket; one push follows when it drains', async () => {
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.writable = false;
    const compiled = rig.mesh.compiles;
    for (let at = 1; at <= 50; at++) {
      rig.mesh.endpoints.set(KEY, at);
      rig.change({ keys: new Set([KEY]) });
    }
    expect(rig.mesh.compiles).toBe(compiled);
    expect(updates(wire).length).toBe(2);
    wire.setWritable(true);
    expect(updates(wire).slice(2)).toEqual([`3 ${KEY}`]);
  });

  test('a refused update is tried again after a growing delay, a repaired one at once', async () => {
    const policy = rig.mesh.policy('p', [KEY]);
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.deliver({ type: 'nack', seq: 2, errors: [{ path: 'ports', message: 'bad' }] });
    expect(updates(wire).length).toBe(2);
    rig.clock.advance(749);
    expect(updates(wire).length).toBe(2);
    rig.clock.advance(1);
    expect(updates(wire).length).toBe(3);
    wire.deliver({ type: 'nack', seq: 3, errors: [] });
    rig.mesh.endpoints.set(KEY, 1);
    rig.change({ keys: new Set([KEY]) });
    expect(updates(wire).length).toBe(3);
    policy.generation = 2;
    rig.change({ keys: new Set([KEY]), policies: new Set(['p']) });
    expect(updates(wire).length).toBe(4);
  });

  test('a refused provenance-only update is followed by its content at once', async () => {
    const wire = await rig.open({ held: [{ key: KEY, version: 'x' }] });
    const version = wire.ofType('update').find((one) => one.key === KEY)?.version ?? '';
    wire.drop();
    const second = await rig.open({ epoch: 2, held: [{ key: KEY, version }] });
    const bare = second.ofType('update').find((one) => one.key === KEY);
    expect(bare?.content).toBeUndefined();
    second.deliver({ type: 'nack', seq: bare?.seq ?? 0, errors: [{ path: '', message: 'not held' }] });
    expect(second.ofType('update').at(-1)?.content).toBeDefined();
  });

  test('a key that nobody knows yet is sent when the world knows it', async () => {
    const pod = 'pod/10.1.2.3';
    rig.mesh.unknownKeys.add(pod);
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [pod] });
    expect(updates(wire)).toEqual(['1 workload']);
    rig.mesh.unknownKeys.delete(pod);
    rig.change({ keys: new Set([pod]) });
    expect(updates(wire)).toEqual(['1 workload', `2 ${pod}`]);
  });

  test('a key that cannot be compiled keeps what the proxy has, and is tried again', async () => {
    const wire = await rig.open();
    rig.mesh.failing.add(KEY);
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    expect(updates(wire)).toEqual(['1 workload']);
    rig.mesh.failing.delete(KEY);
    rig.clock.advance(5_000);
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
  });

  test('a key that cannot be compiled is not tried anew for each proxy that holds it', async () => {
    const wire = await rig.open();
    rig.mesh.failing.add(KEY);
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    const tried = rig.mesh.compiles;
    for (let at = 0; at < 10; at++) {
      wire.deliver({ type: 'unsubscribe', keys: [KEY] });
      wire.deliver({ type: 'subscribe', keys: [KEY] });
    }
    expect(rig.mesh.compiles).toBe(tried);
    rig.mesh.failing.delete(KEY);
    rig.change({ keys: new Set([KEY]) });
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
  });

  test('more policies than an update can name keep that key from being sent, and no other', async () => {
    for (let at = 0; at < 1_001; at++) rig.mesh.policy(`p${at}`, [KEY]);
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY, 'service/shop/fraud'] });
    expect(updates(wire)).toEqual(['1 workload', '2 service/shop/fraud']);
    rig.mesh.policies.delete('p7');
    rig.change({ keys: new Set([KEY]), policies: new Set(['p7']) });
    const [update] = wire.ofType('update').slice(2);
    expect(decodeOperatorMessage(update)).toMatchObject({ ok: true });
  });

  test('an address table that fits no message disturbs nobody; a smaller one is sent whole', async () => {
    const wire = await rig.open();
    const [whole] = wire.ofType('addresses');
    const name = 'x'.repeat(1024 * 1024);
    const many = Array.from({ length: 17 }, (_, at) => `10.0.0.${at}`);
    rig.mesh.addresses = Object.fromEntries(many.map((address) => [address, name]));
    rig.change({ addresses: true });
    expect(wire.ofType('addresses').length).toBe(1);
    expect(wire.ended).toBe(false);
    rig.mesh.addresses = { '10.0.0.1': KEY };
    rig.change({ addresses: true });
    expect(wire.ofType('addresses')[1]).toMatchObject({ base: whole?.version, set: { '10.0.0.1': KEY } });
  });

  test('address tables travel as differences', async () => {
    rig.mesh.addresses = { '10.0.0.1': KEY, '10.0.0.2': 'service/shop/fraud' };
    const wire = await rig.open();
    const [whole] = wire.ofType('addresses');
    expect(whole?.base).toBeUndefined();
    rig.mesh.addresses = { '10.0.0.1': KEY, '10.0.0.3': 'service/shop/stock' };
    rig.change({ addresses: true });
    const difference = wire.ofType('addresses')[1];
    expect(difference).toMatchObject({
      base: whole?.version,
      set: { '10.0.0.3': 'service/shop/stock' },
      remove: ['10.0.0.2'],
    });
    wire.drop();
    const second = await rig.open({ epoch: 2, addresses: difference?.version ?? '' });
    expect(second.ofType('addresses')).toEqual([]);
  });

  test('a replica hears what the others of its workload use', async () => {
    const first = await rig.open();
    first.deliver({ type: 'subscribe', keys: [KEY, 'pod/10.1.0.9'] });
    rig.mesh.pods.set('u2', 'ready');
    rig.authenticate = () => Promise.resolve({ ok: true, pod: { ...POD, podName: 'order-2', podUid: 'u2' } });
    const second = await rig.open({ pod: { ...hello().pod, name: 'order-2', uid: 'u2' } });
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
    const wire = await rig.open();
    act(wire);
    expect(goaways(wire)).toEqual([reason]);
    expect(rig.distributor.streams).toBe(0);
  });

  test('unknown messages, members and kinds of key are ignored', async () => {
    const wire = await rig.open();
    wire.deliverText(JSON.stringify({ type: 'telemetry', anything: 1 }));
    wire.deliverText(JSON.stringify({ type: 'subscribe', keys: ['future/thing', 'service/../etc', KEY], more: true }));
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
    expect(wire.ended).toBe(false);
  });

  test('keys in a loop end the stream, though the messages are few', async () => {
    const wire = await rig.open();
    const keys = Array.from({ length: 1_000 }, (_, at) => `pod/10.0.${at >> 8}.${at & 255}`);
    for (let round = 0; round < 13; round++) {
      wire.deliver({ type: 'subscribe', keys });
      wire.deliver({ type: 'unsubscribe', keys });
    }
    expect(goaways(wire)).toEqual(['flooding']);
  });

  test('no proxy holds more than 10,000 keys', async () => {
    const wire = await rig.open();
    for (let page = 0; page < 11; page++) {
      const keys = Array.from({ length: 1_000 }, (_, at) => `pod/10.${page}.${at >> 8}.${at & 255}`);
      wire.deliver({ type: 'subscribe', keys });
    }
    expect(rig.distributor.ledger.record('u1')?.entries.size).toBe(10_000);
    expect(wire.ofType('update').length).toBe(512);
  });
});
