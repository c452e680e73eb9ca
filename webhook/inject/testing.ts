import type { InjectionDefaults } from './values.ts';

/** Defaults for tests. */
export const testDefaults: InjectionDefaults = {
  proxyImage: 'heddle/proxy:test',
  initImage: 'heddle/init:test',
  imagePullPolicy: 'IfNotPresent',
  trustDomain: 'cluster.local',
  control: 'heddle-operator.heddle-system.svc:19810',
  cpuRequest: '50m',
  memoryRequest: '96Mi',
  memoryLimit: '256Mi',
  excludeInboundPorts: [],
  excludeOutboundPorts: [],
  excludeOutboundCidrs: [],
  leafSeconds: 0,
  unusedKeySeconds: 0,
};
