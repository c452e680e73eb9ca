import type { Outcome } from '../kube/kube.ts';
import { callerCoverage, claimsOf, coverageOf, podsBehind, targetStates } from '../model/model.ts';
import { reconcileStatus, type StatusContext } from '../status/policy-status.ts';

/** Status of a MeshPolicy. Names the workloads behind the target, and possible callers with no proxy at all. */
export function reconcileMeshPolicy(context: StatusContext, key: string): Promise<Outcome> {
  const { world } = context;
  return reconcileStatus(context, 'MeshPolicy', key, world.meshPolicies.get(key), (policy) => ({
    targets: targetStates(world, policy),
    claims: claimsOf(world, policy),
    coverage: [
      ...coverageOf(podsBehind(world, policy)),
      ...callerCoverage(world, policy).filter((caller) => caller.meshed === 0),
    ],
  }));
}
