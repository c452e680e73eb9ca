import type { Outcome } from '../kube/kube.ts';
import { NO_CLAIMS, reconcileStatus, type StatusContext } from '../status/policy-status.ts';

/** Status of a MeshConfig: it targets every proxy. */
export function reconcileMeshConfig(context: StatusContext, key: string): Promise<Outcome> {
  return reconcileStatus(context, 'MeshConfig', key, context.world.meshConfigs.get(key), () => ({
    targets: [],
    claims: NO_CLAIMS,
    coverage: [],
  }));
}
