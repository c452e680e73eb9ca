import type { V1Pod } from '@kubernetes/client-node';

/** Name of what made the pod, for telemetry: the Deployment behind a ReplicaSet, else the owner, else the pod itself. */
export function workloadName(pod: V1Pod): string {
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return pod.metadata?.name ?? trimDash(pod.metadata?.generateName ?? 'pod');
  const hash = pod.metadata?.labels?.['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return owner.name.slice(0, -hash.length - 1);
  }
  return owner.name;
}

function trimDash(name: string): string {
  return name.endsWith('-') ? name.slice(0, -1) : name;
}
