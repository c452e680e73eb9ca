import { beforeEach, describe, expect, test } from '@jest/globals';
import { settle } from '../../proxy/base/testing/fake-clock.ts';
import type { OperatorMessage, ProxyMessage } from '../../proxy/contract/stream.ts';
import { affected } from './testing/fake-mesh.ts';
import { goaways, hello, KEY, SessionRig, updates } from './testing/session-rig.ts';

let rig: SessionRig;

beforeEach(() => {
  rig = new SessionRig();
});

describe('greeting', () => {
  test('hello is answered by welcome, the address table and the workload', async () => {
    const wire = await rig.open();
    expect(wire.sent.map((one) => one.type)).toEqual(['welcome', 'addresses', 'update']);
    expect(updates(wire)).toEqual(['1 workload']);
  });

  test('no hello within 5 s', () => {
    const wire = rig.accept();
    rig.clock.advance(4_999);
    expect(wire.ended).toBe(false);
    rig.clock.advance(1);
    expect(goaways(wire)).toEqual(['hello_timeout']);
    expect(rig.distributor.streams).toBe(0);
  });

  test('one address has 32 streams that are not admitted yet, and admitted ones do not count', async () => {
    await rig.open();
    const waiting = Array.from({ length: 32 }, () => rig.accept());
    expect(goaways(rig.accept())).toEqual(['overloaded']);
    const elsewhere = rig.accept(undefined, '10.1.0.8');
    expect(goaways(elsewhere)).toEqual([]);
    waiting[0]?.drop();
    const next = await rig.open({ epoch: 2 });
    expect(next.ofType('welcome').length).toBe(1);
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
      JSON.stringify({ ...hello(), held: new Array(11_001).fill({ key: KEY, version: 'v' }) }),
      'malformed',
    ],
  ])('%s is refused', async (_name, message, reason) => {
    const wire = rig.accept();
    if (typeof message === 'string') wire.deliverText(message);
    else wire.deliver(message);
    await settle();
    expect(goaways(wire)).toEqual([reason]);
    expect(wire.ofType('update')).toEqual([]);
    expect(rig.distributor.ledger.size).toBe(0);
  });

  test.each([
    ['another service account', 'spiffe://cluster.local/ns/shop/sa/fraud'],
    ['another namespace', 'spiffe://cluster.local/ns/bank/sa/order'],
    ['no identity', ''],
  ])('a token that disagrees with the certificate: %s', async (_name, identity) => {
    const wire = rig.accept(identity);
    wire.deliver(hello());
    await settle();
    expect(goaways(wire)).toEqual(['identity_mismatch']);
  });

  test('a token that the API server refuses', async () => {
    rig.authenticate = () => Promise.resolve({ ok: false, reason: 'TokenInvalid', message: 'expired' });
    expect(goaways(await rig.open())).toEqual(['token_invalid']);
  });

  test('an API server that cannot be asked', async () => {
    rig.authenticate = () => Promise.reject(new Error('no route'));
    expect(goaways(await rig.open())).toEqual(['internal']);
  });

  test('a token that is never answered for', async () => {
    rig.authenticate = () => new Promise(() => {});
    const wire = await rig.open();
    rig.clock.advance(30_000);
    expect(goaways(wire)).toEqual(['overloaded']);
    expect(rig.clock.pending).toBe(1);
  });

  test('what comes in one read with the hello is not lost', async () => {
    const wire = rig.accept();
    wire.deliver(hello());
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    expect(wire.reading).toBe(false);
    await settle();
    expect(updates(wire)).toEqual(['1 workload', `2 ${KEY}`]);
    expect(wire.reading).toBe(true);
  });

  test('a pod that is gone gets nothing', async () => {
    rig.mesh.pods.set('u1', 'gone');
    expect(goaways(await rig.open())).toEqual(['pod_gone']);
  });
});

