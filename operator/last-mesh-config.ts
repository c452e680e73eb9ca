import { LAST_MESH_CONFIG, MESH_CONFIG_NAME } from '../crds/labels.ts';
import type { Log } from '../proxy/base/log.ts';
import { SYSTEM_NAMESPACE } from '../proxy/contract/bootstrap.ts';
import {
  apiVersionOf,
  applyObject,
  DONE,
  type KubeClient,
  type KubeObject,
  type Outcome,
  RESOURCES,
} from './kube/kube.ts';
import type { Effective, PolicyRecord, World } from './model/model.ts';

/** The ConfigMap that remembers the values of MeshConfig in force, for the time after its deletion. */
const REF = { namespace: SYSTEM_NAMESPACE, name: LAST_MESH_CONFIG.name } as const;
const MANAGER = 'heddle-last-mesh-config';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface LastMeshConfigOptions {
  readonly client: KubeClient;
  readonly world: World;
  readonly isLeader: () => boolean;
}

/** Writes what is in force, so that a deleted MeshConfig keeps its last values beyond the memory of this process. */
export function createLastMeshConfigReconcile(options: LastMeshConfigOptions): () => Promise<Outcome> {
  const { client, world } = options;
  return async () => {
    const held = world.meshConfigs.get(MESH_CONFIG_NAME);
    // Frozen values stand there already.
    if (!options.isLeader() || held?.effective === undefined || held.object === undefined) return DONE;
    const live = await client.find<ConfigMap>(RESOURCES.configMaps, REF);
    await applyObject({ client, resource: RESOURCES.configMaps, manager: MANAGER }, configMapOf(held.effective), live);
    return DONE;
  };
}

/** Before anything is compiled: without a MeshConfig the last known values are in force, not the defaults. Rejects when it cannot be asked. */
export async function restoreLastMeshConfig(options: {
  readonly client: KubeClient;
  readonly world: World;
  readonly log: Log;
}): Promise<void> {
  const { client, world, log } = options;
  if (world.meshConfigs.get(MESH_CONFIG_NAME) !== undefined) return;
  const live = await client.find<ConfigMap>(RESOURCES.configMaps, REF);
  const object = live === undefined ? undefined : recordOf(live);
  // It may have come while the answer was on its way.
  if (object === undefined || world.meshConfigs.get(MESH_CONFIG_NAME) !== undefined) return;
  world.apply({ resource: 'meshConfigs', key: MESH_CONFIG_NAME, object });
  world.apply({ resource: 'meshConfigs', key: MESH_CONFIG_NAME, object: undefined });
  log.warn('there is no MeshConfig; the last one known stays in force', {
    generation: object.generation,
    from: `${REF.namespace}/${REF.name}`,
  });
}

function configMapOf({ uid, generation, createdAt, spec }: Effective<'MeshConfig'>): ConfigMap {
  return {
    apiVersion: apiVersionOf(RESOURCES.configMaps),
    kind: RESOURCES.configMaps.kind,
    metadata: { ...REF, labels: { 'app.kubernetes.io/part-of': 'heddle' } },
    data: { [LAST_MESH_CONFIG.key]: JSON.stringify({ uid, generation, createdAt, spec }) },
  };
}

/** Undefined where it cannot be read; the spec itself is checked when the model takes it in. */
function recordOf(live: ConfigMap): PolicyRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(live.data?.[LAST_MESH_CONFIG.key] ?? '');
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { uid, generation, createdAt, spec } = value as Readonly<Record<string, unknown>>;
  if (typeof uid !== 'string' || typeof generation !== 'number' || typeof createdAt !== 'string') return undefined;
  const record = { kind: 'MeshConfig', namespace: '', name: MESH_CONFIG_NAME } as const;
  return { ...record, uid, generation, createdAt, spec, acceptedOnce: true };
}
