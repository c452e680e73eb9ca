import { describe, expect, test } from '@jest/globals';
import { HeddleError } from '../base/errors.ts';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { seededRandom } from '../base/testing/wait.ts';
import { service, servicePort, workload } from '../inbound/testing/configuration.ts';
import { portOf, type SettledDecision, Store } from './store.ts';

const KEY = 'service/shop/payment';
const endpoint = (address: string) => ({ address, port: 3000, subsets: [] });

function make(): { store: Store; clock: FakeClock } {
  const clock = new FakeClock();
  const store = new Store({ clock, random: seededRandom(1) });
  store.setAddresses({
    ranges: ['10.0.0.0/8', 'fd00::/8'],
    entries: { '10.96.0.1': KEY, '10.0.0.99': 'passthrough', '192.168.7.7': 'pod/192.168.7.7' },
  });
  store.setControlState('connected');
  return { store, clock };
}

const commit = (store: Store, ...addresses: string[]): void =>
  store.commit(store.prepare(KEY, service([servicePort(addresses.map(endpoint))])));

test('lookup: outside passes through, inside is a pod, entries come first', () => {
  const { store } = make();
  expect(store.lookup('1.2.3.4')).toEqual({ kind: 'passthrough' });
  expect(store.lookup('2001:db8::1')).toEqual({ kind: 'passthrough' });
  expect(store.lookup('10.0.0.99')).toEqual({ kind: 'passthrough' });
  expect(store.lookup('10.1.2.3')).toEqual({ kind: 'pending', key: 'pod/10.1.2.3' });
  expect(store.lookup('fd00::7')).toEqual({ kind: 'pending', key: 'pod/fd00::7' });
  expect(store.lookup('192.168.7.7')).toEqual({ kind: 'pending', key: 'pod/192.168.7.7' });
  expect(store.lookup('10.96.0.1')).toEqual({ kind: 'pending', key: KEY });
  commit(store, '10.1.0.1');
  expect(store.lookup('10.96.0.1')).toMatchObject({ kind: 'destination', entry: { key: KEY } });
});

test('what is pending is asked for and waited for, at most 2 s', () => {
  const { store, clock } = make();
  const wanted: string[] = [];
  store.onWanted = (key) => wanted.push(key);
  const seen: SettledDecision[] = [];
  store.resolve('10.96.0.1', (decision) => seen.push(decision));
  expect(wanted).toEqual([KEY]);
  clock.advance(1_999);
  expect(seen).toEqual([]);
  clock.advance(1);
  expect(seen).toMatchObject([{ kind: 'refuse', reason: 'config_pending' }]);
  store.resolve('10.96.0.1', (decision) => seen.push(decision));
  commit(store, '10.1.0.1');
  expect(seen[1]).toMatchObject({ kind: 'destination' });
  expect(clock.pending).toBe(0);
});

test('with the control plane gone it is refused at once, unless the store is filled while asked', () => {
  const { store } = make();
  store.setControlState('disconnected');
  const seen: SettledDecision[] = [];
  store.resolve('10.96.0.1', (decision) => seen.push(decision));
  expect(seen).toMatchObject([{ kind: 'refuse', reason: 'control_plane_unreachable' }]);
  store.onWanted = () => commit(store, '10.1.0.1');
  store.resolve('10.96.0.1', (decision) => seen.push(decision));
  expect(seen[1]).toMatchObject({ kind: 'destination' });
});

test('before the address table is there, connections wait for it', () => {
  const clock = new FakeClock();
  const store = new Store({ clock, random: seededRandom(1) });
  const seen: SettledDecision[] = [];
  store.resolve('1.2.3.4', (decision) => seen.push(decision));
  expect(seen).toEqual([]);
  store.setAddresses({ ranges: ['10.0.0.0/8'], entries: {} });
  expect(seen).toEqual([{ kind: 'passthrough' }]);
});

test('before the address table is there, only the API server passes; nothing else leaves in plaintext unasked', () => {
  const clock = new FakeClock();
  const store = new Store({ clock, random: seededRandom(1), apiServer: '10.96.0.1' });
  store.setControlState('connected');
  expect(store.lookup('10.96.0.1')).toEqual({ kind: 'passthrough' });
  const seen: SettledDecision[] = [];
  for (const address of ['192.168.7.7', '1.2.3.4']) store.resolve(address, (decision) => seen.push(decision));
  clock.advance(2_000);
  expect(seen).toMatchObject(new Array(2).fill({ kind: 'refuse', reason: 'config_pending' }));
  // From then on the table decides, about the API server's address too; a meshed pod outside the ranges stands in it by itself.
  store.setAddresses({ ranges: ['10.0.0.0/8'], entries: { '192.168.7.7': 'pod/192.168.7.7' } });
  expect(store.lookup('10.96.0.1')).toEqual({ kind: 'pending', key: 'pod/10.96.0.1' });
  expect(store.lookup('192.168.7.7')).toEqual({ kind: 'pending', key: 'pod/192.168.7.7' });
  // A lost stream changes nothing: the table is kept, and what it names is refused and never passed.
  store.setControlState('disconnected');
  store.resolve('192.168.7.7', (decision) => seen.push(decision));
  expect(seen[2]).toMatchObject({ kind: 'refuse', reason: 'control_plane_unreachable' });
});

