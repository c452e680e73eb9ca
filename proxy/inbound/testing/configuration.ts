import type {
  Endpoint,
  Retries,
  ServiceConfiguration,
  ServicePort,
  Timeouts,
  Traffic,
  WorkloadConfiguration,
} from '../../contract/snapshot.ts';

export const NO_TIMEOUTS: Timeouts = { requestMs: 0, perTryMs: 0, streamIdleMs: 0 };
export const NO_RETRIES: Retries = {
  attempts: 0,
  on: [],
  statuses: [],
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  backoff: { baseMs: 1, maxMs: 5 },
  budget: { percent: 20, minPerSecond: 1 },
};

export function traffic(changes: Partial<Traffic> = {}): Traffic {
  return {
    routes: [],
    unmatched: { action: 'Forward', timeouts: NO_TIMEOUTS, retries: NO_RETRIES },
    subsets: [],
    loadBalancing: { policy: 'LeastRequest' },
    connection: { connectTimeoutMs: 3_000, idleTimeoutMs: 60_000 },
    ...changes,
  };
}

export function servicePort(endpoints: readonly Endpoint[], changes: Partial<ServicePort> = {}): ServicePort {
  return { port: 80, protocol: 'auto', endpoints, traffic: traffic(), ...changes };
}

export function service(
  ports: readonly ServicePort[],
  changes: Partial<ServiceConfiguration> = {},
): ServiceConfiguration {
  return { kind: 'service', namespace: 'shop', name: 'payment', ports, accessLog: 'Errors', ...changes };
}

export function workload(changes: Partial<WorkloadConfiguration> = {}): WorkloadConfiguration {
  return {
    kind: 'workload',
    namespace: 'shop',
    serviceAccount: 'payment',
    workload: 'payment-v1',
    trustDomain: 'test.local',
    mtls: { mode: 'Permissive', ports: [] },
    ports: [],
    preload: [],
    accessLog: 'Errors',
    tracingSamplingPercent: 100,
    ...changes,
  };
}
