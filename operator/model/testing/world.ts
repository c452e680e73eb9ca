import { type Affected, type Change, mergeAffected, NOTHING_AFFECTED } from '../changes.ts';
import { at, text } from '../json.ts';
import {
  stripEndpointSlice,
  stripMeshAccessPolicy,
  stripMeshConfig,
  stripMeshPolicy,
  stripNamespace,
  stripNode,
  stripService,
  stripServiceCidr,
} from '../strip.ts';
import { stripPod } from '../strip-pod.ts';
import { World } from '../world.ts';

/** The change that an informer makes of a full object; `gone` for its deletion. */
export function changeOf(raw: unknown, gone = false): Change {
  const { namespace, name } = at(raw, 'metadata');
  const key = text(namespace) === undefined ? String(name) : `${namespace}/${name}`;
  const kept = <Kept>(record: Kept): Kept | undefined => (gone ? undefined : record);
  switch (at(raw)['kind']) {
    case 'Pod':
      return { resource: 'pods', key, object: kept(stripPod(raw)) };
    case 'Service':
      return { resource: 'services', key, object: kept(stripService(raw)) };
    case 'EndpointSlice':
      return { resource: 'endpointSlices', key, object: kept(stripEndpointSlice(raw)) };
    case 'Namespace':
      return { resource: 'namespaces', key, object: kept(stripNamespace(raw)) };
    case 'Node':
      return { resource: 'nodes', key, object: kept(stripNode(raw)) };
    case 'ServiceCIDR':
      return { resource: 'serviceCidrs', key, object: kept(stripServiceCidr(raw)) };
    case 'MeshPolicy':
      return { resource: 'meshPolicies', key, object: kept(stripMeshPolicy(raw)) };
    case 'MeshAccessPolicy':
      return { resource: 'meshAccessPolicies', key, object: kept(stripMeshAccessPolicy(raw)) };
    case 'MeshConfig':
      return { resource: 'meshConfigs', key, object: kept(stripMeshConfig(raw)) };
    default:
      throw new Error(`the model takes no ${String(at(raw)['kind'])}`);
  }
}

export function applyAll(world: World, ...objects: readonly unknown[]): Affected {
  return objects.map((raw) => world.apply(changeOf(raw))).reduce(mergeAffected, NOTHING_AFFECTED);
}

export function remove(world: World, raw: unknown): Affected {
  return world.apply(changeOf(raw, true));
}

export function worldOf(...objects: readonly unknown[]): World {
  const world = new World();
  applyAll(world, ...objects);
  return world;
}