describe('one stream a pod', () => {
  test('a higher epoch replaces the older stream', async () => {
    const old = await rig.open({ epoch: 1, instance: 'i' });
    const young = await rig.open({ epoch: 2, instance: 'i' });
    expect(goaways(old)).toEqual(['superseded']);
    expect(goaways(young)).toEqual([]);
    expect(rig.distributor.ledger.record('u1')?.connected).toBe(true);
  });

  test('a lower epoch of the same process is refused', async () => {
    const young = await rig.open({ epoch: 2, instance: 'i' });
    const old = await rig.open({ epoch: 1, instance: 'i' });
    expect(goaways(old)).toEqual(['superseded']);
    expect(goaways(young)).toEqual([]);
  });

  test('a restarted process begins at 1 again and replaces', async () => {
    const old = await rig.open({ epoch: 7, instance: 'i' });
    await rig.open({ epoch: 1, instance: 'j' });
    expect(goaways(old)).toEqual(['superseded']);
  });

  test('a silent stream loses whatever its epoch', async () => {
    const old = await rig.open({ epoch: 7, instance: 'i' });
    rig.clock.advance(11_000);
    const young = await rig.open({ epoch: 3, instance: 'i' });
    expect(goaways(old)).toEqual(['superseded']);
    expect(goaways(young)).toEqual([]);
  });
});

describe('the end', () => {
  test('a stream that ends gives everything back', async () => {
    const wire = await rig.open();
    wire.deliver({ type: 'subscribe', keys: [KEY] });
    wire.drop();
    expect(rig.distributor.streams).toBe(0);
    expect(rig.clock.pending).toBe(1);
    expect(rig.distributor.ledger.size).toBe(1);
  });

  test('a pod that is gone is told so and forgotten', async () => {
    const wire = await rig.open();
    rig.mesh.pods.set('u1', 'gone');
    rig.clock.advance(1_000);
    expect(goaways(wire)).toEqual(['pod_gone']);
    expect(rig.distributor.ledger.size).toBe(0);
  });

  test('without the lead every stream is sent to the leader, new ones too, and the ledger is forgotten', async () => {
    const wire = await rig.open();
    rig.distributor.goaway('operator-1:19810');
    const late = rig.accept();
    const leaders = [wire, late].map((one) => one.ofType('goaway')[0]);
    const expected: OperatorMessage = { type: 'goaway', reason: 'not_leader', leader: 'operator-1:19810' };
    expect(leaders).toEqual([expected, expected]);
    expect(rig.distributor.ledger.size).toBe(0);
    rig.distributor.lead();
    expect(goaways(await rig.open({ epoch: 2 }))).toEqual([]);
  });

  test('a proxy that was full comes back with all that it holds, its own side too', async () => {
    const keys = Array.from({ length: 10_000 }, (_, at) => `pod/10.0.${at >> 8}.${at & 255}`);
    const held = ['workload', ...keys].map((key) => ({ key, version: 'v' }));
    const wire = await rig.open({ held });
    expect(goaways(wire)).toEqual([]);
    expect(rig.distributor.ledger.record('u1')?.entries.size).toBe(10_001);
  });

  test('a pod that opens streams in a loop is turned away, one that waits is taken', async () => {
    for (let epoch = 1; epoch <= 20; epoch++) expect(goaways(await rig.open({ epoch }))).toEqual([]);
    expect(goaways(await rig.open({ epoch: 21 }))).toEqual(['flooding']);
    rig.clock.advance(2_000);
    expect(goaways(await rig.open({ epoch: 22 }))).toEqual([]);
  });

  test('stop ends streams and leaves no timer', async () => {
    const wire = await rig.open();
    rig.distributor.stop();
    expect(goaways(wire)).toEqual(['shutting_down']);
    expect(rig.clock.pending).toBe(0);
  });
});

test('the ledger is told of once a push, and never in its middle', async () => {
  const wire = await rig.open();
  wire.deliver({ type: 'subscribe', keys: [KEY] });
  const before = rig.changes;
  rig.mesh.endpoints.set(KEY, 5);
  rig.distributor.worldChanged(affected({ keys: new Set([KEY]), policies: new Set(['p']) }));
  expect(rig.distributor.isPending('p')).toBe(true);
  rig.clock.advance(20);
  expect(rig.distributor.isPending('p')).toBe(false);
  expect(rig.changes).toBe(before + 1);
});
