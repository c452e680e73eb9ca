import { DEFAULT_ACCESS_LOG, DEFAULT_SAMPLING_PERCENT } from '../../crds/defaults.ts';
import type { Telemetry } from '../../crds/gen/types.ts';
import type { AccessLogMode } from '../../proxy/contract/snapshot.ts';
import { type Attached, byAge, nearest, type PodRecord, type World } from '../model/model.ts';
import { attachedToPod, namespaceAttached } from './pod-services.ts';

const ACCESS_LOG = { None: 'Off', Errors: 'Errors', All: 'All' } as const satisfies Record<string, AccessLogMode>;

export function accessLogOf(telemetry: Telemetry | undefined): AccessLogMode {
  return ACCESS_LOG[telemetry?.accessLog ?? DEFAULT_ACCESS_LOG];
}

export function samplingOf(telemetry: Telemetry | undefined): number {
  return telemetry?.tracing?.samplingPercent ?? DEFAULT_SAMPLING_PERCENT;
}

/** For the calls that `attached` describes, else MeshConfig's. */
export function telemetryOf(world: World, attached: readonly Attached[]): Telemetry | undefined {
  return nearest(attached, 'telemetry')?.policy.spec.telemetry ?? world.settings.defaults.telemetry;
}

/** For a pod's own proxy: the oldest policy of a Service that selects the pod, else the namespace's, else MeshConfig's. */
export function podTelemetry(world: World, pod: PodRecord): Telemetry | undefined {
  const services = attachedToPod(world, pod)
    .filter(({ policy, level }) => level !== 'namespace' && policy.spec.telemetry !== undefined)
    .sort((left, right) => byAge(left.policy, right.policy));
  return services[0]?.policy.spec.telemetry ?? telemetryOf(world, namespaceAttached(world, pod.namespace));
}
