import {
  DEFAULT_CONNECTION,
  DEFAULT_LOAD_BALANCING,
  DEFAULT_ON_EMPTY,
  DEFAULT_UNMATCHED,
} from '../../crds/defaults.ts';
import type { MeshDefaults, TrafficDefaults } from '../../crds/gen/types.ts';
import type { Traffic } from '../../proxy/contract/snapshot.ts';
import { type Attached, nearest, routesOwner } from '../model/model.ts';
import { compileRoutes } from './routes.ts';
import { compileRetries, compileTimeouts, milliseconds } from './tries.ts';

/** The section `defaults` that holds for a call: the nearest policy's, whole, else MeshConfig's. */
export function effectiveDefaults(attached: readonly Attached[], mesh: MeshDefaults): TrafficDefaults {
  return nearest(attached, 'defaults')?.policy.spec.defaults ?? mesh;
}

/** What all policies together say of the calls to one port, complete. `attached` as `attachedTo` orders it. */
export function compileTraffic(attached: readonly Attached[], mesh: MeshDefaults): Traffic {
  const defaults = effectiveDefaults(attached, mesh);
  const owner = routesOwner(attached)?.policy.spec;
  const balancing = nearest(attached, 'loadBalancing')?.policy.spec.loadBalancing ?? mesh.loadBalancing;
  const pool = nearest(attached, 'connectionPool')?.policy.spec.connectionPool ?? mesh.connectionPool;
  return {
    routes: compileRoutes(owner?.routes ?? [], defaults),
    unmatched: {
      action: owner?.unmatched ?? DEFAULT_UNMATCHED,
      timeouts: compileTimeouts(defaults.timeouts),
      retries: compileRetries(defaults.retries),
    },
    subsets: (owner?.subsets ?? []).map(({ name, onEmpty }) => ({ name, onEmpty: onEmpty ?? DEFAULT_ON_EMPTY })),
    loadBalancing: { policy: balancing?.policy ?? DEFAULT_LOAD_BALANCING },
    connection: {
      connectTimeoutMs: milliseconds(pool?.connectTimeout, DEFAULT_CONNECTION.connectTimeoutMs),
      idleTimeoutMs: milliseconds(pool?.idleTimeout, DEFAULT_CONNECTION.idleTimeoutMs),
    },
  };
}
