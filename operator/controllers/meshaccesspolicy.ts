import type { Outcome } from '../kube/kube.ts';
import { coverageOf, podsBehind, targetStates } from '../model/model.ts';
import { NO_CLAIMS, reconcileStatus, type StatusContext } from '../status/policy-status.ts';

/** Status of a MeshAccessPolicy. Names the workloads of its namespace whose pods have no proxy: nothing is enforced there. */
export function reconcileMeshAccessPolicy(context: StatusContext, key: string): Promise<Outcome> {
  const { world } = context;
  return reconcileStatus(context, 'MeshAccessPolicy', key, world.meshAccessPolicies.get(key), (policy) => ({
    targets: targetStates(world, policy),
    claims: NO_CLAIMS,
    coverage: coverageOf(podsBehind(world, policy)),
  }));
}
