import { expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { MemoryCluster } from './kube/testing/memory-cluster.ts';
import { createLastGoodReconcile, restoreLastGood } from './last-good.ts';
import type { World } from './model/model.ts';
import { policy } from './model/testing/objects.ts';
import { applyAll, remove, worldOf } from './model/testing/world.ts';

const MAP = 'configmaps heddle-system/heddle-last-good';
const allowOrder = {
  targetRefs: [{ kind: 'Namespace' }],
  authorization: {
    defaultAction: 'Deny',
    rules: [
      {
        name: 'order',
        action: 'Allow',
        from: [{ namespace: 'shop', serviceAccount: 'order' }],
        to: [{ anything: true }],
      },
    ],
  },
};
const access = (generation: number, spec: unknown = allowOrder, uid = 'u1') =>
  policy('MeshAccessPolicy', 'shop/access', spec, { generation, uid });
const broken = (generation: number, uid = 'u1') => access(generation, { targetRefs: [{ kind: 'Namespace' }] }, uid);
const traffic = (generation: number, perTry: string) =>
  policy(
    'MeshPolicy',
    'shop/payment',
    {
      targetRefs: [{ kind: 'Service', name: 'payment' }],
      defaults: { timeouts: { request: '1s', perTry } },
    },
    { generation },
  );

const write = (client: MemoryCluster, world: World, leads = true) =>
  createLastGoodReconcile({ client, world, isLeader: () => leads, log: silentLog })();

async function restarted(client: MemoryCluster, ...objects: readonly unknown[]): Promise<World> {
  const world = worldOf(...objects);
  await restoreLastGood({ client, world, log: silentLog });
  return world;
}

const inForce = (world: World, name = 'shop/access') => world.meshAccessPolicies.get(name)?.effective;

test('a policy that breaks a rule keeps the generation in force over a restart of all operators', async () => {
  const client = new MemoryCluster();
  const world = worldOf(access(3), traffic(1, '500ms'));
  applyAll(world, broken(4), traffic(2, '5s'));
  await write(client, world);
  const after = await restarted(client, broken(4), traffic(2, '5s'));
  expect(inForce(after)).toMatchObject({ generation: 3, closed: false, spec: allowOrder });
  expect(after.meshAccessPolicies.get('shop/access')).toMatchObject({ object: { generation: 4 } });
  expect(after.meshAccessPolicies.get('shop/access')?.violations.length).toBe(1);
  expect(after.meshPolicies.get('shop/payment')?.effective).toMatchObject({ generation: 1 });
});

test.each<[string, unknown]>([
  ['a generation that nobody saw: there may have been a good one before it', broken(6)],
  ['another object of the same name', broken(4, 'u2')],
])('%s is closed', async (_name, object) => {
  const client = new MemoryCluster();
  const world = worldOf(access(3));
  applyAll(world, broken(4));
  await write(client, world);
  expect(inForce(await restarted(client, object))).toMatchObject({ closed: true });
});

test.each([
  ['nothing', undefined],
  ['no JSON', '{'],
  ['no object', '7'],
  ['no generation', '{"through":4,"spec":{}}'],
  ['a spec that breaks a rule', '{"generation":3,"through":4,"spec":{}}'],
])('%s is not taken for a generation', async (_name, text) => {
  const client = new MemoryCluster();
  const metadata = { namespace: 'heddle-system', name: 'heddle-last-good' };
  client.objects.set(MAP, { metadata, data: text === undefined ? {} : { u1: text } } as never);
  expect(inForce(await restarted(client, broken(4)))).toMatchObject({ closed: true });
});

test('it is empty while nothing is broken, written by the leader alone, and taken back with the repair and the deletion', async () => {
  const client = new MemoryCluster();
  const world = worldOf(access(3));
  await write(client, world);
  expect(client.writes).toEqual([]);
  applyAll(world, broken(4));
  await write(client, world, false);
  expect(client.writes).toEqual([]);
  await write(client, world);
  await write(client, world);
  expect(client.writes).toEqual([`apply ${MAP}`]);
  expect(client.objects.get(MAP)).toMatchObject({ data: { u1: expect.stringContaining('"through":4') } });
  applyAll(world, access(5));
  await write(client, world);
  expect(client.objects.get(MAP)).toHaveProperty('data', {});
  applyAll(world, broken(6));
  await write(client, world);
  remove(world, broken(6));
  await write(client, world);
  expect(client.objects.get(MAP)).toHaveProperty('data', {});
});

test('while nothing is broken it is looked at once, however often policies change', async () => {
  const client = new MemoryCluster();
  let calls = 0;
  client.before = () => void calls++;
  const world = worldOf(access(3));
  const reconcile = createLastGoodReconcile({ client, world, isLeader: () => true, log: silentLog });
  for (let at = 0; at < 5; at++) await reconcile();
  expect(calls).toBe(1);
  applyAll(world, broken(4));
  await reconcile();
  expect(client.objects.get(MAP)).toMatchObject({ data: { u1: expect.any(String) } });
  applyAll(world, access(5));
  await reconcile();
  expect(client.objects.get(MAP)).toHaveProperty('data', {});
});

test('what a ConfigMap cannot hold is left out, traffic before access', async () => {
  const client = new MemoryCluster();
  const world = worldOf();
  const long = 'x'.repeat(1024);
  const routes = Array.from({ length: 32 }, (_, at) => ({
    name: `r${at}`,
    matches: Array.from({ length: 8 }, () => ({ headers: [{ name: 'a', value: long }] })),
  }));
  for (const at of [1, 2, 3, 4]) {
    const target = { targetRefs: [{ kind: 'Service', name: 'payment' }] };
    const options = { uid: `t${at}` };
    applyAll(world, policy('MeshPolicy', `shop/t${at}`, { ...target, routes }, { ...options, generation: 1 }));
    applyAll(world, policy('MeshPolicy', `shop/t${at}`, target, { ...options, generation: 2 }));
  }
  applyAll(world, access(3));
  applyAll(world, broken(4));
  await write(client, world);
  const { data } = client.objects.get(MAP) as unknown as { data: Record<string, string> };
  expect(Object.keys(data)).toEqual(['u1', 't1', 't2']);
});

test('an API server that cannot be asked holds the start up, where something is missing', async () => {
  const client = new MemoryCluster();
  client.before = () => {
    throw new Error('down');
  };
  await restarted(client, access(3));
  await expect(restarted(client, broken(4))).rejects.toThrow('down');
});
