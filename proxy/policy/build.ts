import { HeddleError } from '../base/errors.ts';
import type { Configuration, ServicePort, WorkloadConfiguration } from '../contract/snapshot.ts';
import { compileAuthorization } from './authz.ts';
import type { Built, BuiltWorkload, PortStates } from './built.ts';
import type { BuildTools } from './endpoint-groups.ts';
import type { PackedService } from './packed.ts';
import { PodDestination } from './pod.ts';
import { ServiceDestination } from './service.ts';

export * from './built.ts';

/** Throws `HeddleError` (code `configuration`, `where.path`) on a content that cannot be built. No side effects. */
export function checkBuildable(content: Configuration): void {
  if (content.kind !== 'service') return;
  for (const [index, port] of content.ports.entries()) checkPort(port, `ports[${index}]`);
}

function checkPort(port: ServicePort, path: string): void {
  const subsets = new Set(port.traffic.subsets.map((subset) => subset.name));
  for (const [at, route] of port.traffic.routes.entries()) {
    for (const [index, backend] of route.backends.entries()) {
      if (backend.subset === undefined || subsets.has(backend.subset)) continue;
      throw unbuildable(
        `${path}.traffic.routes[${at}].backends[${index}].subset`,
        `subset "${backend.subset}" is not defined`,
      );
    }
    if (route.backends.length > 0 && !route.backends.some((backend) => backend.weight > 0)) {
      throw unbuildable(`${path}.traffic.routes[${at}].backends`, 'at least one backend needs a weight above 0');
    }
  }
}

function unbuildable(path: string, message: string): HeddleError {
  return new HeddleError('configuration', message, { where: { path } });
}

export function build(content: Configuration | PackedService, tools: BuildTools, states: PortStates): Built {
  switch (content.kind) {
    case 'absent':
      return { kind: 'absent', running: 0 };
    case 'workload':
      return buildWorkload(content);
    case 'service':
    case 'packed':
      return new ServiceDestination(content, tools, states);
    case 'pod':
      return new PodDestination(content, tools, states);
  }
}

function buildWorkload(content: WorkloadConfiguration): BuiltWorkload {
  const modes = new Map(content.mtls.ports.map((entry) => [entry.port, entry.mode]));
  const protocols = new Map(content.ports.map((entry) => [entry.port, entry.protocol]));
  return {
    kind: 'workload',
    configuration: content,
    authorizer: compileAuthorization(content.authorization, content.trustDomain),
    mtlsMode: (port) => modes.get(port) ?? content.mtls.mode,
    protocol: (port) => protocols.get(port) ?? 'auto',
    running: 0,
  };
}
