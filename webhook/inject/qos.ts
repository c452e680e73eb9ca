import type { V1Container, V1Pod, V1ResourceRequirements } from '@kubernetes/client-node';
import { quantityValue } from './formats.ts';
import type { Values } from './values.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/**
 * The pod's class of service before injection. Source: Kubernetes, "Pod Quality of Service Classes".
 * Our own containers are left out, so that a second injection sees the same pod.
 */
export function qosClass(pod: V1Pod, own: ReadonlySet<string>): QosClass {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].filter(
    (container) => !own.has(container.name),
  );
  const resources = containers.map((container: V1Container) => container.resources ?? {});
  if (resources.every((one) => isEmpty(one.requests) && isEmpty(one.limits))) return 'BestEffort';
  return resources.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

/** A proxy that shares its pod's fate must not change its class: HPA and quota need requests, eviction order needs the class. */
export function sidecarResources(pod: QosClass, values: Values, limitsCpu: boolean): V1ResourceRequirements {
  switch (pod) {
    case 'BestEffort':
      return {};
    case 'Guaranteed': {
      const same = { cpu: larger(GUARANTEED_CPU, values.cpuRequest), memory: values.memoryLimit };
      return { requests: same, limits: same };
    }
    case 'Burstable':
      return {
        requests: { cpu: values.cpuRequest, memory: values.memoryRequest },
        limits: {
          ...(limitsCpu ? { cpu: larger(CPU_LIMIT, values.cpuRequest) } : {}),
          memory: values.memoryLimit,
        },
      };
  }
}

export function initResources(pod: QosClass, values: Values, limitsCpu: boolean): V1ResourceRequirements {
  if (pod !== 'Burstable') return sidecarResources(pod, values, limitsCpu);
  const limits = { ...(limitsCpu ? { cpu: CPU_LIMIT } : {}), memory: '128Mi' };
  return { requests: { cpu: '10m', memory: '64Mi' }, limits };
}

/** A Guaranteed pod needs a CPU limit on every container; the usual request of 50m as a limit would throttle every call. */
const GUARANTEED_CPU = '250m';
/** Of the sidecar where a quota wants every container to name one: a whole core, so that it hardly ever throttles. */
const CPU_LIMIT = '1';
const RESOURCES = ['cpu', 'memory'] as const;

const larger = (left: string, right: string): string => (quantityValue(left) >= quantityValue(right) ? left : right);

/**
 * Every container of the pod has a CPU limit: its namespace's quota (limits.cpu) may refuse a pod in which one has none.
 * Else the sidecar has none, because a throttled proxy slows every call.
 */
export function allLimitCpu(pod: V1Pod, own: ReadonlySet<string>): boolean {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].filter(
    (container) => !own.has(container.name),
  );
  return containers.length > 0 && containers.every(({ resources }) => resources?.limits?.['cpu'] !== undefined);
}

function isGuaranteed(resources: V1ResourceRequirements): boolean {
  return RESOURCES.every((name) => {
    const limit = resources.limits?.[name];
    // An absent request defaults to the limit.
    const request = resources.requests?.[name] ?? limit;
    return limit !== undefined && request !== undefined && quantityValue(limit) === quantityValue(request);
  });
}

function isEmpty(list: Readonly<Record<string, string>> | undefined): boolean {
  return list === undefined || RESOURCES.every((name) => list[name] === undefined);
}
