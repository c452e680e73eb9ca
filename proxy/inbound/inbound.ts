import type { Socket } from 'node:net';
import type { Dial } from '../balance/plain-connections.ts';
import type { Clock, Random } from '../base/clock.ts';
import { DeadlineLists } from '../base/deadline-lists.ts';
import type { Log } from '../base/log.ts';
import type { Watch } from '../base/watch.ts';
import { WORKLOAD_KEY } from '../contract/snapshot.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../http/http.ts';
import { type AcceptMeshOptions, acceptMesh, type MeshServer, type MeshServerExchange } from '../mesh/mesh.ts';
import { dial, type OriginalDestination, type OwnAddress } from '../net/net.ts';
import type { Store } from '../policy/store.ts';
import { AccessLimit } from '../telemetry/access-log.ts';
import { PeerMetricsTable, type TrafficMetrics } from '../telemetry/metrics.ts';
import { type Credentials, dropsRoots } from '../tls/tls.ts';
import { accept } from './accept.ts';
import { Applications } from './applications.ts';
import type { InboundContext, Target } from './context.ts';
import { LiveConnections } from './live.ts';
import { serveExchange } from './mesh.ts';
import { SourceNames } from './source-names.ts';

export interface InboundOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** One for both sides: `createTrafficMetrics(metrics)`. */
  readonly metrics: TrafficMetrics;
  readonly store: Store;
  readonly credentials: Watch<Credentials | undefined>;
  readonly self: { readonly workload: string; readonly namespace: string };
  /** Connections to any other address are refused: this side relays for nobody. */
  readonly ownAddress: OwnAddress;
  /** Calls that take longer are logged; default 1,000 ms. */
  readonly slowMs?: number;
  readonly limits?: HttpLimits;
  /** Defaults: the real ones of `net` and `mesh`. */
  readonly dial?: Dial;
  readonly acceptMesh?: (options: AcceptMeshOptions) => MeshServer;
}

export interface Inbound {
  /** Takes a connection from the network, as `net.listen` hands it out (paused). */
  accept(socket: Socket, original: OriginalDestination): void;
  /** A call of the pod to itself: same rules, no network. Hand it to `createOutbound`. */
  serveSelf(exchange: MeshServerExchange, target: Target): void;
  /** GOAWAY to mesh callers, `Connection: close` to others; what runs is finished, accepting goes on. */
  drain(): void;
  /** At once. */
  close(): void;
  readonly connections: number;
}

const SLOW_MS = 1_000;
/** Idle connections to the application: shorter than any server keeps them in practice (gunicorn 2 s, Node 5 s), so that none is closed under a request. */
const APPLICATION_IDLE_MS = 1_000;

/** The inbound side: accept, detect, authorize, dispatch, record; closes what a commit forbids before the commit returns. */
export function createInbound(options: InboundOptions): Inbound {
  const context = createContext(options);
  const unsubscribe = options.store.onCommit((key) => {
    if (key !== WORKLOAD_KEY) return;
    const closed = context.live.enforce(options.store.workload());
    if (closed > 0) options.log.info('connections closed that new rules forbid', { closed });
  });
  const unwatch = options.credentials.subscribe((now, before) => {
    if (now === undefined || before === undefined || !dropsRoots(before, now)) return;
    context.live.distrust(now, (closed) => {
      if (closed > 0) options.log.info('connections closed whose peers are no longer trusted', { closed });
    });
  });
  return {
    accept: (socket, original) => accept(context, socket, original),
    serveSelf: (exchange, target) => serveExchange(context, target, exchange),
    drain: () => context.live.drain(),
    close() {
      unsubscribe();
      unwatch();
      context.live.close();
      context.applications.close();
    },
    get connections() {
      return context.live.size;
    },
  };
}

function createContext(options: InboundOptions): InboundContext {
  const { clock, random } = options;
  const limits = options.limits ?? DEFAULT_HTTP_LIMITS;
  const dialer = options.dial ?? dial;
  return {
    clock,
    deadlines: new DeadlineLists(clock),
    random,
    limits,
    log: options.log,
    store: options.store,
    credentials: options.credentials,
    self: options.self,
    ownAddress: options.ownAddress,
    dial: dialer,
    acceptMesh: options.acceptMesh ?? acceptMesh,
    metrics: options.metrics,
    peers: new PeerMetricsTable(options.metrics, 'inbound', options.self),
    slowMs: options.slowMs ?? SLOW_MS,
    access: new AccessLimit(clock, () => options.metrics.accessLinesDropped.child(['inbound']).inc()),
    live: new LiveConnections(),
    sources: new SourceNames(),
    applications: new Applications({
      clock,
      random,
      limits,
      dial: dialer,
      idleMs: APPLICATION_IDLE_MS,
      maxConnections: 4_096,
      maxIdle: 256,
      maxWaiting: 4_096,
      failureReason: 'app_connect_failure',
      quarantine: false,
    }),
  };
}
