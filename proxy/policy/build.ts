import type { EndpointRegistry, EndpointState } from '../balance/endpoints.ts';
import type { BalancingPolicy, EndpointGroup } from '../balance/pick.ts';
import { RetryBudget } from '../balance/retry-budget.ts';
import { makeSplit, type Split } from '../balance/split.ts';
import type { Random } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import { PORTS } from '../contract/bootstrap.ts';
import type {
  AccessLogMode,
  Configuration,
  Endpoint,
  Key,
  MtlsMode,
  PodConfiguration,
  Protocol,
  Retries,
  Route,
  ServiceConfiguration,
  ServicePort,
  Timeouts,
  WorkloadConfiguration,
} from '../contract/snapshot.ts';
import { type Authorizer, compileAuthorization } from './authz.ts';
import { compileRoutes, type RouteTable } from './routes.ts';

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

/** What building may use: it takes references in `endpoints` and reads nothing else. */
export interface BuildContext {
  readonly registry: EndpointRegistry;
  readonly random: Random;
  readonly key: Key;
  /** Monotonic ms. */
  readonly now: () => number;
  /** The first snapshot of this key: nobody needs warming up. */
  readonly first: boolean;
  readonly portState: (port: number) => PortState;
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

export function build(content: Configuration, context: BuildContext): Built {
  switch (content.kind) {
    case 'absent':
      return { kind: 'absent', running: 0 };
    case 'workload':
      return buildWorkload(content);
    case 'service':
      return buildService(content, context);
    case 'pod':
      return buildPod(content, context);
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

function buildService(content: ServiceConfiguration, context: BuildContext): BuiltDestination {
  const held = new Map<string, EndpointState>();
  const ports = new Map<number, BuiltPort>();
  const destination: BuiltDestination = {
    kind: 'destination',
    port: (port) => ports.get(port),
    get endpoints() {
      return [...held.values()];
    },
    accessLog: content.accessLog,
    running: 0,
  };
  for (const port of content.ports) {
    const groups = groupEndpoints(
      port.endpoints,
      port.traffic.subsets.map((subset) => subset.name),
      held,
      context,
    );
    const route = (from: Route): BuiltRoute => ({
      name: from.name,
      timeouts: from.timeouts,
      retries: from.retries,
      split: makeSplit(from.backends, port.traffic.subsets, groups, context.random),
    });
    const { unmatched } = port.traffic;
    const everything = {
      name: '',
      matches: [],
      backends: [],
      timeouts: unmatched.timeouts,
      retries: unmatched.retries,
    };
    ports.set(port.port, {
      owner: destination,
      name: content.name,
      namespace: content.namespace,
      port: port.port,
      protocol: port.protocol,
      routes: compileRoutes(port.traffic.routes, route),
      unmatched: unmatched.action === 'Forward' ? route(everything) : undefined,
      policy: port.traffic.loadBalancing.policy,
      connectTimeoutMs: port.traffic.connection.connectTimeoutMs,
      idleTimeoutMs: port.traffic.connection.idleTimeoutMs,
      affinityMs: (port.clientIpAffinitySeconds ?? 0) * 1_000,
      state: context.portState(port.port),
    });
  }
  return destination;
}

/** DESIGN section 5: connect 3 s in cluster; idle mesh connections close after 60 s. A pod has no Service to say otherwise. */
const POD_CONNECT_TIMEOUT_MS = 3_000;
const POD_IDLE_TIMEOUT_MS = 60_000;
/** Ports of one pod that are remembered; a scan over all of them must not fill the memory. */
const MAX_POD_PORTS = 64;

/** A sidecar's own ports are never redirected to its inbound side: a meshed Prometheus reads metrics as any other does. */
const OWN_PLAIN_PORTS: readonly number[] = [PORTS.health, PORTS.metrics];

/** Any port of the pod may be dialled: ports are built when they are first asked for, at most `MAX_POD_PORTS` are kept. */
function buildPod(content: PodConfiguration, context: BuildContext): BuiltDestination {
  const held = new Map<string, EndpointState>();
  const ports = new Map<number, BuiltPort>();
  const destination: BuiltDestination = {
    kind: 'destination',
    port(port) {
      let built = ports.get(port);
      if (built === undefined) {
        if (ports.size >= MAX_POD_PORTS) {
          forgetOldest(ports, held, context.registry);
        }
        built = buildPodPort(content, port, destination, held, context);
        ports.set(port, built);
      }
      return built;
    },
    get endpoints() {
      return [...held.values()];
    },
    accessLog: content.accessLog,
    running: 0,
  };
  return destination;
}

function forgetOldest(
  ports: Map<number, BuiltPort>,
  held: Map<string, EndpointState>,
  registry: EndpointRegistry,
): void {
  const oldest = ports.keys().next().value;
  if (oldest === undefined) return;
  ports.delete(oldest);
  for (const state of held.values()) {
    if (state.endpoint.port !== oldest) continue;
    held.delete(state.key);
    registry.release(state);
  }
}

function buildPodPort(
  content: PodConfiguration,
  port: number,
  owner: BuiltDestination,
  held: Map<string, EndpointState>,
  context: BuildContext,
): BuiltPort {
  const declared = content.ports.find((entry) => entry.port === port);
  const plain = OWN_PLAIN_PORTS.includes(port) || content.plainPorts?.includes(port) === true;
  const endpoint: Endpoint = {
    address: context.key.slice('pod/'.length),
    port,
    pod: content.pod,
    workload: content.workload,
    namespace: content.namespace,
    ...(content.identity === undefined || plain ? {} : { identity: content.identity }),
    subsets: [],
  };
  const groups = groupEndpoints([endpoint], [], held, context);
  return {
    owner,
    name: content.pod,
    namespace: content.namespace,
    port,
    protocol: declared?.protocol ?? 'auto',
    routes: compileRoutes<BuiltRoute>([], () => {
      throw new Error('a pod has no routes');
    }),
    unmatched: {
      name: '',
      timeouts: declared?.timeouts ?? content.timeouts,
      retries: declared?.retries ?? content.retries,
      split: makeSplit([], [], groups, context.random),
    },
    policy: 'LeastRequest',
    connectTimeoutMs: POD_CONNECT_TIMEOUT_MS,
    idleTimeoutMs: POD_IDLE_TIMEOUT_MS,
    affinityMs: 0,
    state: context.portState(port),
  };
}

function groupEndpoints(
  endpoints: readonly Endpoint[],
  subsets: readonly string[],
  held: Map<string, EndpointState>,
  context: BuildContext,
): ReadonlyMap<string, EndpointGroup> {
  const states = endpoints.map((endpoint) => hold(endpoint, held, context));
  const groups = new Map<string, EndpointGroup>([['', newGroup('', states, context.random)]]);
  for (const name of subsets) {
    const members = states.filter((_, index) => endpoints[index]!.subsets.includes(name));
    groups.set(name, newGroup(name, members, context.random));
  }
  return groups;
}

function newGroup(name: string, members: readonly EndpointState[], random: Random): EndpointGroup {
  return { name, members, cursor: Math.floor(random() * members.length) };
}

/** One reference a snapshot and endpoint. */
function hold(endpoint: Endpoint, held: Map<string, EndpointState>, context: BuildContext): EndpointState {
  const state = context.registry.acquire(endpoint, context.now(), context.first);
  if (held.has(state.key)) context.registry.release(state);
  else held.set(state.key, state);
  return state;
}
