import {
  address,
  cidr,
  headerName,
  key,
  kubernetesName,
  milliseconds,
  port,
  shortText,
  spiffeId,
  token,
  urlPath,
} from './decode-values.ts';
import {
  array,
  type DecodeError,
  type Decoder,
  integer,
  number,
  object,
  oneOf,
  optional,
  record,
  refine,
  text,
  union,
} from './decoding.ts';
import type {
  AbsentConfiguration,
  AddressTable,
  Authorization,
  AuthorizationRule,
  AuthorizationSource,
  AuthorizationTarget,
  Configuration,
  Endpoint,
  HeaderMatch,
  LoadBalancing,
  PathMatch,
  PodConfiguration,
  PodPort,
  Retries,
  Route,
  RouteMatch,
  ServiceConfiguration,
  ServicePort,
  Subset,
  Timeouts,
  Traffic,
  WeightedBackend,
  WorkloadConfiguration,
} from './snapshot.ts';

/** Decoders of everything in `snapshot.ts`. The bounds are far above what the compiler makes and far below what would hurt. */

const MOST_PORTS = 1_000;
const MOST_ENDPOINTS = 50_000;
const MOST_ADDRESSES = 500_000;

const protocol = oneOf('auto', 'http', 'http2', 'grpc', 'tcp');
const mode = oneOf('Permissive', 'Strict');
const accessLog = oneOf('Off', 'Errors', 'All');

const pathMatch = object<PathMatch>({ type: oneOf('Exact', 'PathPrefix'), value: urlPath });

const headerMatch: Decoder<HeaderMatch> = refine(
  object<HeaderMatch>({ name: headerName, type: oneOf('Exact', 'Present'), value: optional(text({ most: 4_096 })) }),
  (match) =>
    match.type === 'Exact' && match.value === undefined ? [{ path: 'value', message: 'is required for Exact' }] : [],
);

const timeouts = object<Timeouts>({ requestMs: milliseconds, perTryMs: milliseconds, streamIdleMs: milliseconds });

const retries = object<Retries>({
  attempts: integer(0, 100),
  on: array(oneOf('5xx', 'gateway-error', 'reset', 'connect-failure', 'refused-stream', 'per-try-timeout'), {
    most: 16,
  }),
  statuses: array(integer(400, 599), { most: 200 }),
  methods: array(token, { most: 64 }),
  idempotencyKeyHeader: optional(headerName),
  backoff: object<Retries['backoff']>({ baseMs: milliseconds, maxMs: milliseconds }),
  budget: object<Retries['budget']>({ percent: number(0, 100), minPerSecond: number(0, 1_000_000) }),
});

const routeMatch = object<RouteMatch>({
  path: optional(pathMatch),
  method: optional(token),
  headers: optional(array(headerMatch, { most: 64 })),
});

const backend = object<WeightedBackend>({ subset: optional(kubernetesName), weight: integer(0, 1_000_000) });

const backends: Decoder<readonly WeightedBackend[]> = refine(array(backend, { most: 256 }), (list) =>
  list.length > 0 && list.every((one) => one.weight === 0)
    ? [{ path: '', message: 'must have at least one weight above 0' }]
    : [],
);

const route = object<Route>({
  name: shortText,
  matches: array(routeMatch, { most: 256 }),
  backends,
  timeouts,
  retries,
});

const subset = object<Subset>({ name: kubernetesName, onEmpty: oneOf('Redistribute', 'Fail') });

const traffic: Decoder<Traffic> = refine(
  object<Traffic>({
    routes: array(route, { most: 1_000 }),
    unmatched: object<Traffic['unmatched']>({ action: oneOf('Forward', 'NotFound'), timeouts, retries }),
    subsets: array(subset, { most: 256 }),
    loadBalancing: object<LoadBalancing>({ policy: oneOf('LeastRequest', 'RoundRobin', 'Random') }),
    connection: object<Traffic['connection']>({ connectTimeoutMs: milliseconds, idleTimeoutMs: milliseconds }),
  }),
  undeclaredSubsets,
);

