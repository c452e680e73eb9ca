import type { ServicePort } from '../../proxy/contract/snapshot.ts';
import {
  type Attached,
  attachedTo,
  objectKey,
  routesOwner,
  type ServicePortRecord,
  type ServiceRecord,
  type World,
} from '../model/model.ts';
import type { Content, Viewer } from './compiled.ts';
import { checkEndpointCount, compileEndpoints } from './endpoints.ts';
import { declaredProtocol } from './protocol.ts';
import { accessLogOf, telemetryOf } from './telemetry.ts';
import { compileTraffic } from './traffic.ts';

/** A Service as seen by one pod. Gone, headless and ExternalName Services have no address of their own: `absent`. */
export function compileService(world: World, service: ServiceRecord | undefined, viewer: Viewer): Content {
  if (service === undefined || service.type !== 'Clustered') return { content: { kind: 'absent' }, policies: [] };
  checkEndpointCount(world, service);
  const whole = attachedTo(world, service, undefined, viewer.namespace);
  const ports = service.ports.map((port) => ({ port, attached: attachedTo(world, service, port, viewer.namespace) }));
  const nodeName = dependsOnNode(world, service) ? world.podByUid(viewer.podUid)?.nodeName : undefined;
  return {
    content: {
      kind: 'service',
      namespace: service.namespace,
      name: service.name,
      ports: ports.map(({ port, attached }) => compilePort(world, service, port, attached, nodeName)),
      accessLog: accessLogOf(telemetryOf(world, whole)),
    },
    policies: [
      world.meshConfig,
      ...[whole, ...ports.map(({ attached }) => attached)].flat().map(({ policy }) => policy),
    ],
  };
}

function compilePort(
  world: World,
  service: ServiceRecord,
  port: ServicePortRecord,
  attached: readonly Attached[],
  nodeName: string | undefined,
): ServicePort {
  const subsets = routesOwner(attached)?.policy.spec.subsets ?? [];
  return {
    port: port.port,
    ...(port.name === '' ? {} : { name: port.name }),
    protocol: declaredProtocol(port),
    endpoints: compileEndpoints(world, service, port, subsets, nodeName),
    traffic: compileTraffic(attached, world.settings.defaults),
    ...(service.affinitySeconds === undefined ? {} : { clientIpAffinitySeconds: service.affinitySeconds }),
  };
}

export function dependsOnNode(world: World, { namespace, name }: ServiceRecord): boolean {
  return world.nodeDependent.has(objectKey(namespace, name));
}
