import { describe, expect, test } from '@jest/globals';
import { KubeError } from '../kube/kube.ts';
import { MemoryCluster } from '../kube/testing/memory-cluster.ts';
import { createTrustReconcile, decideTrust, type TrustDecision, type TrustFacts } from './trust.ts';

const here = { terminating: false };
const live = (pem: string, labels: Record<string, string> = { 'app.kubernetes.io/part-of': 'heddle' }) => ({
  metadata: { namespace: 'shop', name: 'heddle-trust-bundle', labels },
  data: { 'bundle.pem': pem },
});

describe('trust bundle', () => {
  test.each<[string, string, TrustFacts, TrustDecision]>([
    ['member without', 'shop', { namespace: here, isMember: true, live: undefined, bundle: 'a' }, 'write'],
    ['member with the same', 'shop', { namespace: here, isMember: true, live: live('a'), bundle: 'a' }, 'nothing'],
    ['member with another', 'shop', { namespace: here, isMember: true, live: live('x'), bundle: 'a' }, 'write'],
    ['authority not ready', 'shop', { namespace: here, isMember: true, live: live('x'), bundle: undefined }, 'nothing'],
    ['no member', 'shop', { namespace: here, isMember: false, live: undefined, bundle: 'a' }, 'nothing'],
    ['no member any more', 'shop', { namespace: here, isMember: false, live: live('a'), bundle: 'a' }, 'remove'],
    [
      'never a member, somebody else made it',
      'shop',
      { namespace: here, isMember: false, live: live('a', {}), bundle: 'a' },
      'nothing',
    ],
    [
      'heddle-system always',
      'heddle-system',
      { namespace: here, isMember: false, live: undefined, bundle: 'a' },
      'write',
    ],
    [
      'namespace going',
      'shop',
      { namespace: { terminating: true }, isMember: true, live: undefined, bundle: 'a' },
      'nothing',
    ],
    ['namespace gone', 'shop', { namespace: undefined, isMember: true, live: undefined, bundle: 'a' }, 'nothing'],
  ])('%s', (_, name, facts, decision) => {
    expect(decideTrust(name, facts)).toBe(decision);
  });

  const facts: TrustFacts = { namespace: here, isMember: true, live: undefined, bundle: 'pem' };

  test('is written, and only by the leader', async () => {
    const client = new MemoryCluster();
    let leads = false;
    const reconcile = createTrustReconcile({ client, facts: () => facts, isLeader: () => leads });
    await reconcile('shop');
    expect(client.writes).toEqual([]);
    leads = true;
    expect(await reconcile('shop')).toEqual({ kind: 'done' });
    expect(client.objects.get('configmaps shop/heddle-trust-bundle')).toMatchObject({ data: { 'bundle.pem': 'pem' } });
  });

  test('a namespace that goes meanwhile is dropped, any other failure tried again', async () => {
    const client = new MemoryCluster();
    const reconcile = createTrustReconcile({ client, facts: () => facts, isLeader: () => true });
    const fail = (status: number, message: string): void => {
      client.before = () => {
        throw new KubeError(message, { status });
      };
    };
    fail(403, 'unable to create new content in namespace shop because it is being terminated');
    expect((await reconcile('shop')).kind).toBe('dropped');
    fail(404, 'namespaces "shop" not found');
    expect((await reconcile('shop')).kind).toBe('dropped');
    fail(403, 'forbidden: User cannot patch');
    expect((await reconcile('shop')).kind).toBe('retry');
  });
});
