import { type Key, serviceKey } from '../../proxy/contract/snapshot.ts';
import { compare, type Effective } from './policies.ts';
import { objectKey, type PodRecord, type ServiceRecord } from './records.ts';
import { isLive, serviceSelects } from './selectors.ts';
import type { World } from './world.ts';

/** What a policy concerns: pods by being behind its target, and proxies by holding a key that it shapes. */
export interface Selection {
  /** Meshed pods behind the target, whose `workload` key carries the policy. */
  readonly behind: readonly PodRecord[];
  /**
   * `service` keys that the policy shapes for those who hold them, to the namespace whose proxies alone count (a consumer policy), or
   * undefined for all. `pod` keys of pods behind the target carry the policy as well.
   */
  readonly keys: ReadonlyMap<Key, string | undefined>;
}

export function selectionOf(world: World, policy: Effective): Selection {
  if (policy.kind === 'MeshConfig') return { behind: meshed(world.pods.values()), keys: new Map() };
  const keys = targetedServices(world, policy).map((service): [Key, string | undefined] => [
    serviceKey(service.namespace, service.name),
    service.namespace === policy.namespace ? undefined : policy.namespace,
  ]);
  return { behind: meshed(podsBehind(world, policy)), keys: new Map(keys) };
}

const meshed = (pods: Iterable<PodRecord>): PodRecord[] => [...pods].filter((pod) => pod.meshed && isLive(pod));

/** Clustered Services that a MeshPolicy reaches. */
export function targetedServices(world: World, policy: Effective): ServiceRecord[] {
  if (policy.kind !== 'MeshPolicy') return [];
  const { spec, namespace } = policy as Effective<'MeshPolicy'>;
  const services = spec.targetRefs.flatMap((target) => {
    if (target.kind === 'Namespace') return [...world.servicesIn(namespace)];
    const service = world.services.get(objectKey(target.namespace ?? namespace, target.name ?? ''));
    return service === undefined ? [] : [service];
  });
  return [...new Set(services)].filter((service) => service.type === 'Clustered');
}

/**
 * Pods whose own proxies carry the policy: behind a Service of the policy's namespace, or in its namespace. A consumer policy
 * binds callers only, so nothing stands behind it.
 */
export function podsBehind(world: World, policy: Effective): PodRecord[] {
  const pods = [...world.podsIn(policy.namespace)];
  if (policy.kind === 'MeshAccessPolicy' || aimsAtNamespace(policy)) return pods;
  const services = targetedServices(world, policy);
  return pods.filter((pod) => services.some((service) => serviceSelects(service, pod)));
}

function aimsAtNamespace(policy: Effective): boolean {
  if (policy.kind !== 'MeshPolicy') return false;
  return (policy as Effective<'MeshPolicy'>).spec.targetRefs.some((target) => target.kind === 'Namespace');
}

/** How many pods of a workload have a proxy. */
export interface Coverage {
  readonly namespace: string;
  /** `{ kind: 'Deployment', name: 'order' }`. */
  readonly workload: PodRecord['workload'];
  readonly meshed: number;
  readonly total: number;
}

/** By workload, live pods without hostNetwork only; by name. */
export function coverageOf(pods: Iterable<PodRecord>): Coverage[] {
  const found = new Map<string, Coverage>();
  for (const pod of pods) {
    if (!isLive(pod) || pod.hostNetwork || pod.terminating) continue;
    const { namespace, workload } = pod;
    const key = `${namespace}/${workload.kind}/${workload.name}`;
    const { meshed: before, total } = found.get(key) ?? { meshed: 0, total: 0 };
    found.set(key, { namespace, workload, meshed: before + (pod.meshed ? 1 : 0), total: total + 1 });
  }
  return [...found].sort(([left], [right]) => compare(left, right)).map(([, coverage]) => coverage);
}

/**
 * Who calls, or may call, the policy's target from where its writer sees: the other workloads of the target's namespace, or of the
 * policy's own for a consumer policy. Those with no proxy at all are the ones to name.
 */
export function callerCoverage(world: World, policy: Effective): Coverage[] {
  if (policy.kind !== 'MeshPolicy') return [];
  const behind = new Set(podsBehind(world, policy));
  const callers = aimsAtNamespace(policy)
    ? [...world.podsIn(policy.namespace)]
    : [...world.podsIn(policy.namespace)].filter((pod) => !behind.has(pod));
  return coverageOf(callers);
}
