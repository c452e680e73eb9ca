import { describe, expect, test } from '@jest/globals';
import { createLog } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { Cell } from '../base/watch.ts';
import type { Configuration, Key } from '../contract/snapshot.ts';
import type { Nack, ProxyMessage, Update } from '../contract/stream.ts';
import { pod, service, workload } from '../contract/testing/configurations.ts';
import { memoryStateFiles, type StateFiles } from '../identity/identity.ts';
import { type Control, createControl, createLastGood } from './control.ts';
import { FakeStore } from './testing/fake-store.ts';
import { createScriptedOperator, type ScriptedOperator, type ScriptedStream } from './testing/scripted-link.ts';

const PAYMENT = 'service/shop/payment';
const FRAUD = 'service/shop/fraud';

interface World {
  clock: FakeClock;
  store: FakeStore;
  operator: ScriptedOperator;
  control: Control;
  files: StateFiles;
  lines: string[];
  stream(): ScriptedStream;
  sent(): ProxyMessage[];
}

function begin(files: StateFiles = memoryStateFiles(), reachable = true, maxKeys = 10_000): World {
  const clock = new FakeClock();
  const store = new FakeStore();
  const operator = createScriptedOperator();
  operator.reachable = reachable;
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => void lines.push(line), wall: () => 0 });
  const control = createControl({
    target: 'operator:19810',
    credentials: new Cell({
      identity: 'x',
      trustDomain: 'x',
      keyPem: '',
      chainPem: '',
      rootsPem: '',
      notBefore: 0,
      notAfter: 0,
    }),
    store,
    lastGood: createLastGood({ files, clock, log, maxKeys: 4 }),
    open: operator.open,
    readToken: () => Promise.resolve('token'),
    own: { namespace: 'shop', serviceAccount: 'payment', trustDomain: 'cluster.local' },
    pod: { namespace: 'shop', name: 'payment-1', uid: 'uid-1', addresses: ['10.1.0.7'] },
    proxyVersion: '0.1.0',
    instance: 'abc',
    serviceAddressSurvives: true,
    maxKeys,
    clock,
    random: () => 0.5,
    log,
    metrics: createMetrics(),
  });
  control.start();
  return {
    clock,
    store,
    operator,
    control,
    files,
    lines,
    stream: () => operator.streams.at(-1)!,
    sent: () => operator.streams.at(-1)!.sent.splice(0),
  };
}

async function connected(files?: StateFiles, maxKeys?: number): Promise<World> {
  const world = begin(files, true, maxKeys);
  await settle();
  world.stream().deliver({ type: 'welcome', operator: 'operator-0' });
  return world;
}

let seq = 0;
function update(key: Key, content: unknown, changes: Partial<Update> = {}): Update {
  const made = {
    type: 'update',
    seq: ++seq,
    key,
    version: `v${seq}`,
    provenance: [],
    mustUnderstand: [],
    ...changes,
  } as const;
  return content === undefined ? made : { ...made, content: content as Configuration };
}