/** A backend that names no declared subset could only be guessed at. */
function undeclaredSubsets(value: Traffic): DecodeError[] {
  const declared = new Set(value.subsets.map((one) => one.name));
  return value.routes.flatMap((one, index) =>
    one.backends.flatMap((target, place) =>
      target.subset === undefined || declared.has(target.subset)
        ? []
        : [{ path: `routes[${index}].backends[${place}].subset`, message: `no subset is named "${target.subset}"` }],
    ),
  );
}

const endpoint = object<Endpoint>({
  address,
  port,
  pod: optional(kubernetesName),
  workload: optional(shortText),
  namespace: optional(kubernetesName),
  identity: optional(spiffeId),
  subsets: array(kubernetesName, { most: 256 }),
});

const servicePort = object<ServicePort>({
  port,
  name: optional(shortText),
  protocol,
  endpoints: array(endpoint, { most: MOST_ENDPOINTS }),
  traffic,
  clientIpAffinitySeconds: optional(integer(1, 86_400)),
});

const service = object<ServiceConfiguration>({
  kind: oneOf('service'),
  namespace: kubernetesName,
  name: kubernetesName,
  ports: unique(array(servicePort, { most: MOST_PORTS })),
  accessLog,
});

const source = union<AuthorizationSource, 'kind'>('kind', {
  anyone: object<{ readonly kind: 'anyone' }>({ kind: oneOf('anyone') }),
  unauthenticated: object<{ readonly kind: 'unauthenticated' }>({ kind: oneOf('unauthenticated') }),
  identity: object<Extract<AuthorizationSource, { readonly kind: 'identity' }>>({
    kind: oneOf('identity'),
    namespace: kubernetesName,
    serviceAccount: optional(kubernetesName),
  }),
});

const target = object<AuthorizationTarget>({
  ports: optional(array(port, { most: MOST_PORTS })),
  methods: optional(array(token, { most: 64 })),
  paths: optional(array(pathMatch, { most: 256 })),
});

const rule = object<AuthorizationRule>({
  name: shortText,
  action: oneOf('Allow', 'Deny'),
  from: array(source, { least: 1, most: 1_000 }),
  to: array(target, { least: 1, most: 1_000 }),
});

const authorization = object<Authorization>({
  defaultAction: oneOf('Allow', 'Deny'),
  rules: array(rule, { most: 1_000 }),
});

const workload = object<WorkloadConfiguration>({
  kind: oneOf('workload'),
  namespace: kubernetesName,
  serviceAccount: kubernetesName,
  workload: shortText,
  trustDomain: kubernetesName,
  mtls: object<WorkloadConfiguration['mtls']>({
    mode,
    ports: unique(array(object<WorkloadConfiguration['mtls']['ports'][number]>({ port, mode }), { most: MOST_PORTS })),
  }),
  authorization: optional(authorization),
  ports: unique(array(object<WorkloadConfiguration['ports'][number]>({ port, protocol }), { most: MOST_PORTS })),
  preload: array(key, { most: 10_000 }),
  accessLog,
  tracingSamplingPercent: number(0, 100),
});

const podPort = object<PodPort>({ port, protocol, timeouts: optional(timeouts), retries: optional(retries) });

const pod = object<PodConfiguration>({
  kind: oneOf('pod'),
  namespace: kubernetesName,
  pod: kubernetesName,
  workload: shortText,
  identity: optional(spiffeId),
  plainPorts: optional(array(port, { most: MOST_PORTS })),
  ports: unique(array(podPort, { most: MOST_PORTS })),
  accessLog,
  timeouts,
  retries,
});

export const configuration: Decoder<Configuration> = union<Configuration, 'kind'>('kind', {
  workload,
  service,
  pod,
  absent: object<AbsentConfiguration>({ kind: oneOf('absent') }),
});

export const addressTable = object<AddressTable>({
  ranges: array(cidr, { most: 10_000 }),
  entries: record(address, key, MOST_ADDRESSES),
});

/** Two entries for one port would leave it to chance which one holds. */
function unique<T extends { readonly port: number }>(decoder: Decoder<readonly T[]>): Decoder<readonly T[]> {
  return refine(decoder, (list) => {
    const seen = new Set<number>();
    return list.flatMap((one, index) => {
      if (seen.has(one.port)) return [{ path: `[${index}].port`, message: `port ${one.port} is listed twice` }];
      seen.add(one.port);
      return [];
    });
  });
}
