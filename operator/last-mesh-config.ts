import { LAST_MESH_CONFIG, MESH_CONFIG_NAME } from '../crds/labels.ts';
import { HeddleError } from '../proxy/base/errors.ts';
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

/**
 * Before anything is compiled: without a MeshConfig, or with one that breaks a rule, the last known values are in force, not the defaults, which
 * open a Strict mesh and rename every identity. Rejects when it cannot be asked, and when what was kept cannot be used: then nobody knows.
 */
export async function restoreLastMeshConfig(options: {
  readonly client: KubeClient;
  readonly world: World;
  readonly log: Log;
}): Promise<void> {
  const { client, world, log } = options;
  const found = world.meshConfigs.get(MESH_CONFIG_NAME);
  if (found?.effective !== undefined) return;
  const live = await client.find<ConfigMap>(RESOURCES.configMaps, REF);
  const kept = live === undefined ? undefined : recordOf(live);
  const now = world.meshConfigs.get(MESH_CONFIG_NAME);
  // None was ever in force; or one came while the answer was on its way.
  if (kept === undefined || now?.effective !== undefined) return;
  const put = (object: PolicyRecord | undefined) =>
    world.apply({ resource: 'meshConfigs', key: MESH_CONFIG_NAME, object });
  put(kept);
  const isUsed = world.meshConfigs.get(MESH_CONFIG_NAME)?.effective !== undefined;
  if (now?.object?.uid !== kept.uid) put(undefined);
  if (now?.object !== undefined) put(now.object);
  if (!isUsed) throw unusable('its spec breaks a rule');
  log.warn('there is no MeshConfig that can be used; the last one known stays in force', {
    generation: kept.generation,
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

/** Throws where it cannot be read; the spec itself is checked when the model takes it in. */
function recordOf(live: ConfigMap): PolicyRecord {
  let value: unknown;
  try {
    value = JSON.parse(live.data?.[LAST_MESH_CONFIG.key] ?? '');
  } catch {
    throw unusable('it holds no JSON');
  }
  if (typeof value !== 'object' || value === null) throw unusable('it holds no object');
  const { uid, generation, createdAt, spec } = value as Readonly<Record<string, unknown>>;
  if (typeof uid !== 'string' || typeof generation !== 'number' || typeof createdAt !== 'string')
    throw unusable('it holds no uid, generation and createdAt');
  const record = { kind: 'MeshConfig', namespace: '', name: MESH_CONFIG_NAME } as const;
  return { ...record, uid, generation, createdAt, spec, acceptedOnce: true };
}

function unusable(why: string): HeddleError {
  const what = `the ConfigMap ${REF.namespace}/${REF.name} cannot be used: ${why}. A MeshConfig was in force, and its values are not known any more`;
  return new HeddleError('mesh_config', `${what}; apply a valid MeshConfig ${MESH_CONFIG_NAME}`, {
    where: { configMap: `${REF.namespace}/${REF.name}` },
  });
}
