import { beforeAll, describe, expect, test } from '@jest/globals';
import type { PolicyStatus } from '../../crds/gen/types.ts';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock, settle } from '../../proxy/base/testing/fake-clock.ts';
import { seededRandom } from '../../proxy/base/testing/wait.ts';
import { compileAddresses, compileKey, viewClass } from '../compile/compile.ts';
import { createDistributor, type Distributor, type PodState } from '../distribute/distribute.ts';
import { ModelProxy } from '../distribute/testing/model-proxy.ts';
import type { EventToTell } from '../kube/kube.ts';
import { type Change, type PodRecord, type PolicyRecord, World } from '../model/model.ts';
import { createStatusControllers, type StatusControllers } from './status.ts';

const PROXIES = 1_000;
const KEY = 'service/shop/payment';

function pod(name: string, app: string, address: string, ready = true): PodRecord {
  return {
    namespace: 'shop',
    name,
    uid: name,
    createdAt: '2026-01-01T00:00:00Z',
    addresses: [address],
    nodeName: 'node-1',
    hostNetwork: false,
    labels: { app },
    serviceAccount: 'order',
    workload: { kind: 'Deployment', name: app },
    phase: 'Running',
    ready,
    terminating: false,
    ports: [{ port: 3000 }],
    meshed: true,
    proxyStarted: true,
    excludedInboundPorts: [],
  };
}

function policy(generation: number, perTry: string): PolicyRecord {
  return {
    kind: 'MeshPolicy',
    namespace: 'shop',
    name: 'payment',
    uid: 'policy-1',
    generation,
    createdAt: '2026-01-01T00:00:00Z',
    acceptedOnce: false,
    spec: {
      targetRefs: [{ kind: 'Service', name: 'payment' }],
      defaults: { timeouts: { request: '10s', perTry } },
    },
  };
}

/** The real model, compiler, distributor and status controllers; the network, the proxies and the API server are scripted. */
class Mesh {
  readonly clock = new FakeClock();
  readonly world = new World();
  readonly proxies: ModelProxy[] = [];
  readonly writes: { readonly at: number; readonly status: PolicyStatus }[] = [];
  readonly events: EventToTell[] = [];
  readonly distributor: Distributor;
  readonly status: StatusControllers;

  constructor() {
    const common = { clock: this.clock, random: seededRandom(7), log: silentLog };
    this.distributor = createDistributor({
      ...common,
      world: this.world,
      compile: { compileKey, compileAddresses, viewClass },
      operator: 'operator-0',
      stateOf: (uid) => this.#stateOf(uid),
      onLedgerChange: () => this.status.ledgerChanged(),
      authenticate: (token) =>
        Promise.resolve({
          ok: true,
          pod: { namespace: 'shop', serviceAccount: 'order', podName: token, podUid: token },
        }),
    });
    this.status = createStatusControllers({
      ...common,
      world: this.world,
      distributor: this.distributor,
      client: {
        read: () => Promise.resolve(undefined),
        apply: (_subject, status) => {
          this.writes.push({ at: this.clock.now(), status });
          return Promise.resolve('written');
        },
      },
      tell: (event) => void this.events.push(event),
      isLeader: () => true,
    });
  }

  apply(change: Change): void {
    const affected = this.world.apply(change);
    this.distributor.worldChanged(affected);
    this.status.worldChanged(affected);
  }

  async begin(): Promise<void> {
    this.apply({
      resource: 'namespaces',
      key: 'shop',
      object: { name: 'shop', uid: 'shop', inject: 'enabled', terminating: false },
    });
    this.apply({
      resource: 'services',
      key: 'shop/payment',
      object: {
        namespace: 'shop',
        name: 'payment',
        uid: 'payment',
        createdAt: '2026-01-01T00:00:00Z',
        type: 'Clustered',
        clusterAddresses: ['10.96.0.10'],
        externalAddresses: [],
        ports: [{ name: 'http', port: 80, targetPort: 3000 }],
        selector: { app: 'payment' },
        local: false,
      },
    });
    this.apply({ resource: 'meshPolicies', key: 'shop/payment', object: policy(1, '2s') });
    for (let at = 0; at < PROXIES; at++) {
      const name = `order-${at}`;
      this.apply({ resource: 'pods', key: `shop/${name}`, object: pod(name, 'order', `10.1.${at >> 8}.${at & 255}`) });
      this.proxies.push(new ModelProxy({ uid: name, name, namespace: 'shop' }));
    }
    this.distributor.lead();
    this.status.start();
    for (const proxy of this.proxies) {
      this.distributor.acceptWire(proxy.connect());
      proxy.subscribe(KEY);
    }
    await this.#meet(this.proxies);
    await this.run(2_000);
  }

