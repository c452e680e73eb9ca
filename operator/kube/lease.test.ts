import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import { seededRandom } from '../../proxy/base/testing/wait.ts';
import { KubeError } from './kube-error.ts';
import { createElection, type Election } from './lease.ts';
import { decideLease, type LeaseStep, type Observed } from './lease-decision.ts';
import { RESOURCES } from './resource.ts';
import { MemoryCluster } from './testing/memory-cluster.ts';

const record = (holder: string, atMs: number): Observed => ({
  record: { holder, durationMs: 10_000, transitions: 4, version: '1' },
  atMs,
});

describe('lease decision', () => {
  test.each<[string, Observed | undefined, boolean, number, LeaseStep]>([
    ['no lease', undefined, false, 0, { kind: 'create' }],
    ['ours', record('me', 0), true, 99_000, { kind: 'renew', transitions: 4 }],
    ['ours from an earlier process', record('me', 0), false, 1, { kind: 'take', transitions: 5 }],
    ['released', record('', 0), false, 1, { kind: 'take', transitions: 5 }],
    ['of another, fresh', record('other', 0), false, 9_999, { kind: 'follow', holder: 'other' }],
    ['of another, run out since we saw it', record('other', 0), false, 10_000, { kind: 'take', transitions: 5 }],
  ])('%s', (_, observed, leading, now, step) => {
    expect(decideLease(observed, 'me', leading, now)).toEqual(step);
  });
});

describe('a lease that somebody deleted', () => {
  test.each<[string, Observed | undefined, boolean, number, LeaseStep]>([
    ['never seen: the first start', undefined, false, 0, { kind: 'create' }],
    ['ours', record('me', 0), true, 1, { kind: 'create' }],
    ['of another, fresh', record('other', 0), false, 9_999, { kind: 'follow', holder: 'other' }],
    ['of another, run out since', record('other', 0), false, 10_000, { kind: 'create' }],
    ['released', record('', 0), false, 1, { kind: 'create' }],
  ])('%s', (_, observed, leading, now, step) => {
    expect(decideLease(observed, 'me', leading, now, true)).toEqual(step);
  });
});

interface Pair {
  readonly clock: FakeClock;
  readonly shared: MemoryCluster;
  readonly clusters: Record<'a' | 'b', MemoryCluster>;
  readonly a: Election;
  readonly b: Election;
}

/** Two replicas over one store; each has its own way to it, so that one alone can be cut off. */
function pair(): Pair {
  const clock = new FakeClock();
  const clusters = { a: new MemoryCluster(), b: new MemoryCluster() };
  const shared = clusters.a;
  const through = (own: MemoryCluster) =>
    Object.assign(Object.create(shared) as MemoryCluster, {
      find: async (...call: Parameters<MemoryCluster['find']>) => {
        await own.before('get', 'lease');
        return MemoryCluster.prototype.find.apply(shared, call);
      },
      create: async (...call: Parameters<MemoryCluster['create']>) => {
        await own.before('write', 'lease');
        return MemoryCluster.prototype.create.apply(shared, call);
      },
      replace: async (...call: Parameters<MemoryCluster['replace']>) => {
        await own.before('write', 'lease');
        return MemoryCluster.prototype.replace.apply(shared, call);
      },
    });
  const fences = { a: new MemoryCluster(), b: clusters.b };
  const election = (name: 'a' | 'b') =>
    createElection({
      client: through(fences[name]),
      lease: { namespace: 'heddle-system', name: 'heddle-operator' },
      identity: name,
      clock,
      random: seededRandom(name === 'a' ? 1 : 2),
      log: silentLog,
    });
  return { clock, shared, clusters: fences, a: election('a'), b: election('b') };
}

const cut = (): never => {
  throw new KubeError('cut off', { status: 0 });
};

describe('election', () => {
  test('one leads; when it stops the other takes over within a retry', async () => {
    const { clock, a, b } = pair();
    a.start();
    await clock.advanceSettling(10);
    b.start();
    await clock.advanceSettling(30_000, 100);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
    expect(b.leadership.value).toEqual({ kind: 'follower', holder: 'a' });
    await a.stop();
    expect(a.isLeader()).toBe(false);
    await clock.advanceSettling(2_000, 100);
    expect(b.isLeader()).toBe(true);
    await b.stop();
  });

  test('cut off, the leader stops before the other begins, and never both lead', async () => {
    const { clock, clusters, a, b } = pair();
    a.start();
    await clock.advanceSettling(10);
    b.start();
    await clock.advanceSettling(5_000, 100);
    clusters.a.before = cut;
    const cutAt = clock.now();
    let stoppedAt = 0;
    let begunAt = 0;
    for (let step = 0; step < 300; step++) {
      await clock.advanceSettling(50, 50);
      expect(a.isLeader() && b.isLeader()).toBe(false);
      if (!a.isLeader() && stoppedAt === 0) stoppedAt = clock.now() - cutAt;
      if (b.isLeader() && begunAt === 0) begunAt = clock.now() - cutAt;
    }
    expect(stoppedAt).toBeLessThanOrEqual(7_050);
    expect(begunAt).toBeGreaterThan(stoppedAt);
    expect(begunAt).toBeLessThanOrEqual(12_050);
    clusters.a.before = () => {};
    await clock.advanceSettling(5_000, 100);
    expect(a.leadership.value).toEqual({ kind: 'follower', holder: 'b' });
    await Promise.all([a.stop(), b.stop()]);
  });

  test('the fence also holds while a renewal hangs unanswered', async () => {
    const { clock, clusters, a } = pair();
    a.start();
    await clock.advanceSettling(10);
    clusters.a.before = () => new Promise(() => {});
    await clock.advanceSettling(6_900, 100);
    expect(a.isLeader()).toBe(true);
    await clock.advanceSettling(200, 100);
    expect(a.isLeader()).toBe(false);
    expect(a.leadership.value.kind).toBe('follower');
  });

  test('deleted under them, the leader writes it again and never both lead', async () => {
    for (const wait of [0, 500, 900, 1_300, 1_700]) {
      const { clock, shared, a, b } = pair();
      a.start();
      await clock.advanceSettling(10);
      b.start();
      await clock.advanceSettling(5_000 + wait, 100);
      await shared.remove(RESOURCES.leases, { namespace: 'heddle-system', name: 'heddle-operator' });
      for (let step = 0; step < 240; step++) {
        await clock.advanceSettling(50, 50);
        expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
      }
      await Promise.all([a.stop(), b.stop()]);
    }
  });

  test('two that start at once: the store decides', async () => {
    const { clock, a, b } = pair();
    a.start();
    b.start();
    await clock.advanceSettling(3_000, 100);
    expect([a.isLeader(), b.isLeader()].filter(Boolean)).toHaveLength(1);
    await Promise.all([a.stop(), b.stop()]);
  });
});
