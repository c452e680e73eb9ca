import type { Socket } from 'node:net';
import type { Opener } from '../balance/connections.ts';
import { Connector } from '../balance/connector.ts';
import type { EndpointState } from '../balance/endpoints.ts';
import type { ConnectMesh } from '../balance/mesh-connections.ts';
import type { Dial } from '../balance/plain-connections.ts';
import type { Clock, Random } from '../base/clock.ts';
import { DeadlineLists } from '../base/deadline-lists.ts';
import type { Log } from '../base/log.ts';
import type { Watch } from '../base/watch.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../http/http.ts';
import { connectMesh, type SelfDescription } from '../mesh/mesh.ts';
import { dial, type OriginalDestination } from '../net/net.ts';
import type { Store } from '../policy/store.ts';
import { AccessLimit } from '../telemetry/access-log.ts';
import { PeerMetricsTable, type TrafficMetrics } from '../telemetry/metrics.ts';
import type { Credentials } from '../tls/credentials.ts';
import { accept } from './accept.ts';
import type { OutboundContext } from './context.ts';
import { ReplayMemory } from './replay.ts';
import { type ServeSelf, selfOpener } from './self-call.ts';
import { HttpConnections } from './serve-http.ts';

export interface OutboundOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** One for both sides: `createTrafficMetrics(metrics)`. */
  readonly metrics: TrafficMetrics;
  readonly store: Store;
  readonly credentials: Watch<Credentials | undefined>;
  readonly self: SelfDescription;
  /** Own addresses, canonical: a call that ends there is served inside the process. */
  readonly podAddresses: readonly string[];
  /** The inbound side's `serveSelf`. */
  readonly serveSelf: ServeSelf;
  /** Calls that take longer are logged; default 1,000 ms. */
  readonly slowMs?: number;
  readonly limits?: HttpLimits;
  /** Defaults: the real ones of `net` and `mesh`. */
  readonly dial?: Dial;
  readonly connectMesh?: ConnectMesh;
}

export interface Outbound {
  /** Takes a connection of the application, as `net.listen` hands it out (paused). */
  accept(socket: Socket, original: OriginalDestination): void;
  /** Finish what runs, `Connection: close` from now on. Accepting goes on. */
  drain(): void;
  /** At once. */
  close(): void;
  /** Application connections that speak HTTP and are open. */
  readonly connections: number;
}

const SLOW_MS = 1_000;
const MESH_HANDSHAKE_MS = 5_000;
/** DESIGN flow two, point 5. */
const MESH_IDLE_MS = 60_000;
/** An idle plain connection to an endpoint: shorter than what servers keep (Node 5 s), so that it is not closed under a request. */
const PLAIN_IDLE_MS = 4_000;
const MAX_WAITING = 1_024;

/** The outbound side: accept, look up, detect, route, dispatch, record. */
export function createOutbound(options: OutboundOptions): Outbound {
  const connections = new HttpConnections();
  const context = createContext(options);
  return {
    accept: (socket, original) => accept(context, connections, socket, original),
    drain: () => connections.drain(),
    close() {
      connections.close();
      context.connector.close();
    },
    get connections() {
      return connections.size;
    },
  };
}

function createContext(options: OutboundOptions): OutboundContext {
  const { clock, random, store, self } = options;
  const limits = options.limits ?? DEFAULT_HTTP_LIMITS;
  const own = new Set(options.podAddresses);
  const openers = new WeakMap<EndpointState, Opener>();
  return {
    clock,
    deadlines: new DeadlineLists(clock),
    random,
    log: options.log,
    store,
    self,
    limits,
    dial: options.dial ?? dial,
    metrics: options.metrics,
    peers: new PeerMetricsTable(options.metrics, 'outbound', self),
    slowMs: options.slowMs ?? SLOW_MS,
    access: new AccessLimit(clock, () => options.metrics.accessLinesDropped.child(['outbound']).inc()),
    replayMemory: new ReplayMemory(),
    connector: createConnector(options, limits),
    selfOpener(endpoint) {
      const { address, identity } = endpoint.endpoint;
      if (!own.has(address)) return undefined;
      // A pod that had this address before: whoever is expected there, it is not this pod. The handshake fails, as it must.
      if (identity !== undefined && identity !== options.credentials.value?.identity) return undefined;
      let opener = openers.get(endpoint);
      if (opener === undefined) {
        opener = selfOpener(options.serveSelf, endpoint.endpoint, self, () => options.credentials.value?.identity);
        openers.set(endpoint, opener);
      }
      return opener;
    },
  };
}

function createConnector(options: OutboundOptions, limits: HttpLimits): Connector {
  const { clock, random, credentials, self } = options;
  return new Connector({
    endpoints: options.store.endpoints,
    mesh: {
      clock,
      random,
      credentials,
      self,
      connectMesh: options.connectMesh ?? connectMesh,
      handshakeTimeoutMs: MESH_HANDSHAKE_MS,
      idleMs: MESH_IDLE_MS,
      maxWaiting: MAX_WAITING,
      onConnect: (result) => options.metrics.tlsConnections.child(['outbound', result]).inc(),
    },
    plain: {
      clock,
      random,
      limits,
      dial: options.dial ?? dial,
      idleMs: PLAIN_IDLE_MS,
      maxConnections: MAX_WAITING,
      maxIdle: 256,
      maxWaiting: MAX_WAITING,
      failureReason: 'connect_failure',
      quarantine: true,
    },
  });
}
