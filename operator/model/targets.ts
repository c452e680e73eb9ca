import type { TrafficTarget } from '../../crds/gen/types.ts';
import type { Effective } from './policies.ts';
import { objectKey } from './records.ts';
import type { World } from './world.ts';

/** One `targetRef` of a policy and whether it is there. Reasons are those of the condition Accepted. */
export interface TargetState {
  /** For people: `Service shop/payment:http`, `Namespace shop`. */
  readonly target: string;
  readonly problem?: {
    readonly reason: 'TargetNotFound' | 'PortNotFound' | 'UnsupportedService';
    readonly message: string;
  };
}

export function targetStates(world: World, policy: Effective): TargetState[] {
  if (policy.kind !== 'MeshPolicy') return [{ target: `Namespace ${policy.namespace}` }];
  const { spec, namespace } = policy as Effective<'MeshPolicy'>;
  return spec.targetRefs.map((target) => targetState(world, namespace, target));
}

function targetState(world: World, namespace: string, ref: TrafficTarget): TargetState {
  if (ref.kind === 'Namespace') return { target: `Namespace ${namespace}` };
  const key = objectKey(ref.namespace ?? namespace, ref.name ?? '');
  const target = `Service ${key}${ref.sectionName === undefined ? '' : `:${ref.sectionName}`}`;
  const service = world.services.get(key);
  if (service === undefined) {
    return { target, problem: { reason: 'TargetNotFound', message: `there is no Service ${key}` } };
  }
  if (service.type !== 'Clustered') {
    const kind = service.type === 'Headless' ? 'headless' : 'an ExternalName';
    const message = `Service ${key} is ${kind}, so it has no address of its own to route by; target one with a cluster IP`;
    return { target, problem: { reason: 'UnsupportedService', message } };
  }
  if (ref.sectionName !== undefined && !service.ports.some((port) => port.name === ref.sectionName)) {
    const names = service.ports.map((port) => port.name).filter((name) => name !== '');
    const has = names.length === 0 ? 'its ports have no names' : `it has ${names.join(', ')}`;
    return {
      target,
      problem: { reason: 'PortNotFound', message: `Service ${key} has no TCP port ${ref.sectionName}: ${has}` },
    };
  }
  return { target };
}