describe('an address whose table entry comes while it is waited for', () => {
  const table = (entries: Record<string, string>) => ({ ranges: ['10.0.0.0/8'], entries });
  const begin = () => {
    const made = make();
    const wanted: string[] = [];
    made.store.onWanted = (key) => wanted.push(key);
    const seen: SettledDecision[] = [];
    const cancel = made.store.resolve('10.96.0.2', (decision) => seen.push(decision));
    return { ...made, wanted, seen, cancel };
  };

  test('a brand-new Service, dialled before the table: asked for by its new key, within the same 2 s', () => {
    const { store, clock, wanted, seen } = begin();
    expect(wanted).toEqual(['pod/10.96.0.2']);
    clock.advance(1_500);
    store.setAddresses(table({ '10.96.0.2': KEY }));
    expect(wanted).toEqual(['pod/10.96.0.2', KEY]);
    expect(seen).toEqual([]);
    commit(store, '10.1.0.1');
    expect(seen).toMatchObject([{ kind: 'destination', entry: { key: KEY } }]);
    expect(clock.pending).toBe(0);
  });

  test('the time does not begin anew', () => {
    const { store, clock, seen } = begin();
    clock.advance(1_500);
    store.setAddresses(table({ '10.96.0.2': KEY }));
    clock.advance(499);
    expect(seen).toEqual([]);
    clock.advance(1);
    expect(seen).toMatchObject([{ kind: 'refuse', reason: 'config_pending' }]);
    expect(clock.pending).toBe(0);
  });

  test.each<[string, Record<string, string>, object]>([
    ['held already', { '10.96.0.2': KEY }, { kind: 'destination', entry: { key: KEY } }],
    ['to be passed', { '10.96.0.2': 'passthrough' }, { kind: 'passthrough' }],
  ])('what it leads to now is %s: answered at once', (_name, entries, answer) => {
    const { store, clock, seen } = begin();
    commit(store, '10.1.0.1');
    store.setAddresses(table(entries));
    expect(seen).toMatchObject([answer]);
    expect(clock.pending).toBe(0);
  });

  test('tables that say nothing of it change nothing, and cancelling leaves nothing behind', () => {
    const { store, clock, wanted, seen, cancel } = begin();
    store.setAddresses(table({}));
    expect(wanted).toHaveLength(1);
    store.setAddresses(table({ '10.96.0.2': KEY }));
    cancel();
    store.setAddresses(table({ '10.96.0.2': 'passthrough' }));
    commit(store, '10.1.0.1');
    clock.advance(5_000);
    expect(seen).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

test('waiters are bounded, cancelled ones are forgotten', () => {
  const clock = new FakeClock();
  const store = new Store({ clock, random: seededRandom(1), maxWaiting: 2 });
  store.setAddresses({ ranges: ['10.0.0.0/8'], entries: {} });
  store.setControlState('connected');
  const seen: SettledDecision[] = [];
  const cancel = store.resolve('10.0.0.1', (decision) => seen.push(decision));
  store.resolve('10.0.0.2', (decision) => seen.push(decision));
  store.resolve('10.0.0.3', (decision) => seen.push(decision));
  expect(seen).toMatchObject([{ kind: 'refuse', reason: 'overloaded' }]);
  cancel();
  store.resolve('10.0.0.4', (decision) => seen.push(decision));
  expect(seen).toHaveLength(1);
  clock.advance(2_000);
  expect(seen).toHaveLength(3);
  expect([...store.keys()]).toEqual([]);
});

test('a commit replaces what new decisions see and counts what still runs under the old one', () => {
  const { store } = make();
  commit(store, '10.1.0.1', '10.1.0.2');
  const decision = store.lookup('10.96.0.1');
  if (decision.kind !== 'destination') throw new Error('not there');
  const before = portOf(decision.entry, 80);
  if (before.kind !== 'port') throw new Error('no port');
  before.port.owner.running++;
  commit(store, '10.1.0.2', '10.1.0.3');
  const after = portOf(decision.entry, 80);
  if (after.kind !== 'port') throw new Error('no port');
  expect(after.port.owner.endpoints.map((state) => state.endpoint.address)).toEqual(['10.1.0.2', '10.1.0.3']);
  expect(after.port.owner.endpoints[0]).toBe(before.port.owner.endpoints[1]);
  expect(after.port.state).toBe(before.port.state);
  expect(store.endpoints.size).toBe(2);
  expect(store.draining()).toBe(1);
  before.port.owner.running--;
  expect(store.draining()).toBe(0);
});

test('nothing is built before it is used; what was used is built with each snapshot, and what is new there warms up', () => {
  const { store, clock } = make();
  const warm = (found: ReturnType<typeof portOf>): readonly boolean[] => {
    if (found.kind !== 'port') throw new Error('no port');
    return found.port.owner.endpoints.map((state) => state.warmAt <= clock.now());
  };
  commit(store, '10.1.0.1');
  commit(store, '10.1.0.1', '10.1.0.2');
  expect(store.endpoints.size).toBe(0);
  const decision = store.lookup('10.96.0.1');
  if (decision.kind !== 'destination') throw new Error('not there');
  // Nobody called it: its endpoints are all equally old to this proxy.
  expect(warm(portOf(decision.entry, 80))).toEqual([true, true]);
  commit(store, '10.1.0.2', '10.1.0.3');
  expect([...store.endpoints.values()].map((state) => state.endpoint.address)).toEqual(['10.1.0.2', '10.1.0.3']);
  expect(warm(portOf(decision.entry, 80))).toEqual([true, false]);
  store.remove(KEY);
  expect(store.endpoints.size).toBe(0);
});

test('a pod that is described anew keeps the endpoints in use', () => {
  const { store } = make();
  const { timeouts, retries } = servicePort([]).traffic.unmatched;
  const describePod = (workload: string): void =>
    store.commit(
      store.prepare('pod/10.1.2.3', {
        ...{ kind: 'pod', namespace: 'shop', pod: 'payment-0', workload, ports: [], accessLog: 'Errors' },
        ...{ timeouts, retries },
      }),
    );
  describePod('payment');
  const decision = store.lookup('10.1.2.3');
  if (decision.kind !== 'destination') throw new Error('not there');
  expect(portOf(decision.entry, 3000).kind).toBe('port');
  const [before] = store.endpoints.values();
  describePod('payment-v2');
  expect([...store.endpoints.values()]).toEqual([before]);
  expect(before?.endpoint.workload).toBe('payment-v2');
});

test('an unknown port and an absent key are refused, a removed key is pending again', () => {
  const { store } = make();
  commit(store, '10.1.0.1');
  const decision = store.lookup('10.96.0.1');
  if (decision.kind !== 'destination') throw new Error('not there');
  expect(portOf(decision.entry, 81)).toMatchObject({ kind: 'refuse', reason: 'unknown_port' });
  store.commit(store.prepare(KEY, { kind: 'absent' }));
  expect(portOf(decision.entry, 80)).toMatchObject({ kind: 'refuse', reason: 'unknown_destination' });
  store.remove(KEY);
  expect(portOf(decision.entry, 80)).toEqual({ kind: 'pending' });
  expect(store.endpoints.size).toBe(0);
});

test('a pod answers on any port; ports behind its proxy expect its identity', () => {
  const { store } = make();
  const content = {
    kind: 'pod' as const,
    namespace: 'shop',
    pod: 'payment-0',
    workload: 'payment',
    identity: 'spiffe://td/ns/shop/sa/payment',
    plainPorts: [9000],
    ports: [{ port: 3000, protocol: 'http' as const }],
    accessLog: 'Errors' as const,
    timeouts: { requestMs: 0, perTryMs: 0, streamIdleMs: 0 },
    retries: service([servicePort([])]).ports[0]!.traffic.unmatched.retries,
  };
  store.commit(store.prepare('pod/10.1.2.3', content));
  const decision = store.lookup('10.1.2.3');
  if (decision.kind !== 'destination') throw new Error('not there');
  const seen = [3000, 9000, 9999, 19_804, 19_805].map((port) => {
    const found = portOf(decision.entry, port);
    if (found.kind !== 'port') throw new Error('no port');
    return [found.port.protocol, found.port.owner.endpoints.at(-1)?.endpoint.identity];
  });
  expect(seen).toEqual([
    ['http', content.identity],
    ['auto', undefined],
    ['auto', content.identity],
    ['auto', undefined],
    ['auto', undefined],
  ]);
  for (let port = 10_000; port < 10_200; port++) portOf(decision.entry, port);
  expect(store.endpoints.size).toBe(64);
});

test.each([
  ['workload', service([]), 'kind'],
  [KEY, workload(), 'kind'],
  [
    KEY,
    service([
      servicePort([], {
        traffic: {
          ...servicePort([]).traffic,
          routes: [
            { name: 'r', matches: [], backends: [{ subset: 'v9', weight: 1 }], ...servicePort([]).traffic.unmatched },
          ],
        },
      }),
    ]),
    'ports[0].traffic.routes[0].backends[0].subset',
  ],
])('prepare refuses what cannot be built (%s)', (key, content, path) => {
  const { store } = make();
  expect(() => store.prepare(key, content)).toThrow(HeddleError);
  try {
    store.prepare(key, content);
  } catch (error) {
    expect(error).toMatchObject({ code: 'configuration', where: { path } });
  }
});

test('listeners hear of a commit before it returns', () => {
  const { store } = make();
  const heard: string[] = [];
  const stop = store.onCommit((key) => heard.push(`${key}:${store.workload()?.mtlsMode(1)}`));
  store.commit(
    store.prepare('workload', workload({ mtls: { mode: 'Strict', ports: [{ port: 2, mode: 'Permissive' }] } })),
  );
  expect(heard).toEqual(['workload:Strict']);
  stop();
  commit(store);
  expect(heard).toHaveLength(1);
});
