import { expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { MemoryCluster } from './kube/testing/memory-cluster.ts';
import { createLastMeshConfigReconcile, restoreLastMeshConfig } from './last-mesh-config.ts';
import { World } from './model/model.ts';
import { policy } from './model/testing/objects.ts';
import { remove, worldOf } from './model/testing/world.ts';

const SPEC = { trustDomain: 'corp.example', security: { mtls: { minimum: 'Strict' } } };
const MESH = policy('MeshConfig', 'default', SPEC, { generation: 3 });
const MAP = 'configmaps heddle-system/heddle-last-mesh-config';

const write = (client: MemoryCluster, world: World, leads = true) =>
  createLastMeshConfigReconcile({ client, world, isLeader: () => leads })();

async function restarted(client: MemoryCluster, world = new World()): Promise<World> {
  await restoreLastMeshConfig({ client, world, log: silentLog });
  return world;
}

test('a deleted MeshConfig keeps its last values beyond a restart, and the next one says so', async () => {
  const client = new MemoryCluster();
  const world = worldOf(MESH);
  await write(client, world);
  remove(world, MESH);
  await write(client, world);
  const after = await restarted(client);
  expect(after.settings).toMatchObject({ trustDomain: 'corp.example', minimumMtls: 'Strict' });
  expect(after.meshConfigs.get('default')).toMatchObject({ frozen: 'deleted', object: undefined });
  const next = await restarted(client, worldOf(policy('MeshConfig', 'default', {}, { uid: 'next' })));
  expect(next.settings.minimumMtls).toBe('Permissive');
});

test('it is written by the leader alone, and once', async () => {
  const client = new MemoryCluster();
  await write(client, worldOf(MESH), false);
  expect(client.objects.has(MAP)).toBe(false);
  await write(client, worldOf(MESH));
  await write(client, worldOf(MESH));
  expect(client.writes).toHaveLength(1);
});

test.each([
  ['nothing', undefined],
  ['no JSON', '{'],
  ['another form', '[1]'],
  ['a spec that breaks a rule', JSON.stringify({ uid: 'u', generation: 1, createdAt: '', spec: { trustDomain: 7 } })],
])('%s is not taken for values', async (_name, text) => {
  const client = new MemoryCluster();
  if (text !== undefined) {
    const metadata = { namespace: 'heddle-system', name: 'heddle-last-mesh-config' };
    client.objects.set(MAP, { metadata, data: { 'meshconfig.json': text } } as never);
  }
  expect((await restarted(client)).settings.trustDomain).toBe('cluster.local');
});
