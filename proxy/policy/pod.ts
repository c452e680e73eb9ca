import type { EndpointState } from '../balance/endpoints.ts';
import { makeSplit } from '../balance/split.ts';
import { PORTS } from '../contract/bootstrap.ts';
import type { AccessLogMode, Endpoint, PodConfiguration } from '../contract/snapshot.ts';
import type { BuiltDestination, BuiltPort, BuiltRoute, PortStates } from './built.ts';
import { type BuildTools, groupEndpoints } from './endpoint-groups.ts';
import { compileRoutes } from './routes.ts';

/** DESIGN section 5: connect 3 s in cluster; idle mesh connections close after 60 s. A pod has no Service to say otherwise. */
const POD_CONNECT_TIMEOUT_MS = 3_000;
const POD_IDLE_TIMEOUT_MS = 60_000;
/** Ports of one pod that are remembered; a scan over all of them must not fill the memory. */
const MAX_POD_PORTS = 64;

/** A sidecar's own ports are never redirected to its inbound side: a meshed Prometheus reads metrics as any other does. */
const OWN_PLAIN_PORTS: readonly number[] = [PORTS.health, PORTS.metrics];

/** Any port of the pod may be dialled: ports are built when they are first asked for, at most `MAX_POD_PORTS` are kept. */
export class PodDestination implements BuiltDestination {
  readonly kind = 'destination';
  running = 0;
  readonly #content: PodConfiguration;
  readonly #tools: BuildTools;
  readonly #states: PortStates;
  readonly #ports = new Map<number, BuiltPort>();
  readonly #held = new Set<EndpointState>();

  constructor(content: PodConfiguration, tools: BuildTools, states: PortStates) {
    this.#content = content;
    this.#tools = tools;
    this.#states = states;
  }

  get accessLog(): AccessLogMode {
    return this.#content.accessLog;
  }

  get endpoints(): readonly EndpointState[] {
    return [...this.#held];
  }

  get used(): Iterable<number> {
    return this.#ports.keys();
  }

  port(port: number): BuiltPort {
    let built = this.#ports.get(port);
    if (built === undefined) {
      if (this.#ports.size >= MAX_POD_PORTS) this.#forgetOldest();
      built = this.#build(port);
      this.#ports.set(port, built);
    }
    return built;
  }

  carry(from: BuiltDestination): void {
    for (const port of from.used) this.port(port);
  }

  #forgetOldest(): void {
    const oldest = this.#ports.keys().next().value;
    if (oldest === undefined) return;
    this.#ports.delete(oldest);
    for (const state of this.#held) {
      if (state.endpoint.port !== oldest) continue;
      this.#held.delete(state);
      this.#tools.registry.release(state);
    }
  }

  #build(port: number): BuiltPort {
    const content = this.#content;
    const declared = content.ports.find((entry) => entry.port === port);
    const groups = groupEndpoints([this.#endpoint(port)], [], this.#held, this.#tools, true);
    return {
      owner: this,
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
        split: makeSplit([], [], groups, this.#tools.random),
      },
      policy: 'LeastRequest',
      connectTimeoutMs: POD_CONNECT_TIMEOUT_MS,
      idleTimeoutMs: POD_IDLE_TIMEOUT_MS,
      affinityMs: 0,
      state: this.#states.portState(port),
    };
  }

  #endpoint(port: number): Endpoint {
    const { pod, workload, namespace, identity, plainPorts } = this.#content;
    const plain = OWN_PLAIN_PORTS.includes(port) || plainPorts?.includes(port) === true;
    return {
      address: this.#states.key.slice('pod/'.length),
      port,
      pod,
      workload,
      namespace,
      ...(identity === undefined || plain ? {} : { identity }),
      subsets: [],
    };
  }
}
