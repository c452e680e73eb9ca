import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { FakeClock, settle } from '../proxy/base/testing/fake-clock.ts';
import { type Because, whyDeleted } from './confirm-deletion.ts';
import { KubeError, RESOURCES } from './kube/kube.ts';
import { MemoryCluster } from './kube/testing/memory-cluster.ts';
import { stripPod, World } from './model/model.ts';
import { PodStates } from './pod-states.ts';
import { createPolicyDeletions } from './policy-deletions.ts';
import { createWorldFeed } from './world-feed.ts';

const CRD = 'customresourcedefinitions meshaccesspolicies.heddle.dev';
const NAMESPACE = 'namespaces shop';
const gone = { resource: RESOURCES.meshAccessPolicies, key: 'shop/strict', createdAt: '2026-01-01T10:00:00Z' };

function cluster(objects: Record<string, { creationTimestamp?: string; deletionTimestamp?: string }>): MemoryCluster {
  const client = new MemoryCluster();
  for (const [key, metadata] of Object.entries(objects)) {
    client.objects.set(key, { metadata: { name: key.split(' ')[1] ?? '', ...metadata } });
  }
  return client;
}

const old = { creationTimestamp: '2026-01-01T09:00:00Z' };
const going = { ...old, deletionTimestamp: '2026-01-01T11:00:00Z' };
const young = { creationTimestamp: '2026-01-01T11:00:00Z' };

describe('a kind that is missing at the start', () => {
  const start = async (absent: ReadonlySet<string>) => {
    const client = new MemoryCluster();
    client.before = (verb, key) => {
      if (verb === 'list' && absent.has(key)) throw new KubeError('no such kind', { status: 404, reason: 'NotFound' });
    };
    const clock = new FakeClock();
    const changes: string[] = [];
    const feed = createWorldFeed({
      client,
      world: new World(),
      clock,
      random: () => 0.5,
      log: silentLog,
      before: () => {},
      onChange: ({ key }) => changes.push(key),
    });
    let synced = false;
    void feed.synced.then(() => {
      synced = true;
    });
    feed.start();
    await settle();
    return { clock, feed, isSynced: () => synced };
  };

  test("one of Kubernetes' own counts as empty", async () => {
    const { feed, isSynced } = await start(new Set(['servicecidrs']));
    expect(isSynced()).toBe(true);
    expect(feed.waitingFor()).toEqual([]);
    await feed.stop();
  });

  test.each(['meshpolicies', 'meshaccesspolicies', 'meshconfigs'])(
    'without %s nothing is known, until its CRD is there',
    async (plural) => {
      const absent = new Set([plural]);
      const { clock, feed, isSynced } = await start(absent);
      await clock.advanceSettling(10_000, 1_000);
      expect(isSynced()).toBe(false);
      expect(feed.waitingFor()).toEqual([expect.stringContaining(plural)]);
      absent.clear();
      await clock.advanceSettling(3_000, 500);
      expect(isSynced()).toBe(true);
      await feed.stop();
    },
  );
});

describe('why an object went', () => {
  test.each<[string, Parameters<typeof cluster>[0], Because]>([
    ['a person deleted it', { [CRD]: old, [NAMESPACE]: old }, undefined],
    ['the namespace is going', { [CRD]: old, [NAMESPACE]: going }, 'namespace'],
    ['the namespace is gone', { [CRD]: old }, 'namespace'],
    ['the namespace was made again', { [CRD]: old, [NAMESPACE]: young }, undefined],
    ['the kind is going', { [CRD]: going, [NAMESPACE]: old }, 'kind'],
    ['the kind is gone', { [NAMESPACE]: old }, 'kind'],
    ['the kind was deleted and made again', { [CRD]: young, [NAMESPACE]: old }, 'kind'],
    ['both are going', { [CRD]: going, [NAMESPACE]: going }, 'kind'],
  ])('%s', async (_, objects, because) => {
    expect(await whyDeleted(cluster(objects), gone)).toBe(because);
  });
});

describe('deletions of policies', () => {
  test('while nobody can be asked the object stays; then it is told once', async () => {
    const client = cluster({ [CRD]: old, [NAMESPACE]: old });
    const clock = new FakeClock();
    const deletions = createPolicyDeletions({ client, clock, log: silentLog });
    const told: Because[] = [];
    client.before = () => {
      throw new Error('down');
    };
    deletions.went(gone, (because) => told.push(because));
    await clock.advanceSettling(3_000, 500);
    expect(told).toEqual([]);
    client.before = () => {};
    await clock.advanceSettling(3_000, 500);
    expect(told).toEqual([undefined]);
    expect(clock.pending).toBe(0);
  });

  test('an object that comes back before the answer never went', async () => {
    const client = cluster({ [CRD]: old, [NAMESPACE]: old });
    const deletions = createPolicyDeletions({ client, clock: new FakeClock(), log: silentLog });
    const told: string[] = [];
    deletions.went(gone, () => told.push('first'));
    deletions.came(gone);
    await settle();
    deletions.went(gone, () => told.push('second'));
    deletions.came(gone);
    deletions.went(gone, () => told.push('third'));
    await settle();
    expect(told).toEqual(['third']);
  });
});

describe('states of pods', () => {
  const pod = (uid: string, status: object = {}, metadata: object = {}) =>
    stripPod({
      metadata: { namespace: 'shop', name: 'order-0', uid, ...metadata },
      status: { phase: 'Running', ...status },
    });
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] };

  test('from unknown to gone, also when a pod of the same name takes its place', () => {
    const world = new World();
    const states = new PodStates(world);
    const take = (object: ReturnType<typeof pod> | undefined): void => {
      const change = { resource: 'pods', key: 'shop/order-0', object } as const;
      states.note(change);
      world.apply(change);
    };
    expect(states.stateOf('u1')).toBe('unknown');
    take(pod('u1'));
    expect(states.stateOf('u1')).toBe('notReady');
    take(pod('u1', ready));
    expect(states.stateOf('u1')).toBe('ready');
    take(pod('u1', ready, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(states.stateOf('u1')).toBe('terminating');
    take(pod('u2', ready));
    expect([states.stateOf('u1'), states.stateOf('u2')]).toEqual(['gone', 'ready']);
    take(pod('u2', { phase: 'Succeeded' }));
    expect(states.stateOf('u2')).toBe('gone');
    take(undefined);
    expect([states.stateOf('u2'), states.stateOf('u3')]).toEqual(['gone', 'unknown']);
  });
});
