import type { PodRecord, World } from '../model/model.ts';
import { compileAuthorization } from './authorization.ts';
import type { Content } from './compiled.ts';
import { compileMtls } from './mtls.ts';
import { attachedToPod, declaredPorts, leadingTo } from './pod-services.ts';
import { accessLogOf, podTelemetry, samplingOf } from './telemetry.ts';

/** A proxy's own inbound side. */
export function compileWorkload(world: World, pod: PodRecord): Content {
  const access = world.meshAccessPolicies.effectiveIn(pod.namespace);
  const authorization = compileAuthorization(access);
  const telemetry = podTelemetry(world, pod);
  return {
    content: {
      kind: 'workload',
      namespace: pod.namespace,
      serviceAccount: pod.serviceAccount,
      workload: pod.workload.name,
      trustDomain: world.settings.trustDomain,
      mtls: compileMtls(world.settings, access),
      ...(authorization === undefined ? {} : { authorization }),
      ports: declaredPorts(leadingTo(world, pod)),
      // The distributor fills it in: it knows what replicas use.
      preload: [],
      accessLog: accessLogOf(telemetry),
      tracingSamplingPercent: samplingOf(telemetry),
    },
    policies: [world.meshConfig, ...access, ...attachedToPod(world, pod).map(({ policy }) => policy)],
    mustUnderstand: authorization === undefined ? ['mtls'] : ['authorization', 'mtls'],
  };
}
