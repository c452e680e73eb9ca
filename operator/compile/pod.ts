import type { PodPort } from '../../proxy/contract/snapshot.ts';
import { attachedTo, type PodRecord, type World } from '../model/model.ts';
import type { Content, Viewer } from './compiled.ts';
import { identityOf } from './endpoints.ts';
import { attachedToPod, declaredPorts, type Leading, leadingTo, namespaceAttached } from './pod-services.ts';
import { accessLogOf, telemetryOf } from './telemetry.ts';
import { effectiveDefaults } from './traffic.ts';
import { compileRetries, compileTimeouts } from './tries.ts';

/**
 * A direct pod address. Undefined while nobody knows what stands there: an address inside the cluster that no Pod has (yet) is
 * never guessed to be plain. `absent` once a pod had it and is gone.
 */
export function compilePod(world: World, address: string, viewer: Viewer): Content | undefined {
  const pod = world.podAt(address);
  if (pod === 'ambiguous') return undefined;
  if (pod === undefined) return world.wasPod(address) ? { content: { kind: 'absent' }, policies: [] } : undefined;
  const namespace = namespaceAttached(world, pod.namespace);
  const defaults = effectiveDefaults(namespace, world.settings.defaults);
  const identity = identityOf(world, pod);
  const leading = leadingTo(world, pod);
  return {
    content: {
      kind: 'pod',
      namespace: pod.namespace,
      pod: pod.name,
      workload: pod.workload.name,
      ...(identity === undefined ? {} : { identity }),
      ...(identity === undefined || pod.excludedInboundPorts.length === 0
        ? {}
        : { plainPorts: pod.excludedInboundPorts }),
      ports: compilePorts(world, leading, viewer),
      accessLog: accessLogOf(telemetryOf(world, namespace)),
      timeouts: compileTimeouts(defaults.timeouts),
      retries: compileRetries(defaults.retries),
    },
    policies: [world.meshConfig, ...podPolicies(world, pod, leading, viewer)],
  };
}

function compilePorts(world: World, leading: readonly Leading[], viewer: Viewer): PodPort[] {
  const speaking = onlyServices(leading);
  return declaredPorts(leading).map(({ port, protocol }) => {
    const only = speaking.get(port);
    if (only === undefined) return { port, protocol };
    const defaults = effectiveDefaults(
      attachedTo(world, only.service, only.port, viewer.namespace),
      world.settings.defaults,
    );
    return { port, protocol, timeouts: compileTimeouts(defaults.timeouts), retries: compileRetries(defaults.retries) };
  });
}

/** By container port the one Service with an address (and so perhaps a policy) that leads to it; where several do, none of them speaks for it. */
function onlyServices(leading: readonly Leading[]): ReadonlyMap<number, Leading | undefined> {
  const found = new Map<number, Leading | undefined>();
  for (const one of leading) {
    if (one.service.type !== 'Clustered') continue;
    found.set(one.containerPort, found.has(one.containerPort) ? undefined : one);
  }
  return found;
}

function podPolicies(world: World, pod: PodRecord, leading: readonly Leading[], viewer: Viewer) {
  const seen = leading.flatMap(({ service, port }) => attachedTo(world, service, port, viewer.namespace));
  return [...attachedToPod(world, pod), ...seen].map(({ policy }) => policy);
}