describe('control', () => {
  test('with all room taken the key used longest ago makes room, so a scan of addresses keeps nobody out', async () => {
    const { clock, store, stream, sent } = await connected(undefined, 3);
    for (const name of ['a', 'b', 'c']) {
      store.onWanted?.(`service/shop/${name}`);
      await settle();
      stream().deliver(update(`service/shop/${name}`, { ...service, name }));
      clock.advance(10);
    }
    store.used.set('service/shop/a', clock.now());
    sent();
    store.onWanted?.('pod/10.9.9.9');
    await settle();
    expect(sent()).toEqual([
      { type: 'unsubscribe', keys: ['service/shop/b'] },
      { type: 'subscribe', keys: ['pod/10.9.9.9'] },
    ]);
    expect([...store.held.keys()]).toEqual(['service/shop/a', 'service/shop/c']);
  });

  test('commits, acks, reports; preloads what the workload names', async () => {
    const { store, stream, sent, control } = await connected();
    expect(store.state).toBe('connected');
    expect(sent()).toMatchObject([
      { type: 'hello', epoch: 1, instance: 'abc', token: 'token', held: [], serviceAddressSurvives: true },
    ]);
    const first = update('workload', workload, { mustUnderstand: ['mtls', 'authorization'] });
    stream().deliver(first);
    await settle();
    expect(store.held.get('workload')).toEqual(workload);
    expect(sent()).toEqual([
      { type: 'ack', seq: first.seq },
      { type: 'report', inForce: first.seq, draining: 0 },
      { type: 'subscribe', keys: [FRAUD] },
    ]);
    expect(control.inForce.get('workload')).toMatchObject({ version: first.version, source: 'operator' });
  });

  test('many updates in one read: one report, with the highest', async () => {
    const { store, stream, sent } = await connected();
    for (const key of [PAYMENT, 'pod/10.1.0.7']) store.onWanted?.(key);
    await settle();
    sent();
    const updates = [
      update(PAYMENT, service),
      update('pod/10.1.0.7', pod),
      update('workload', { ...workload, preload: [] }),
    ];
    stream().deliver(...updates);
    expect(sent().map((message) => message.type)).toEqual(['ack', 'ack', 'ack', 'report']);
  });

  test('draining is told again once a second until it is 0', async () => {
    const { clock, store, stream, sent } = await connected();
    sent();
    store.running = 2;
    const one = update('workload', { ...workload, preload: [] });
    stream().deliver(one);
    clock.advance(1_500);
    store.running = 0;
    clock.advance(10_000);
    expect(sent().filter((message) => message.type === 'report')).toEqual([
      { type: 'report', inForce: one.seq, draining: 2 },
      { type: 'report', inForce: one.seq, draining: 2 },
      { type: 'report', inForce: one.seq, draining: 0 },
    ]);
  });

  test.each([
    ['a content that does not decode', PAYMENT, { ...service, accessLog: 'Loud' }, {}, 'accessLog'],
    [
      'a content that cannot be built',
      PAYMENT,
      { ...service, ports: [{ ...service.ports[0], name: 'unbuildable' }] },
      {},
      'ports[0].name',
    ],
    [
      'an unknown section that must be understood',
      'workload',
      workload,
      { mustUnderstand: ['mtls', 'quantum'] },
      'quantum',
    ],
    ['a workload of somebody else', 'workload', { ...workload, serviceAccount: 'order' }, {}, 'serviceAccount'],
    ['no content for a version that is not held', PAYMENT, undefined, {}, ''],
    ['the kind of another key', PAYMENT, pod, {}, 'kind'],
  ] as const)('%s: nack with the path, nothing changed', async (_name, key, content, changes, path) => {
    const { store, stream, sent, control } = await connected();
    store.onWanted?.(PAYMENT);
    await settle();
    const good = [update(PAYMENT, service), update('workload', { ...workload, preload: [] })];
    stream().deliver(...good);
    sent();
    const before = [...store.held];
    const bad = update(key, content, changes);
    stream().deliver(bad);
    const answers = sent();
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({ type: 'nack', seq: bad.seq });
    expect((answers[0] as Nack).errors[0]?.path).toBe(path);
    expect([...store.held]).toEqual(before);
    expect(control.inForce.get(key)?.version).toBe(good.find((one) => one.key === key)?.version);
  });

  test('only the provenance changed: acked, reported, nothing built', async () => {
    const { store, stream, sent, control } = await connected();
    const first = update('workload', { ...workload, preload: [] });
    stream().deliver(first);
    sent();
    const commits = store.events.length;
    const provenance = [{ kind: 'MeshPolicy', uid: 'u', generation: 4, name: 'shop/payment' }] as const;
    stream().deliver(update('workload', undefined, { version: first.version, provenance }));
    expect(sent().map((message) => message.type)).toEqual(['ack', 'report']);
    expect(store.events).toHaveLength(commits);
    expect(control.inForce.get('workload')?.provenance).toEqual(provenance);
  });

  test('address table: whole, difference, and a difference to something else', async () => {
    const { clock, store, stream, sent, control, operator } = await connected();
    stream().deliver({
      type: 'addresses',
      version: 'a',
      ranges: ['10.0.0.0/8'],
      set: { '10.96.0.1': PAYMENT, '10.96.0.2': FRAUD },
      remove: [],
    });
    stream().deliver({
      type: 'addresses',
      version: 'b',
      base: 'a',
      ranges: ['10.0.0.0/8'],
      set: { '10.96.0.3': 'passthrough' },
      remove: ['10.96.0.2'],
    });
    expect(store.table).toEqual({
      ranges: ['10.0.0.0/8'],
      entries: { '10.96.0.1': PAYMENT, '10.96.0.3': 'passthrough' },
    });
    expect(control.addressesVersion).toBe('b');
    const before = store.table;
    stream().deliver({ type: 'addresses', version: 'd', base: 'c', ranges: [], set: {}, remove: [] });
    expect(store.table).toBe(before);
    await clock.advanceSettling(500, 100);
    expect(operator.streams).toHaveLength(2);
    expect(sent()).toMatchObject([{ type: 'hello', epoch: 2, addresses: 'b' }]);
  });

  test('a lost stream drops nothing; the next hello says what is held and asks for the rest', async () => {
    const { clock, store, stream, sent } = await connected();
    store.onWanted?.(PAYMENT);
    store.onWanted?.(FRAUD);
    await settle();
    const one = update(PAYMENT, service);
    stream().deliver(one);
    stream().end(new Error('gone'));
    expect(store.state).toBe('connected');
    clock.advance(1_000);
    expect(store.state).toBe('disconnected');
    await clock.advanceSettling(40 * 60_000, 60_000);
    expect(store.events).toEqual([`commit ${PAYMENT}`]);
    expect(sent()).toMatchObject([{ type: 'hello', held: [{ key: PAYMENT, version: one.version }] }]);
    stream().deliver({ type: 'welcome', operator: 'operator-1' });
    expect(sent()).toEqual([{ type: 'subscribe', keys: [FRAUD] }]);
  });

  test('a stream that is back within a second refuses nobody meanwhile, and asks for what was wanted', async () => {
    const { clock, store, stream, sent } = await connected();
    stream().end();
    store.onWanted?.(FRAUD);
    await clock.advanceSettling(500, 50);
    sent();
    stream().deliver({ type: 'welcome', operator: 'operator-1' });
    clock.advance(5_000);
    expect(store.state).toBe('connected');
    expect(sent()).toEqual([{ type: 'subscribe', keys: [FRAUD] }]);
  });

  test('a hello stays under what the operator takes; what does not fit is subscribed', async () => {
    const { clock, store, stream, sent } = await connected();
    const long = 'n'.repeat(250);
    const keys = Array.from({ length: 4_000 }, (_, index) => `service/${long}/s${index}`);
    for (const key of keys) store.onWanted?.(key);
    await settle();
    for (const key of keys) stream().deliver(update(key, { kind: 'absent' }));
    stream().end();
    await clock.advanceSettling(500, 50);
    const hello = sent()[0];
    expect(JSON.stringify(hello).length).toBeLessThan(1_000_000);
    stream().deliver({ type: 'welcome', operator: 'operator-1' });
    const told = hello?.type === 'hello' ? hello.held.map((one) => one.key) : [];
    const asked = sent().flatMap((message) => (message.type === 'subscribe' ? message.keys : []));
    expect(told.length).toBeGreaterThan(2_000);
    expect([...told, ...asked]).toEqual(keys);
  });

  test('unused for 30 min: unsubscribed and removed, the kept copy stays; used or fresh ones stay', async () => {
    const { clock, store, stream, sent, files } = await connected();
    store.onWanted?.(PAYMENT);
    store.onWanted?.(FRAUD);
    await settle();
    stream().deliver(update(PAYMENT, service), update(FRAUD, { ...service, name: 'fraud' }));
    const minutes = (count: number): void => {
      for (let tick = 0; tick < count * 6; tick++) {
        clock.advance(10_000);
        stream().deliver({ type: 'ping', id: tick });
      }
    };
    minutes(15);
    store.used.set(FRAUD, clock.now());
    minutes(14);
    expect(store.events.some((event) => event.startsWith('remove'))).toBe(false);
    minutes(3);
    expect(store.events.filter((event) => event.startsWith('remove'))).toEqual([`remove ${PAYMENT}`]);
    expect(sent().filter((message) => message.type === 'unsubscribe')).toEqual([
      { type: 'unsubscribe', keys: [PAYMENT] },
    ]);
    stream().end();
    store.onWanted?.(PAYMENT);
    expect(store.held.get(PAYMENT)).toEqual(service);
    expect(files.list().length).toBeGreaterThanOrEqual(2);
  });

  test('an update for a key given up meanwhile is acked and not built', async () => {
    const { store, stream, sent } = await connected();
    sent();
    const late = update(PAYMENT, service);
    stream().deliver(late);
    expect(sent()[0]).toEqual({ type: 'ack', seq: late.seq });
    expect(store.held.size).toBe(0);
  });

  test('a restart without an operator serves on from the kept copy', async () => {
    const first = await connected();
    first.store.onWanted?.(PAYMENT);
    await settle();
    first.stream().deliver(update('workload', { ...workload, preload: [] }), update(PAYMENT, service));
    first
      .stream()
      .deliver({ type: 'addresses', version: 'a', ranges: ['10.0.0.0/8'], set: { '10.96.0.1': PAYMENT }, remove: [] });
    first.control.stop();
    const again = begin(first.files, false);
    expect(again.store.held.get('workload')).toEqual({ ...workload, preload: [] });
    expect(again.store.table?.entries).toEqual({ '10.96.0.1': PAYMENT });
    expect(again.store.held.has(PAYMENT)).toBe(false);
    again.store.onWanted?.(PAYMENT);
    expect(again.store.held.get(PAYMENT)).toEqual(service);
    again.store.onWanted?.(FRAUD);
    expect(again.store.held.has(FRAUD)).toBe(false);
    expect(again.control.inForce.get(PAYMENT)?.source).toBe('last-good');
  });

  test('a stream that ends before a wanted key arrived: its kept copy comes in force', async () => {
    const first = await connected();
    first.store.onWanted?.(PAYMENT);
    await settle();
    first.stream().deliver(update(PAYMENT, service));
    first.control.stop();
    const again = await connected(first.files);
    again.store.onWanted?.(PAYMENT);
    expect(again.store.held.has(PAYMENT)).toBe(false);
    again.stream().end();
    expect(again.store.held.get(PAYMENT)).toEqual(service);
  });
});
