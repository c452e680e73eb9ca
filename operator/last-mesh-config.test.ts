import { expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { MemoryCluster } from './kube/testing/memory-cluster.ts';
import { createLastMeshConfigReconcile, restoreLastMeshConfig } from './last-mesh-config.ts';
import { World } from './model/model.ts';
import { policy } from './model/testing/objects.ts';
import { applyAll, remove, worldOf } from './model/testing/world.ts';

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

test('without a ConfigMap none was ever in force: the defaults are', async () => {
  const client = new MemoryCluster();
  expect((await restarted(client)).settings.trustDomain).toBe('cluster.local');
  const broken = policy('MeshConfig', 'default', { clusterRanges: ['10.0.0.1/8'] });
  expect((await restarted(client, worldOf(broken))).settings.trustDomain).toBe('cluster.local');
});

test.each([
  ['of the same object', {}],
  ['of one that followed it', { uid: 'next' }],
])(
  'a MeshConfig that breaks a rule leaves the last values in force beyond a restart: a generation %s',
  async (_name, options) => {
    const client = new MemoryCluster();
    await write(client, worldOf(MESH));
    const broken = policy(
      'MeshConfig',
      'default',
      { ...SPEC, clusterRanges: ['10.0.0.1/8'] },
      { generation: 4, ...options },
    );
    const after = await restarted(client, worldOf(broken));
    expect(after.settings).toMatchObject({ trustDomain: 'corp.example', minimumMtls: 'Strict' });
    const held = after.meshConfigs.get('default');
    expect(held).toMatchObject({
      object: { generation: 4 },
      effective: { generation: 3 },
      afterDeletion: 'uid' in options,
    });
    expect(held?.violations.length).toBe(1);
  },
);

test.each([
  ['no JSON', '{'],
  ['another form', '[1]'],
  ['a spec that breaks a rule', JSON.stringify({ uid: 'u', generation: 1, createdAt: '', spec: { trustDomain: 7 } })],
])(
  '%s: values were in force that nobody knows any more, so nothing begins before a valid MeshConfig',
  async (_name, text) => {
    const client = new MemoryCluster();
    const metadata = { namespace: 'heddle-system', name: 'heddle-last-mesh-config' };
    client.objects.set(MAP, { metadata, data: { 'meshconfig.json': text } } as never);
    await expect(restarted(client)).rejects.toThrow('apply a valid MeshConfig default');
    const broken = worldOf(policy('MeshConfig', 'default', { clusterRanges: ['10.0.0.1/8'] }));
    await expect(restarted(client, broken)).rejects.toThrow('cannot be used');
    expect(broken.meshConfigs.get('default')).toMatchObject({
      object: { uid: 'uid-MeshConfig-default' },
      effective: undefined,
    });
    applyAll(broken, MESH);
    expect((await restarted(client, broken)).settings.minimumMtls).toBe('Strict');
  },
);
