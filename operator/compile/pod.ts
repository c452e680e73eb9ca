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
  return declaredPorts(leading).map(({ port, protocol }) => {
    const only = onlyService(leading, port);
    if (only === undefined) return { port, protocol };
    const defaults = effectiveDefaults(
      attachedTo(world, only.service, only.port, viewer.namespace),
      world.settings.defaults,
    );
    return { port, protocol, timeouts: compileTimeouts(defaults.timeouts), retries: compileRetries(defaults.retries) };
  });
}

/** The one Service with an address (and so perhaps a policy) that leads to the port; where several do, none of them speaks for it. */
function onlyService(leading: readonly Leading[], containerPort: number): Leading | undefined {
  const matching = leading.filter((one) => one.service.type === 'Clustered' && one.containerPort === containerPort);
  return matching.length === 1 ? matching[0] : undefined;
}

function podPolicies(world: World, pod: PodRecord, leading: readonly Leading[], viewer: Viewer) {
  const seen = leading.flatMap(({ service, port }) => attachedTo(world, service, port, viewer.namespace));
  return [...attachedToPod(world, pod), ...seen].map(({ policy }) => policy);
}
