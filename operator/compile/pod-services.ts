import { HeddleError } from '../../proxy/base/errors.ts';
import type { Protocol } from '../../proxy/contract/snapshot.ts';
import {
  type Attached,
  attachedTo,
  type PodRecord,
  resolveTargetPort,
  type ServicePortRecord,
  type ServiceRecord,
  serviceSelects,
  type World,
} from '../model/model.ts';
import { namespaceTarget } from '../model/policy-book.ts';
import { agreedProtocol, declaredProtocol } from './protocol.ts';

/** A port of a Service that leads to a container port of the pod. */
export interface Leading {
  readonly service: ServiceRecord;
  readonly port: ServicePortRecord;
  readonly containerPort: number;
}

/** Ports of all Services of a pod together: far beyond what anybody has, and no more than some milliseconds of work. */
const MOST_LEADING = 5_000;

/** Services that select the pod. Throws where they have too many ports: what its namespace does to it is its own loss, not everybody's time. */
export function servicesOf(world: World, pod: PodRecord): ServiceRecord[] {
  const services = [...world.servicesIn(pod.namespace)].filter((service) => serviceSelects(service, pod));
  const count = services.reduce((sum, { ports }) => sum + ports.length, 0);
  if (count <= MOST_LEADING) return services;
  throw new HeddleError(
    'too_many_ports',
    `the Services of a pod have ${count} ports, at most ${MOST_LEADING} are taken`,
    {
      where: { pod: `${pod.namespace}/${pod.name}` },
    },
  );
}

/** By selector, not by slice: a pod knows its ports before it has an address, and only its own namespace says what they speak. */
export function leadingTo(world: World, pod: PodRecord): Leading[] {
  return servicesOf(world, pod)
    .filter((service) => service.type !== 'ExternalName')
    .flatMap((service) =>
      service.ports.flatMap((port) => {
        // A headless Service maps no ports: what is dialled is the container's.
        const containerPort = resolveTargetPort(port.targetPort, pod);
        return containerPort === undefined ? [] : [{ service, port, containerPort }];
      }),
    );
}

/** Container ports that some Service leads to, ascending, each with what those Services declare together. */
export function declaredPorts(leading: readonly Leading[]): { port: number; protocol: Protocol }[] {
  const ports = new Map<number, Set<Protocol>>();
  for (const { containerPort, port } of leading) {
    const protocols = ports.get(containerPort);
    if (protocols === undefined) ports.set(containerPort, new Set([declaredProtocol(port)]));
    else protocols.add(declaredProtocol(port));
  }
  return [...ports]
    .sort(([left], [right]) => left - right)
    .map(([port, protocols]) => ({ port, protocol: agreedProtocol([...protocols]) }));
}

/** Producer policies of the Services that select the pod, and those of its namespace. */
export function attachedToPod(world: World, pod: PodRecord): Attached[] {
  const direct = servicesOf(world, pod).flatMap((service) =>
    [undefined, ...service.ports].flatMap((port) => attachedTo(world, service, port, pod.namespace)),
  );
  return [...direct.filter(({ level }) => level !== 'namespace'), ...namespaceAttached(world, pod.namespace)];
}

export function namespaceAttached(world: World, namespace: string): Attached[] {
  return world.meshPolicies.targeting(namespaceTarget(namespace)).map((policy) => ({ policy, level: 'namespace' }));
}
