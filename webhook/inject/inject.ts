import type { V1Container, V1Pod, V1PodSpec } from '@kubernetes/client-node';
import { WRITTEN_ANNOTATIONS } from '../../crds/labels.ts';
import { CONTAINER, ENV, PROBE_SECRET, type Probe, VOLUMES } from '../../proxy/contract/bootstrap.ts';
import { initContainer } from './init-container.ts';
import { type RewrittenContainer, rewriteContainer } from './probes.ts';
import { allLimitCpu, initResources, qosClass, sidecarResources } from './qos.ts';
import { sidecar } from './sidecar.ts';
import type { Values } from './values.ts';
import { volumes } from './volumes.ts';

export interface Injection {
  readonly pod: V1Pod;
  readonly warnings: readonly string[];
}

const OWN_CONTAINERS: ReadonlySet<string> = new Set(Object.values(CONTAINER));
const OWN_VOLUMES: ReadonlySet<string> = new Set(Object.values(VOLUMES));
/** Seconds an application without a preStop goes on serving after it left the endpoints: most die at once on SIGTERM. */
const PRE_STOP_SLEEP_SECONDS = 5;
const DEFAULT_GRACE_SECONDS = 30;

/**
 * The pod with the mesh in it. Pure, and idempotent: what an earlier run added is taken out first, so that the webhook
 * may be asked again after others added containers. `newSecret` makes a `PROBE_SECRET`; an earlier run's is kept.
 */
export function inject(
  pod: V1Pod,
  values: Values,
  selfCheckTarget: string | undefined,
  newSecret: () => string,
): Injection {
  const spec = pod.spec ?? { containers: [] };
  const earlier = earlierProbes(spec);
  const secret = secretOf(earlier[0]) ?? newSecret();
  const rewrite = (container: V1Container): RewrittenContainer => rewriteContainer(container, secret);
  const qos = qosClass(pod, OWN_CONTAINERS);
  const grace = spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;

  const initContainers = theirs(spec.initContainers).map(rewrite);
  const containers = theirs(spec.containers).map((container) =>
    rewrite(values.preStopSleep ? withPreStop(container, grace) : container),
  );
  const all = [...initContainers, ...containers];
  const probes = mergeProbes(
    earlier,
    all.flatMap((one) => one.probes),
  );
  const limitsCpu = allLimitCpu(pod, OWN_CONTAINERS);
  const resources = sidecarResources(qos, values, limitsCpu);

  return {
    pod: {
      ...pod,
      metadata: { ...pod.metadata, annotations: injectedAnnotations(pod, values) },
      spec: {
        ...spec,
        initContainers: [
          initContainer(values, initResources(qos, values, limitsCpu), selfCheckTarget),
          sidecar(pod, values, probes, resources),
          ...initContainers.map((one) => one.container),
        ],
        containers: containers.map((one) => one.container),
        volumes: [...(spec.volumes ?? []).filter((volume) => !OWN_VOLUMES.has(volume.name)), ...volumes()],
      },
    },
    warnings: all.flatMap((one) => one.warnings),
  };
}

function theirs(containers: readonly V1Container[] | undefined): V1Container[] {
  return (containers ?? []).filter((container) => !OWN_CONTAINERS.has(container.name));
}

/** `sleep` is a hook of the kubelet itself (KEP-3960): no shell needed. It must end within the grace period. */
function withPreStop(container: V1Container, grace: number): V1Container {
  const seconds = Math.min(PRE_STOP_SLEEP_SECONDS, grace - 1);
  if (container.lifecycle?.preStop !== undefined || seconds < 1) return container;
  return { ...container, lifecycle: { ...container.lifecycle, preStop: { sleep: { seconds } } } };
}

/** Probes that an earlier run moved into the sidecar: their containers no longer show them. */
function earlierProbes(spec: V1PodSpec): Probe[] {
  const proxy = spec.initContainers?.find((container) => container.name === CONTAINER.proxy);
  const text = proxy?.env?.find((variable) => variable.name === ENV.probes)?.value;
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as Probe[]).filter((probe) => secretOf(probe) !== undefined) : [];
  } catch {
    return []; // Written by somebody else: the containers' own probes are then all there is.
  }
}

function secretOf(probe: Probe | undefined): string | undefined {
  const last = String(probe?.path).split('/').at(-1) ?? '';
  return PROBE_SECRET.test(last) ? last : undefined;
}

function mergeProbes(earlier: readonly Probe[], found: readonly Probe[]): Probe[] {
  const paths = new Set(found.map((probe) => probe.path));
  return [...earlier.filter((probe) => !paths.has(probe.path)), ...found];
}

function injectedAnnotations(pod: V1Pod, values: Values): Record<string, string> {
  const { [WRITTEN_ANNOTATIONS.notInjected]: _skip, ...kept } = pod.metadata?.annotations ?? {};
  return { ...kept, [WRITTEN_ANNOTATIONS.injected]: values.proxyImage };
}
