import type { EndpointState } from '../balance/endpoints.ts';
import type { BalancingPolicy } from '../balance/pick.ts';
import { RetryBudget } from '../balance/retry-budget.ts';
import type { Split } from '../balance/split.ts';
import type {
  AccessLogMode,
  Key,
  MtlsMode,
  Protocol,
  Retries,
  Timeouts,
  WorkloadConfiguration,
} from '../contract/snapshot.ts';
import type { Authorizer } from './authz.ts';
import type { RouteTable } from './routes.ts';

/** A snapshot of one key, decided as far as it can be before requests come. Replaced whole, never changed. */
export type Built = BuiltDestination | BuiltWorkload | BuiltAbsent;

export interface BuiltAbsent {
  readonly kind: 'absent';
  /** Requests and connections decided under this snapshot that still run. */
  running: number;
}

export interface BuiltWorkload {
  readonly kind: 'workload';
  readonly configuration: WorkloadConfiguration;
  readonly authorizer: Authorizer;
  mtlsMode(port: number): MtlsMode;
  protocol(port: number): Protocol;
  running: number;
}

/** A Service or a pod: what outgoing connections meet. */
export interface BuiltDestination {
  readonly kind: 'destination';
  /** The port, or undefined: the destination has no such port. */
  port(port: number): BuiltPort | undefined;
  /** Every endpoint held, once; given back when the snapshot is replaced. */
  readonly endpoints: readonly EndpointState[];
  /** Ports that were asked for. */
  readonly used: Iterable<number>;
  /** Builds at once what the replaced snapshot was used for: endpoints of both keep their connections, those that are new warm up. */
  carry(from: BuiltDestination): void;
  readonly accessLog: AccessLogMode;
  running: number;
}

export interface BuiltPort {
  readonly owner: BuiltDestination;
  /** For people and metrics: Service or pod name. */
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly routes: RouteTable<BuiltRoute>;
  /** Where no route matches; undefined: `no_route`. */
  readonly unmatched: BuiltRoute | undefined;
  readonly policy: BalancingPolicy;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** 0 = no affinity. */
  readonly affinityMs: number;
  readonly state: PortState;
}

export interface BuiltRoute {
  /** '' for unmatched traffic. */
  readonly name: string;
  readonly timeouts: Timeouts;
  readonly retries: Retries;
  readonly split: Split;
}

/** What outlives snapshots for one port of one key. */
export interface PortState {
  readonly budget: RetryBudget;
  /** What `auto` turned out to be: remembered so that the next connection need not wait or guess. */
  learned: 'unknown' | 'http' | 'opaque' | 'server-first';
  /** Endpoint that a client address keeps, by group. */
  readonly affinity: Map<string, { endpoint: EndpointState; until: number }>;
}

export const newPortState = (): PortState => ({ budget: new RetryBudget(), learned: 'unknown', affinity: new Map() });

/** The key that is built, and where the state of its ports is kept. */
export interface PortStates {
  readonly key: Key;
  portState(port: number): PortState;
}
