import { beforeAll, describe, expect, test } from '@jest/globals';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import { MemoryCluster } from '../kube/testing/memory-cluster.ts';
import { LIVES, makeSlot } from './authority.ts';
import { bundleOf } from './bundle.ts';
import { CA_SECRET } from './ca-secret.ts';
import { fingerprint } from './certificate.ts';
import { createKeep, type Keep } from './keep.ts';
import { decideKeep, GIVE_UP_ANNOTATION, type KeepFacts, type KeepStep } from './keep-decision.ts';
import type { Slots } from './slots.ts';

let held: Slots;
let other: Slots;

beforeAll(async () => {
  held = { current: await makeSlot(Date.now()) };
  other = { current: await makeSlot(Date.now()) };
});

describe('keep decision', () => {
  test.each<[string, () => Partial<KeepFacts>, KeepStep['kind']]>([
    ['first start', () => ({}), 'create'],
    ['valid', () => ({ secret: { kind: 'valid', slots: other } }), 'use'],
    ['replaced by another valid one', () => ({ secret: { kind: 'valid', slots: other }, held }), 'use'],
    ['gone, held', () => ({ held, published: 'f' }), 'restore'],
    ['gone, held, never published', () => ({ held }), 'restore'],
    ['gone, not held, but once published', () => ({ published: 'f' }), 'stop'],
    ['given up', () => ({ published: 'f', givenUp: 'f' }), 'create'],
    ['another root given up', () => ({ published: 'f', givenUp: 'e' }), 'stop'],
    ['the held one given up', () => ({ held, givenUp: fingerprint(held.current.root.certificatePem) }), 'create'],
    ['damaged, held', () => ({ secret: { kind: 'invalid', error: 'x' }, held }), 'hold'],
    ['damaged, not held', () => ({ secret: { kind: 'invalid', error: 'x' } }), 'stop'],
    [
      'damaged is never given up by an annotation',
      () => ({ secret: { kind: 'invalid', error: 'x' }, published: 'f', givenUp: 'f' }),
      'stop',
    ],
  ])('%s', (_, facts, kind) => {
    const all: KeepFacts = {
      secret: { kind: 'absent' },
      held: undefined,
      published: undefined,
      givenUp: undefined,
      ...facts(),
    };
    expect(decideKeep(all).kind).toBe(kind);
  });
});

const SECRET = 'secrets heddle-system/heddle-ca';

function keepOf(client: MemoryCluster, more: { clock?: FakeClock; isLeader?: () => boolean } = {}): Keep {
  const clock = more.clock ?? new FakeClock();
  const lives = { leaf: LIVES.leaf, propagation: LIVES.leaf };
  return createKeep({ client, clock, log: silentLog, isLeader: more.isLeader ?? (() => true), lives });
}

async function settleKeep(keep: Keep): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const outcome = await keep.reconcile();
    if (outcome.kind !== 'requeue' || outcome.afterMs > 0) return;
  }
}

function rootOf(keep: Keep): string {
  const state = keep.state.value;
  if (state.kind !== 'ready') throw new Error(`authority is ${state.kind}`);
  return state.signer.rootFingerprint;
}

function publish(client: MemoryCluster, slots: Slots): void {
  const metadata = { namespace: 'heddle-system', name: 'heddle-trust-bundle' };
  client.objects.set('configmaps heddle-system/heddle-trust-bundle', {
    metadata,
    data: { 'bundle.pem': bundleOf(slots) },
  } as never);
}

describe('keep', () => {
  test('two leaders at once end with one root', async () => {
    const client = new MemoryCluster();
    const keeps = [keepOf(client), keepOf(client), keepOf(client)];
    await Promise.all(keeps.map(settleKeep));
    await Promise.all(keeps.map(settleKeep));
    expect(new Set(keeps.map(rootOf)).size).toBe(1);
    expect(client.writes.filter((write) => write.startsWith('replace'))).toEqual([]);
  });

  test('a standby creates nothing, reads along, and restores once it leads', async () => {
    const client = new MemoryCluster();
    let leads = false;
    const standby = keepOf(client, { isLeader: () => leads });
    await settleKeep(standby);
    expect(standby.state.value.kind).toBe('starting');
    const leader = keepOf(client);
    await settleKeep(leader);
    await settleKeep(standby);
    const root = rootOf(leader);
    client.objects.delete(SECRET);
    await settleKeep(standby);
    expect(client.objects.has(SECRET)).toBe(false);
    leads = true;
    await settleKeep(standby);
    expect(client.objects.has(SECRET)).toBe(true);
    const fresh = keepOf(client);
    await settleKeep(fresh);
    expect(rootOf(fresh)).toBe(root);
  });

  test('gone while nobody ran: signing stops and says how to go on; the annotation works for that root only', async () => {
    const client = new MemoryCluster();
    publish(client, held);
    const keep = keepOf(client);
    await settleKeep(keep);
    const lost = fingerprint(held.current.root.certificatePem);
    expect(keep.state.value).toMatchObject({ kind: 'stopped', reason: 'RootMissing' });
    expect(keep.state.value.kind === 'stopped' && keep.state.value.message).toContain(`${GIVE_UP_ANNOTATION}=${lost}`);
    const metadata = { name: 'heddle-system', annotations: { [GIVE_UP_ANNOTATION]: 'somethingelse' } };
    client.objects.set('namespaces heddle-system', { metadata });
    await settleKeep(keep);
    expect(keep.state.value.kind).toBe('stopped');
    client.objects.set('namespaces heddle-system', {
      metadata: { ...metadata, annotations: { [GIVE_UP_ANNOTATION]: lost } },
    });
    await settleKeep(keep);
    expect(rootOf(keep)).not.toBe(lost);
  });

  test('a damaged Secret is never overwritten; what is held signs on', async () => {
    const client = new MemoryCluster();
    const keep = keepOf(client);
    await settleKeep(keep);
    const root = rootOf(keep);
    const damaged = { metadata: { ...CA_SECRET, resourceVersion: '99' }, data: { 'root.crt': 'AAAA' } };
    client.objects.set(SECRET, damaged as never);
    await settleKeep(keep);
    expect(rootOf(keep)).toBe(root);
    expect(client.objects.get(SECRET)).toBe(damaged);
    const fresh = keepOf(client);
    await settleKeep(fresh);
    expect(fresh.state.value).toMatchObject({ kind: 'stopped', reason: 'RootInvalid' });
    expect(client.objects.get(SECRET)).toBe(damaged);
  });

  test('a whole rotation of issuer and root, with the bundle always ahead', async () => {
    const client = new MemoryCluster();
    const clock = new FakeClock();
    const keep = keepOf(client, { clock });
    await settleKeep(keep);
    const first = rootOf(keep);
    const roots: number[] = [];
    for (let day = 0; day < 300; day += 1) {
      clock.advance(86_400_000);
      await settleKeep(keep);
      const state = keep.state.value;
      if (state.kind !== 'ready') throw new Error('not ready');
      roots.push(state.bundle.match(/BEGIN/g)?.length ?? 0);
      expect(state.slots.current.issuer.notAfter - clock.wall()).toBeGreaterThan(LIVES.leaf);
    }
    expect(rootOf(keep)).not.toBe(first);
    expect([Math.min(...roots), Math.max(...roots)]).toEqual([1, 2]);
    expect(roots.at(-1)).toBe(1);
    const restarted = keepOf(client, { clock });
    await settleKeep(restarted);
    expect(rootOf(restarted)).toBe(rootOf(keep));
  });
});
