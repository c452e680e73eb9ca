/**
 * Compiled configuration, as proxies understand it. Two tables:
 *
 * - *address to key*: small, always held whole (`AddressTable`);
 * - *key to configuration*: subscribed (`Configuration`).
 *
 * Keys: `workload` (the proxy's own inbound side, always held), `service/<namespace>/<name>` (a Service as seen from the
 * proxy's namespace), `pod/<address>` (a direct pod address), `passthrough`.
 * Durations are whole milliseconds; 0 means none. Ports are 1..65535. Addresses are canonical (IPv6 per RFC 5952).
 */
export type Key = string;

export const WORKLOAD_KEY: Key = 'workload';
export const PASSTHROUGH_KEY: Key = 'passthrough';
export const serviceKey = (namespace: string, name: string): Key => `service/${namespace}/${name}`;
export const podKey = (address: string): Key => `pod/${address}`;

/** Where a decision comes from. Travels beside the content, never inside its hash. */
export interface Provenance {
  readonly kind: 'MeshPolicy' | 'MeshAccessPolicy' | 'MeshConfig';
  readonly uid: string;
  readonly generation: number;
  /** `shop/payment`, for people. */
  readonly name: string;
}

export interface AddressTable {
  /** CIDRs of pods and Services. An address outside all of them passes through at once. */
  readonly ranges: readonly string[];
  /**
   * Address to key, asked before `ranges`: every address of every Service, addresses inside `ranges` that pass through (nodes, the API
   * server), and meshed pods outside of `ranges`.
   */
  readonly entries: Readonly<Record<string, Key>>;
}

export type Configuration = WorkloadConfiguration | ServiceConfiguration | PodConfiguration | AbsentConfiguration;

/** The key names nothing (any more): connections to it are refused with `unknown_destination`. */
export interface AbsentConfiguration {
  readonly kind: 'absent';
}

export type MtlsMode = 'Permissive' | 'Strict';

/** Declared protocol of a port; `auto` = look at the first bytes. `tcp` is opaque; the others are HTTP of the version that each client speaks. */
export type Protocol = 'auto' | 'http' | 'http2' | 'grpc' | 'tcp';

/** The proxy's own inbound side. */
export interface WorkloadConfiguration {
  readonly kind: 'workload';
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly workload: string;
  readonly trustDomain: string;
  /** Security section: always `mustUnderstand`. */
  readonly mtls: {
    readonly mode: MtlsMode;
    readonly ports: readonly { readonly port: number; readonly mode: MtlsMode }[];
  };
  /** Security section: always `mustUnderstand`. Absent = everybody who passed mTLS may call. */
  readonly authorization?: Authorization;
  /** What Services say of this pod's container ports. */
  readonly ports: readonly { readonly port: number; readonly protocol: Protocol }[];
  /** Keys worth subscribing at once because other replicas of this workload use them. */
  readonly preload: readonly Key[];
  readonly accessLog: AccessLogMode;
  readonly tracingSamplingPercent: number;
}

export type AccessLogMode = 'Off' | 'Errors' | 'All';

/** Deny wins over Allow; without a match `defaultAction` decides. */
export interface Authorization {
  readonly defaultAction: 'Allow' | 'Deny';
  readonly rules: readonly AuthorizationRule[];
}
export interface AuthorizationRule {
  /** `shop/payment-access/order`: policy and rule, for the log. */
  readonly name: string;
  readonly action: 'Allow' | 'Deny';
  readonly from: readonly AuthorizationSource[];
  readonly to: readonly AuthorizationTarget[];
}
export type AuthorizationSource =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'identity'; readonly namespace: string; readonly serviceAccount?: string };
/** All members given must match; absent = any. Rules with methods or paths never match a TCP connection: Deny rules then match it (the safe side), Allow rules do not. */
export interface AuthorizationTarget {
  readonly ports?: readonly number[];
  readonly methods?: readonly string[];
  readonly paths?: readonly PathMatch[];
}

/** A Service with a cluster address, as seen from a namespace. */
export interface ServiceConfiguration {
  readonly kind: 'service';
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly ServicePort[];
  readonly accessLog: AccessLogMode;
}

export interface ServicePort {
  readonly port: number;
  readonly name?: string;
  readonly protocol: Protocol;
  readonly endpoints: readonly Endpoint[];
  readonly traffic: Traffic;
  /** Service `sessionAffinity: ClientIP`: seconds a client keeps its endpoint. */
  readonly clientIpAffinitySeconds?: number;
}

