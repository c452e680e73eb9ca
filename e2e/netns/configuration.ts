import type {
  AddressTable,
  Configuration,
  Endpoint,
  Key,
  PodConfiguration,
  Protocol,
  Retries,
  ServiceConfiguration,
  ServicePort,
  StaticConfiguration,
  Timeouts,
  WorkloadConfiguration,
} from '../../proxy/contract/snapshot.ts';
import { podKey, serviceKey } from '../../proxy/contract/snapshot.ts';
import { type Family, PODS, type PodName } from './namespaces.ts';

export const TRUST_DOMAIN = 'netns.test';
export const identityOf = (pod: PodName): string => `spiffe://${TRUST_DOMAIN}/ns/shop/sa/${pod}`;

/** Address of the Service `payment`, and one inside the ranges that nobody has. */
export const SERVICE = { ipv4: '10.96.0.1', ipv6: 'fd96::1' } as const;
export const NOBODY = { ipv4: '10.78.0.99', ipv6: 'fd78::99' } as const;

/** Ports of the Service and what stands behind them. */
export const PORTS = {
  http: 80,
  greeting: 81,
  collecting: 82,
  /** An endpoint without a proxy. */
  plainHttp: 83,
  plainGreeting: 84,
  /** An endpoint that is taken for meshed and is not. */
  impostor: 85,
  /** An application that listens on 127.0.0.1 only. */
  hidden: 86,
} as const;

const KEY = serviceKey('shop', 'payment');
const NONE: Timeouts = { requestMs: 0, perTryMs: 0, streamIdleMs: 0 };
const RETRIES: Retries = {
  attempts: 0,
  on: [],
  statuses: [],
  methods: [],
  backoff: { baseMs: 25, maxMs: 250 },
  budget: { percent: 20, minPerSecond: 1 },
};

/** What the proxy of `pod` runs on. `unmatched` NotFound makes every request a 404: to see a new configuration arrive. */
export function configurationOf(
  pod: PodName,
  family: Family,
  unmatched: 'Forward' | 'NotFound' = 'Forward',
): StaticConfiguration {
  const addresses: AddressTable = {
    ranges: ['10.78.0.0/24', '10.96.0.0/16', 'fd78::/64', 'fd96::/64'],
    entries: { [SERVICE.ipv4]: KEY, [SERVICE.ipv6]: KEY },
  };
  const configurations: Record<Key, Configuration> = {
    workload: workload(pod),
    [KEY]: service(family, unmatched),
  };
  for (const one of ['ipv4', 'ipv6'] as const) {
    configurations[podKey(NOBODY[one])] = { kind: 'absent' };
    for (const name of Object.keys(PODS) as PodName[]) configurations[podKey(PODS[name][one])] = podOf(name);
  }
  return { addresses, configurations };
}

/** Strict, but for two ports. */
function workload(pod: PodName): WorkloadConfiguration {
  return {
    kind: 'workload',
    namespace: 'shop',
    serviceAccount: pod,
    workload: pod,
    trustDomain: TRUST_DOMAIN,
    mtls: {
      mode: 'Strict',
      ports: [
        { port: 3001, mode: 'Permissive' },
        { port: 4001, mode: 'Permissive' },
        { port: 6001, mode: 'Permissive' },
      ],
    },
    ports: [],
    preload: [],
    accessLog: 'Errors',
    tracingSamplingPercent: 100,
  };
}

function podOf(name: PodName): PodConfiguration {
  const meshed = name !== 'plain';
  return {
    kind: 'pod',
    namespace: 'shop',
    pod: `${name}-0`,
    workload: name,
    ...(meshed ? { identity: identityOf(name), plainPorts: [2222] } : {}),
    ports: [],
    accessLog: 'Errors',
    timeouts: NONE,
    retries: RETRIES,
  };
}

function service(family: Family, unmatched: 'Forward' | 'NotFound'): ServiceConfiguration {
  const at = (pod: PodName, port: number, identity: string | undefined): Endpoint => ({
    address: PODS[pod][family],
    port,
    pod: `${pod}-0`,
    workload: pod,
    namespace: 'shop',
    ...(identity === undefined ? {} : { identity }),
    subsets: [],
  });
  const port = (number: number, endpoint: Endpoint, protocol: Protocol = 'auto'): ServicePort => ({
    port: number,
    protocol,
    endpoints: [endpoint],
    traffic: {
      routes: [],
      unmatched: { action: unmatched, timeouts: NONE, retries: RETRIES },
      subsets: [],
      loadBalancing: { policy: 'LeastRequest' },
      connection: { connectTimeoutMs: 3_000, idleTimeoutMs: 60_000 },
    },
  });
  const payment = identityOf('payment');
  return {
    kind: 'service',
    namespace: 'shop',
    name: 'payment',
    accessLog: 'Errors',
    ports: [
      port(PORTS.http, at('payment', 3000, payment)),
      port(PORTS.greeting, at('payment', 4000, payment)),
      port(PORTS.collecting, at('payment', 4002, payment), 'tcp'),
      port(PORTS.plainHttp, at('plain', 3000, undefined)),
      port(PORTS.plainGreeting, at('plain', 4000, undefined)),
      port(PORTS.impostor, at('plain', 3000, payment)),
      port(PORTS.hidden, at('payment', 5000, payment)),
    ],
  };
}
