import { type Key, WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import { canonicalAddress, type ServiceRecord, type World } from '../model/model.ts';
import { addressTable } from './addresses.ts';
import { type Compiled, type CompiledAddresses, type Content, seal, type Viewer, versionOf } from './compiled.ts';
import { compilePod } from './pod.ts';
import { compileService, dependsOnNode } from './service.ts';
import { compileWorkload } from './workload.ts';

/** The door of the compiler: the world to what proxies understand. Pure; nothing but the world is read. */
export type { Compiled, CompiledAddresses, Viewer } from './compiled.ts';

/**
 * One key as `viewer` may see it. Undefined: nothing can be said (the viewer's pod, or the pod at that address, is not known, or who may talk to it is not); ask again
 * when the world names the key as affected. A key of an unknown form is `absent`.
 */
export function compileKey(world: World, key: Key, viewer: Viewer): Compiled | undefined {
  const content = contentOf(world, key, viewer);
  return content === undefined ? undefined : seal(key, content);
}

function contentOf(world: World, key: Key, viewer: Viewer): Content | undefined {
  if (key === WORKLOAD_KEY) {
    const pod = world.podByUid(viewer.podUid);
    // Another namespace than the token's: not the pod that asks.
    if (pod === undefined || pod.namespace !== viewer.namespace) return undefined;
    return world.isBlind(pod.namespace) ? undefined : compileWorkload(world, pod);
  }
  const service = serviceOf(world, key);
  if (service !== undefined) {
    if (service !== 'gone' && dependsOnNode(world, service) && world.podByUid(viewer.podUid) === undefined)
      return undefined;
    return compileService(world, service === 'gone' ? undefined : service, viewer);
  }
  const address = canonicalAddress(/^pod\/(.+)$/.exec(key)?.[1] ?? '');
  return address === undefined ? { content: { kind: 'absent' }, policies: [] } : compilePod(world, address, viewer);
}

function serviceOf(world: World, key: Key): ServiceRecord | 'gone' | undefined {
  const name = /^service\/([^/]+\/[^/]+)$/.exec(key)?.[1];
  return name === undefined ? undefined : (world.services.get(name) ?? 'gone');
}

/** Viewers of the same class see the same content and provenance of `key`: it is compiled once for all of them. */
export function viewClass(world: World, key: Key, viewer: Viewer): string {
  if (key === WORKLOAD_KEY) return viewer.podUid;
  const service = serviceOf(world, key);
  if (service === undefined || service === 'gone' || !dependsOnNode(world, service)) return viewer.namespace;
  return `${viewer.namespace} ${world.podByUid(viewer.podUid)?.nodeName ?? ''}`;
}

export function compileAddresses(world: World): CompiledAddresses {
  const table = addressTable(world);
  return { version: versionOf(table), table };
}