/** What policy says of a port's traffic, merged and complete: proxies hold no defaults of their own. */
export interface Traffic {
  /** In order: the first match wins (the compiler sorted them). */
  readonly routes: readonly Route[];
  /** Used where no route matches, or there are none. */
  readonly unmatched: {
    readonly action: 'Forward' | 'NotFound';
    readonly timeouts: Timeouts;
    readonly retries: Retries;
  };
  readonly subsets: readonly Subset[];
  readonly loadBalancing: LoadBalancing;
  readonly connection: { readonly connectTimeoutMs: number; readonly idleTimeoutMs: number };
}

export interface Route {
  readonly name: string;
  /** Any of these; empty = everything. */
  readonly matches: readonly RouteMatch[];
  /** Empty = all endpoints. Weights 0..1,000,000, at least one above 0. */
  readonly backends: readonly WeightedBackend[];
  readonly timeouts: Timeouts;
  readonly retries: Retries;
}

export interface WeightedBackend {
  /** Name of a subset; absent = all endpoints. */
  readonly subset?: string;
  readonly weight: number;
}

/** All members given must match. */
export interface RouteMatch {
  readonly path?: PathMatch;
  readonly method?: string;
  readonly headers?: readonly HeaderMatch[];
}
/** `PathPrefix` matches whole segments (Gateway API): `/charge` matches `/charge` and `/charge/1`, not `/charges`. */
export interface PathMatch {
  readonly type: 'Exact' | 'PathPrefix';
  readonly value: string;
}
export interface HeaderMatch {
  /** Lower-case. */
  readonly name: string;
  readonly type: 'Exact' | 'Present';
  readonly value?: string;
}

export interface Timeouts {
  /** From the head to the last byte of the response. */
  readonly requestMs: number;
  readonly perTryMs: number;
  readonly streamIdleMs: number;
}

export type RetryCondition =
  | '5xx'
  | 'gateway-error'
  | 'reset'
  | 'connect-failure'
  | 'refused-stream'
  | 'per-try-timeout';

export interface Retries {
  /** Retries after the first try. */
  readonly attempts: number;
  readonly on: readonly RetryCondition[];
  /** Status codes listed by number. */
  readonly statuses: readonly number[];
  /** Methods that may be repeated once the application may have seen the request. */
  readonly methods: readonly string[];
  /** A request that carries this header (lower-case) may be repeated whatever its method. */
  readonly idempotencyKeyHeader?: string;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  /** Over a sliding 10 s: retries <= max(percent x requests / 100, 10 x minPerSecond), per proxy and destination. */
  readonly budget: { readonly percent: number; readonly minPerSecond: number };
}

export interface Subset {
  readonly name: string;
  /** When no endpoint of the subset is ready: spread its share over the other backends, or fail with `subset_empty`. */
  readonly onEmpty: 'Redistribute' | 'Fail';
}

export interface LoadBalancing {
  readonly policy: 'LeastRequest' | 'RoundRobin' | 'Random';
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Pod name, absent for endpoints that are no pods. */
  readonly pod?: string;
  /** For telemetry: `payment-v1`. */
  readonly workload?: string;
  readonly namespace?: string;
  /** Present = meshed: the identity that the peer must prove, exactly. Absent = unmeshed: spoken to in plain. */
  readonly identity?: string;
  /** Names of the subsets it belongs to. */
  readonly subsets: readonly string[];
}

/** A direct pod address: that pod, its identity, no endpoint choice, no routes. */
export interface PodConfiguration {
  readonly kind: 'pod';
  readonly namespace: string;
  readonly pod: string;
  readonly workload: string;
  /** Present = meshed. */
  readonly identity?: string;
  /** Ports of a meshed pod that bypass its proxy (excluded at injection): spoken to in plain. */
  readonly plainPorts?: readonly number[];
  /** What Services say of its container ports; a port not listed is `auto`. */
  readonly ports: readonly PodPort[];
  readonly accessLog: AccessLogMode;
  /** For ports without traffic of their own. */
  readonly timeouts: Timeouts;
  readonly retries: Retries;
}
export interface PodPort {
  readonly port: number;
  readonly protocol: Protocol;
  /** Of the one Service whose policy matches this port, where exactly one does. */
  readonly timeouts?: Timeouts;
  readonly retries?: Retries;
}

/** What a proxy without a control plane runs on (tests, network namespaces): both tables, whole. Read again on SIGHUP. */
export interface StaticConfiguration {
  readonly addresses: AddressTable;
  readonly configurations: Readonly<Record<Key, Configuration>>;
}
