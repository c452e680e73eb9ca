import type { EndpointState } from '../balance/endpoints.ts';
import type { BalancingPolicy } from '../balance/pick.ts';
import { RetryBudget } from '../balance/retry-budget.ts';
import type { Split } from '../balance/split.ts';
import { HeddleError } from '../base/errors.ts';
import type {
  AccessLogMode,
  Configuration,
  Key,
  MtlsMode,
  Protocol,
  Retries,
  ServicePort,
  Timeouts,
  WorkloadConfiguration,
} from '../contract/snapshot.ts';
import { type Authorizer, compileAuthorization } from './authz.ts';
import type { BuildTools } from './endpoint-groups.ts';
import type { PackedService } from './packed.ts';
import { PodDestination } from './pod.ts';
import type { RouteTable } from './routes.ts';
import { ServiceDestination } from './service.ts';

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
