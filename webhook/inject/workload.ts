import type { V1Pod } from '@kubernetes/client-node';

/** Name of what made the pod, for telemetry: the Deployment behind a ReplicaSet, the CronJob behind a Job, else the owner, else the pod itself. As the operator names it. */
export function workloadName(pod: V1Pod): string {
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return pod.metadata?.name ?? trimDash(pod.metadata?.generateName ?? 'pod');
  const hash = pod.metadata?.labels?.['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return owner.name.slice(0, -hash.length - 1);
  }
  // A CronJob appends the scheduled minute; without this every run would be a new label value.
  const scheduled = owner.kind === 'Job' ? /^(.+)-[0-9]{8,}$/.exec(owner.name)?.[1] : undefined;
  return scheduled ?? owner.name;
}

function trimDash(name: string): string {
  return name.endsWith('-') ? name.slice(0, -1) : name;
}
