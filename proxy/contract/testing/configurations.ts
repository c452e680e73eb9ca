import type { PodConfiguration, Retries, ServiceConfiguration, Timeouts, WorkloadConfiguration } from '../snapshot.ts';

/** One full example of each kind of configuration, for tests of every room. */

export const timeouts: Timeouts = { requestMs: 10_000, perTryMs: 2_000, streamIdleMs: 0 };
export const retries: Retries = {
  attempts: 3,
  on: ['5xx', 'reset', 'connect-failure'],
  statuses: [409],
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  idempotencyKeyHeader: 'idempotency-key',
  backoff: { baseMs: 25, maxMs: 250 },
  budget: { percent: 20, minPerSecond: 1 },
};

export const service: ServiceConfiguration = {
  kind: 'service',
  namespace: 'shop',
  name: 'payment',
  ports: [
    {
      port: 80,
      name: 'http',
      protocol: 'http',
      endpoints: [
        {
          address: '10.1.0.7',
          port: 3000,
          pod: 'payment-v1-abc',
          workload: 'payment-v1',
          namespace: 'shop',
          identity: 'spiffe://cluster.local/ns/shop/sa/payment',
          subsets: ['v1'],
        },
        { address: 'fd00::8', port: 3000, subsets: ['v2'] },
      ],
      traffic: {
        routes: [
          {
            name: 'charge',
            matches: [
              {
                path: { type: 'PathPrefix', value: '/charge' },
                method: 'POST',
                headers: [{ name: 'x-canary', type: 'Exact', value: 'yes' }],
              },
            ],
            backends: [
              { subset: 'v1', weight: 95 },
              { subset: 'v2', weight: 5 },
            ],
            timeouts,
            retries,
          },
        ],
        unmatched: { action: 'Forward', timeouts, retries },
        subsets: [
          { name: 'v1', onEmpty: 'Redistribute' },
          { name: 'v2', onEmpty: 'Fail' },
        ],
        loadBalancing: { policy: 'RoundRobin' },
        connection: { connectTimeoutMs: 3_000, idleTimeoutMs: 60_000 },
      },
      clientIpAffinitySeconds: 10_800,
    },
  ],
  accessLog: 'Errors',
};

export const workload: WorkloadConfiguration = {
  kind: 'workload',
  namespace: 'shop',
  serviceAccount: 'payment',
  workload: 'payment-v1',
  trustDomain: 'cluster.local',
  mtls: { mode: 'Strict', ports: [{ port: 9090, mode: 'Permissive' }] },
  authorization: {
    defaultAction: 'Deny',
    rules: [
      {
        name: 'shop/payment-access/order',
        action: 'Allow',
        from: [{ kind: 'identity', namespace: 'shop', serviceAccount: 'order' }],
        to: [{ ports: [3000], methods: ['POST'], paths: [{ type: 'PathPrefix', value: '/charge' }] }],
      },
    ],
  },
  ports: [{ port: 3000, protocol: 'http' }],
  preload: ['service/shop/fraud'],
  accessLog: 'Errors',
  tracingSamplingPercent: 100,
};

export const pod: PodConfiguration = {
  kind: 'pod',
  namespace: 'shop',
  pod: 'payment-v1-abc',
  workload: 'payment-v1',
  identity: 'spiffe://cluster.local/ns/shop/sa/payment',
  ports: [{ port: 3000, protocol: 'http', timeouts, retries }],
  accessLog: 'Errors',
  timeouts,
  retries,
};
