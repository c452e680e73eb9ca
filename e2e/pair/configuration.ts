import type {
  AccessLogMode,
  Protocol,
  Retries,
  ServicePort,
  StaticConfiguration,
  Timeouts,
  WorkloadConfiguration,
} from '../../proxy/contract/snapshot.ts';
import { serviceKey } from '../../proxy/contract/snapshot.ts';
import { SERVICE_ADDRESS, toPod } from './addresses.ts';

export const TRUST_DOMAIN = 'pair.test';
export type Side = 'order' | 'payment';
export const identityOf = (side: string): string => `spiffe://${TRUST_DOMAIN}/ns/shop/sa/${side}`;

const NO_TIMEOUTS: Timeouts = { requestMs: 0, perTryMs: 0, streamIdleMs: 0 };
const NO_RETRIES: Retries = {
  attempts: 0,
  on: [],
  statuses: [],
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  backoff: { baseMs: 1, maxMs: 5 },
  budget: { percent: 20, minPerSecond: 1 },
};

/** One port of the Service and what its policy says. */
export interface ServiceDoor {
  /** Port of the Service. */
  readonly port: number;
  /** Port of the application behind the other proxy. */
  readonly application: number;
  readonly protocol?: Protocol;
  readonly timeouts?: Partial<Timeouts>;
  readonly retries?: Partial<Retries>;
}

export interface ConfigurationInput {
  readonly doors: readonly ServiceDoor[];
  /** Inbound listener of payment's proxy; 0 before it is known. */
  readonly inbound: number;
  /** Application ports that take plaintext too. */
  readonly permissive: readonly number[];
  readonly accessLog: AccessLogMode;
}

const KEY = serviceKey('shop', 'payment');

export function configurationOf(side: Side, input: ConfigurationInput): StaticConfiguration {
  const workload: WorkloadConfiguration = {
    kind: 'workload',
    namespace: 'shop',
    serviceAccount: side,
    workload: side,
    trustDomain: TRUST_DOMAIN,
    mtls: { mode: 'Strict', ports: input.permissive.map((port) => ({ port, mode: 'Permissive' as const })) },
    ports: input.permissive.map((port) => ({ port, protocol: 'http' as const })),
    preload: [],
    accessLog: input.accessLog,
    tracingSamplingPercent: 0,
  };
  return {
    addresses: { ranges: ['10.96.0.0/16'], entries: { [SERVICE_ADDRESS]: KEY } },
    configurations: {
      workload,
      [KEY]: {
        kind: 'service',
        namespace: 'shop',
        name: 'payment',
        accessLog: input.accessLog,
        ports: input.doors.map((door) => servicePort(door, input.inbound)),
      },
    },
  };
}

function servicePort(door: ServiceDoor, inbound: number): ServicePort {
  return {
    port: door.port,
    protocol: door.protocol ?? 'http',
    endpoints: [
      {
        address: toPod(door.application),
        port: inbound,
        pod: 'payment-0',
        workload: 'payment',
        namespace: 'shop',
        identity: identityOf('payment'),
        subsets: [],
      },
    ],
    traffic: {
      routes: [],
      unmatched: {
        action: 'Forward',
        timeouts: { ...NO_TIMEOUTS, ...door.timeouts },
        retries: { ...NO_RETRIES, ...door.retries },
      },
      subsets: [],
      loadBalancing: { policy: 'LeastRequest' },
      connection: { connectTimeoutMs: 3_000, idleTimeoutMs: 60_000 },
    },
  };
}
