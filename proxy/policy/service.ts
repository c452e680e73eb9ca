import type { EndpointState } from '../balance/endpoints.ts';
import { makeSplit } from '../balance/split.ts';
import type { AccessLogMode, Route, ServiceConfiguration, ServicePort } from '../contract/snapshot.ts';
import type { BuiltDestination, BuiltPort, BuiltRoute, PortStates } from './built.ts';
import { type BuildTools, groupEndpoints } from './endpoint-groups.ts';
import { type PackedService, unpack } from './packed.ts';
import { compileRoutes } from './routes.ts';

/** A Service. Its ports are built when they are first asked for: most Services that a proxy holds are never called. */
export class ServiceDestination implements BuiltDestination {
  readonly kind = 'destination';
  running = 0;
  #content: ServiceConfiguration | PackedService;
  readonly #tools: BuildTools;
  readonly #states: PortStates;
  #ports: Map<number, BuiltPort> | undefined;
  #held: Set<EndpointState> | undefined;

  constructor(content: ServiceConfiguration | PackedService, tools: BuildTools, states: PortStates) {
    this.#content = content;
    this.#tools = tools;
    this.#states = states;
  }

  get accessLog(): AccessLogMode {
    return this.#unpacked().accessLog;
  }

  get endpoints(): readonly EndpointState[] {
    return this.#held === undefined ? [] : [...this.#held];
  }

  get used(): Iterable<number> {
    return this.#ports?.keys() ?? [];
  }

  port(port: number): BuiltPort | undefined {
    return this.#ports?.get(port) ?? this.#build(port, true);
  }

  carry(from: BuiltDestination): void {
    for (const port of from.used) this.#build(port, false);
  }

  #unpacked(): ServiceConfiguration {
    if (this.#content.kind === 'packed') this.#content = unpack(this.#content);
    return this.#content;
  }

  #build(port: number, warm: boolean): BuiltPort | undefined {
    const content = this.#unpacked();
    const found = content.ports.find((one) => one.port === port);
    if (found === undefined) return undefined;
    this.#held ??= new Set();
    const built = buildPort(this, content, found, this.#held, this.#tools, this.#states, warm);
    this.#ports ??= new Map();
    this.#ports.set(port, built);
    return built;
  }
}

function buildPort(
  owner: BuiltDestination,
  content: ServiceConfiguration,
  port: ServicePort,
  held: Set<EndpointState>,
  tools: BuildTools,
  states: PortStates,
  warm: boolean,
): BuiltPort {
  const { traffic } = port;
  const { unmatched } = traffic;
  const names = traffic.subsets.map((subset) => subset.name);
  const groups = groupEndpoints(port.endpoints, names, held, tools, warm);
  const route = (from: Pick<Route, 'name' | 'backends' | 'timeouts' | 'retries'>): BuiltRoute => ({
    name: from.name,
    timeouts: from.timeouts,
    retries: from.retries,
    split: makeSplit(from.backends, traffic.subsets, groups, tools.random),
  });
  const { timeouts, retries } = unmatched;
  return {
    owner,
    name: content.name,
    namespace: content.namespace,
    port: port.port,
    protocol: port.protocol,
    routes: compileRoutes(traffic.routes, route),
    unmatched: unmatched.action === 'Forward' ? route({ name: '', backends: [], timeouts, retries }) : undefined,
    policy: traffic.loadBalancing.policy,
    connectTimeoutMs: traffic.connection.connectTimeoutMs,
    idleTimeoutMs: traffic.connection.idleTimeoutMs,
    affinityMs: (port.clientIpAffinitySeconds ?? 0) * 1_000,
    state: states.portState(port.port),
  };
}
