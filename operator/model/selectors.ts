import type { Labels, PodRecord, ServiceRecord } from './records.ts';

/** All of `wanted` stand in `labels`. An empty selector selects nothing here: that is what it means on a Service. */
export function selects(wanted: Labels | undefined, labels: Labels): boolean {
  if (wanted === undefined) return false;
  const pairs = Object.entries(wanted);
  return pairs.length > 0 && pairs.every(([name, value]) => labels[name] === value);
}

export function serviceSelects(service: ServiceRecord, pod: PodRecord): boolean {
  return service.namespace === pod.namespace && selects(service.selector, pod.labels);
}

/** A pod that has, or may still have, something running at its address. */
export function isLive(pod: PodRecord): boolean {
  return pod.phase !== 'Succeeded' && pod.phase !== 'Failed';
}

/** The number of the container port behind a Service's `targetPort`; a name may differ from pod to pod. */
export function resolveTargetPort(targetPort: number | string, pod: PodRecord): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  return pod.ports.find((port) => port.name === targetPort)?.port;
}
