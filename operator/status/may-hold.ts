import { WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import type { PodRef } from '../distribute/distribute.ts';
import type { Effective } from '../model/model.ts';

/**
 * Whether a key on a proxy of this pod could be shaped by the policy, any generation of it. Asked only where nothing better is
 * known; `key` undefined: any key. Generous on purpose: an earlier generation may have had other targets.
 */
export function mayHold(policy: Effective): (pod: PodRef, key: string | undefined) => boolean {
  if (policy.kind === 'MeshConfig') return () => true;
  if (policy.kind === 'MeshAccessPolicy') {
    return (pod, key) => pod.namespace === policy.namespace && (key === undefined || key === WORKLOAD_KEY);
  }
  const isConsumers = bindsConsumersOnly(policy as Effective<'MeshPolicy'>);
  return (pod, key) => {
    if (pod.namespace === policy.namespace) return true;
    return !isConsumers && key !== WORKLOAD_KEY;
  };
}

/** All its targets are Services of other namespaces: only clients in its own are bound. */
function bindsConsumersOnly(policy: Effective<'MeshPolicy'>): boolean {
  return policy.spec.targetRefs.every(
    (target) => target.namespace !== undefined && target.namespace !== policy.namespace,
  );
}