  /** Everybody reads and answers, every `step` ms. */
  async run(ms: number, step = 50, awake: (proxy: ModelProxy, at: number) => boolean = () => true): Promise<void> {
    for (let done = 0; done < ms; done += step) {
      await this.clock.advanceSettling(step, step);
      for (const [at, proxy] of this.proxies.entries()) if (awake(proxy, at)) proxy.run();
      await settle();
    }
  }

  get last(): PolicyStatus | undefined {
    return this.writes.at(-1)?.status;
  }

  condition(type: string): string {
    const found = this.last?.conditions?.find((one) => one.type === type);
    return `${found?.status}/${found?.reason}`;
  }

  async #meet(proxies: readonly ModelProxy[]): Promise<void> {
    for (const proxy of proxies) proxy.run();
    await settle();
    for (const proxy of proxies) proxy.run();
  }

  #stateOf(uid: string): PodState {
    const found = this.world.podByUid(uid);
    return found === undefined ? 'unknown' : found.ready ? 'ready' : 'notReady';
  }
}

describe('1,000 proxies', () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = new Mesh();
    await mesh.begin();
  });

  test('an edit that all take at once is written at most twice, and says so at once', async () => {
    expect(mesh.last?.summary).toBe(`${PROXIES}/${PROXIES}`);
    const before = mesh.writes.length;
    const { updates, bytes } = mesh.distributor.stats;
    const cpu = process.cpuUsage();
    mesh.apply({ resource: 'meshPolicies', key: 'shop/payment', object: policy(2, '3s') });
    const start = mesh.clock.now();
    await mesh.run(1_000);
    const used = process.cpuUsage(cpu);
    const writes = mesh.writes.slice(before);
    const stats = mesh.distributor.stats;
    const figures = {
      updates: stats.updates - updates,
      bytesAProxy: Math.round((stats.bytes - bytes) / PROXIES),
      writes: writes.length,
      cpuMs: Math.round((used.user + used.system) / 1000),
      inForceAfterMs: (writes.at(-1)?.at ?? 0) - start,
      worstPushMs: stats.latencyMaxMs,
    };
    process.stdout.write(`1,000 proxies, one edit (CPU includes the scripted proxies): ${JSON.stringify(figures)}\n`);
    expect(figures.updates).toBe(PROXIES);
    expect(writes.length).toBeLessThanOrEqual(2);
    expect(mesh.last).toMatchObject({ summary: `${PROXIES}/${PROXIES}`, observedGeneration: 2 });
    expect([mesh.condition('InForce'), mesh.condition('Ready')]).toEqual(['True/InForce', 'True/Ready']);
    expect(figures.inForceAfterMs).toBeLessThan(500);
  }, 60_000);

  test('an edit that trickles in over 50 s is written at most ten times', async () => {
    const before = mesh.writes.length;
    mesh.apply({ resource: 'meshPolicies', key: 'shop/payment', object: policy(3, '4s') });
    const start = mesh.clock.now();
    await mesh.run(52_000, 500, (_proxy, at) => mesh.clock.now() - start >= at * 50);
    const writes = mesh.writes.slice(before);
    process.stdout.write(
      `1,000 proxies over 50 s: ${writes.length} writes: ${writes.map((one) => `${one.at - start} ms ${one.status.summary}`).join(', ')}\n`,
    );
    expect(writes.length).toBeLessThanOrEqual(10);
    expect(mesh.last?.summary).toBe(`${PROXIES}/${PROXIES}`);
    expect(mesh.condition('InForce')).toBe('True/InForce');
    for (const { status } of writes.slice(0, -1)) {
      expect(status.conditions?.find((one) => one.type === 'InForce')?.status).toBe('False');
    }
  }, 60_000);

  test('one stopped proxy (SIGSTOP) and an edit: not True within a second, named within ten; True again when it goes on', async () => {
    const stopped = 'order-500';
    const awake = (proxy: ModelProxy): boolean => proxy.pod.name !== stopped;
    await mesh.run(1_000, 500, awake);
    mesh.apply({ resource: 'meshPolicies', key: 'shop/payment', object: policy(4, '5s') });
    await mesh.run(1_000, 100, awake);
    expect(mesh.condition('InForce')).toBe('False/Pending');
    expect(mesh.last).toMatchObject({ summary: `${PROXIES - 1}/${PROXIES}`, observedGeneration: 4 });
    await mesh.run(11_000, 500, awake);
    expect(mesh.condition('Ready')).toBe('False/Unreachable');
    expect(mesh.last?.laggards).toEqual([{ pod: `shop/${stopped}`, reason: 'no answer for 10 s (stream open)' }]);
    await mesh.run(1_000, 100);
    expect(mesh.condition('InForce')).toBe('True/InForce');
    expect(mesh.condition('Ready')).toBe('True/Ready');
    expect(mesh.events.map((one) => one.reason)).toContain('Unreachable');
  }, 60_000);

  test('nothing is written while nothing changes', async () => {
    const before = mesh.writes.length;
    await mesh.run(20_000, 1_000);
    expect(mesh.writes.length).toBe(before);
  }, 60_000);
});
