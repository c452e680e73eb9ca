import type { Opener } from '../balance/connections.ts';
import type { Connector } from '../balance/connector.ts';
import type { EndpointState } from '../balance/endpoints.ts';
import type { Dial } from '../balance/plain-connections.ts';
import type { Clock, Random } from '../base/clock.ts';
import type { DeadlineLists } from '../base/deadline-lists.ts';
import type { Log } from '../base/log.ts';
import type { HttpLimits } from '../http/http.ts';
import type { SelfDescription } from '../mesh/mesh.ts';
import type { Store } from '../policy/store.ts';
import type { AccessLimit } from '../telemetry/access-log.ts';
import type { PeerMetricsTable, TrafficMetrics } from '../telemetry/metrics.ts';
import type { ReplayMemory } from './replay.ts';

/** What every step of the outbound side may use. */
export interface OutboundContext {
  readonly clock: Clock;
  /** Time limits of requests. */
  readonly deadlines: DeadlineLists;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly connector: Connector;
  readonly dial: Dial;
  readonly limits: HttpLimits;
  readonly self: SelfDescription;
  /** Serves a request to this very pod inside the process; undefined: the endpoint is another pod. */
  readonly selfOpener: (endpoint: EndpointState) => Opener | undefined;
  readonly metrics: TrafficMetrics;
  readonly peers: PeerMetricsTable;
  /** Calls slower than this are logged. */
  readonly slowMs: number;
  readonly access: AccessLimit;
  /** What all copies of request bodies may hold together. */
  readonly replayMemory: ReplayMemory;
}
