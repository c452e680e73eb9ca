import type {
  AuthorizationRule,
  Endpoint,
  Protocol,
  Retries,
  Route,
  ServiceConfiguration,
  StaticConfiguration,
  Timeouts,
  WorkloadConfiguration,
} from '../../../proxy/contract/snapshot.ts';
import { serviceKey, WORKLOAD_KEY } from '../../../proxy/contract/snapshot.ts';
import {
  ADDRESS,
  BACKENDS,
  CALLERS_NAMESPACE,
  IDENTITY,
  OTHER_PATH,
  SERVICE_RANGE,
  SERVICES,
  TRUST_DOMAIN,
} from '../plan.ts';

const NAMESPACE = 'bench';
/** Services that nobody calls: at most 65,536. */
const IDLE_RANGE = '10.79.0.0/16';
const IDLE_ENDPOINTS = 5;
const TIMEOUTS: Timeouts = { requestMs: 15_000, perTryMs: 0, streamIdleMs: 0 };
/** As a mesh has them by default: once more where the application cannot have seen the request. */
const RETRIES: Retries = {
  attempts: 1,
  on: ['connect-failure', 'refused-stream'],
  statuses: [],
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  backoff: { baseMs: 25, maxMs: 250 },
  budget: { percent: 20, minPerSecond: 1 },
};

const CALLERS_RULE: AuthorizationRule = {
  name: 'bench/access/callers',
  action: 'Allow',
  from: [{ kind: 'identity', namespace: CALLERS_NAMESPACE }],
  to: [{}],
};

/**
 * Our proxy beside the calling application: every Service of the plan, routed by original destination and path. `destinations` more Services stand for
 * what a large application subscribes to.
 */
export function heddleOutbound(destinations = 0): StaticConfiguration {
  const services = [
    service('hop', SERVICES.hop.port, 'http', [endpoint(BACKENDS.plainA, 'a'), endpoint(BACKENDS.plainB, 'b')], true),
    service('hop-other', SERVICES.hopOther.port, 'http', [endpoint(BACKENDS.plainB, 'b')], false),
    service('pair', SERVICES.pair.port, 'http', [meshed(BACKENDS.a, 'a'), meshed(BACKENDS.b, 'b')], true),
    service('pair-other', SERVICES.pairOther.port, 'http', [meshed(BACKENDS.b, 'b')], false),
    service('tcp', SERVICES.tcp.port, 'tcp', [endpoint(BACKENDS.echo, 'a')], false),
    service('grpc', SERVICES.grpc.port, 'grpc', [meshed(BACKENDS.grpc, 'a')], false),
  ];
  const addresses: Record<string, string> = {
    [SERVICES.hop.address]: 'hop',
    [SERVICES.hopOther.address]: 'hop-other',
    [SERVICES.pair.address]: 'pair',
    [SERVICES.pairOther.address]: 'pair-other',
    [SERVICES.tcp.address]: 'tcp',
    [SERVICES.grpc.address]: 'grpc',
  };
  for (let index = 0; index < destinations; index++) {
    const name = `idle-${index}`;
    services.push(service(name, 80, 'http', idleEndpoints(index), false));
    addresses[`10.79.${index >> 8}.${index & 255}`] = name;
  }
  return {
    addresses: {
      ranges: [SERVICE_RANGE, IDLE_RANGE],
      entries: Object.fromEntries(
        Object.entries(addresses).map(([address, name]) => [address, serviceKey(NAMESPACE, name)]),
      ),
    },
    configurations: {
      [WORKLOAD_KEY]: workload('client', []),
      ...Object.fromEntries(services.map((one) => [serviceKey(NAMESPACE, one.name), one])),
    },
  };
}

/** Our proxy beside the called application: Strict, and only the client's identity may call; with `callers` also whoever is of their namespace. */
export function heddleInbound(callers = false): StaticConfiguration {
  const inbound: WorkloadConfiguration = {
    ...workload('server', [
      { port: BACKENDS.a, protocol: 'http' },
      { port: BACKENDS.b, protocol: 'http' },
      { port: BACKENDS.grpc, protocol: 'grpc' },
    ]),
    mtls: { mode: 'Strict', ports: [] },
    authorization: {
      defaultAction: 'Deny',
      rules: [
        {
          name: 'bench/access/client',
          action: 'Allow',
          from: [{ kind: 'identity', namespace: NAMESPACE, serviceAccount: 'client' }],
          to: [{}],
        },
        ...(callers ? [CALLERS_RULE] : []),
      ],
    },
  };
  return { addresses: { ranges: [SERVICE_RANGE], entries: {} }, configurations: { [WORKLOAD_KEY]: inbound } };
}

function workload(name: string, ports: WorkloadConfiguration['ports']): WorkloadConfiguration {
  return {
    kind: 'workload',
    namespace: NAMESPACE,
    serviceAccount: name,
    workload: name,
    trustDomain: TRUST_DOMAIN,
    mtls: { mode: 'Permissive', ports: [] },
    ports,
    preload: [],
    accessLog: 'Errors',
    tracingSamplingPercent: 100,
  };
}

function service(
  name: string,
  port: number,
  protocol: Protocol,
  endpoints: readonly Endpoint[],
  routed: boolean,
): ServiceConfiguration {
  const route = (path: string, subset: string): Route => ({
    name: subset,
    matches: [{ path: { type: 'PathPrefix', value: path } }],
    backends: [{ subset, weight: 1 }],
    timeouts: TIMEOUTS,
    retries: RETRIES,
  });
  const traffic = {
    routes: routed ? [route(OTHER_PATH, 'b'), route('/', 'a')] : [],
    unmatched: { action: routed ? ('NotFound' as const) : ('Forward' as const), timeouts: TIMEOUTS, retries: RETRIES },
    subsets: routed ? (['a', 'b'] as const).map((subset) => ({ name: subset, onEmpty: 'Fail' as const })) : [],
    loadBalancing: { policy: 'LeastRequest' as const },
    connection: { connectTimeoutMs: 3_000, idleTimeoutMs: 60_000 },
  };
  const ports = [{ port, protocol, endpoints, traffic }];
  return { kind: 'service', namespace: NAMESPACE, name, ports, accessLog: 'Errors' };
}

function idleEndpoints(index: number): Endpoint[] {
  return Array.from({ length: IDLE_ENDPOINTS }, (_, at) => ({
    address: `10.${80 + at}.${index >> 8}.${index & 255}`,
    port: 8080,
    pod: `idle-${index}-${at}`,
    workload: `idle-${index}`,
    namespace: NAMESPACE,
    identity: `spiffe://${TRUST_DOMAIN}/ns/${NAMESPACE}/sa/idle-${index}`,
    subsets: [],
  }));
}

function endpoint(port: number, subset: string): Endpoint {
  return { address: ADDRESS.server, port, pod: 'server', workload: 'server', namespace: NAMESPACE, subsets: [subset] };
}

function meshed(port: number, subset: string): Endpoint {
  return { ...endpoint(port, subset), identity: IDENTITY.server };
}
