import type { Dial } from '../balance/plain-connections.ts';
import type { Clock, Random } from '../base/clock.ts';
import type { DeadlineLists } from '../base/deadline-lists.ts';
import type { Log } from '../base/log.ts';
import type { Watch } from '../base/watch.ts';
import type { HttpLimits } from '../http/http.ts';
import type { AcceptMeshOptions, MeshServer } from '../mesh/mesh.ts';
import type { OwnAddress } from '../net/net.ts';
import type { Store } from '../policy/store.ts';
import type { AccessLimit } from '../telemetry/access-log.ts';
import type { PeerMetricsTable, TrafficMetrics } from '../telemetry/metrics.ts';
import type { Credentials } from '../tls/credentials.ts';
import type { Applications } from './applications.ts';
import type { LiveConnections } from './live.ts';
import type { SourceNames } from './source-names.ts';

export type { Source, Target } from './parties.ts';

/** What every step of the inbound side may use. */
export interface InboundContext {
  readonly clock: Clock;
  /** Time limits of requests. */
  readonly deadlines: DeadlineLists;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly credentials: Watch<Credentials | undefined>;
  readonly applications: Applications;
  readonly live: LiveConnections;
  readonly sources: SourceNames;
  readonly dial: Dial;
  readonly acceptMesh: (options: AcceptMeshOptions) => MeshServer;
  readonly limits: HttpLimits;
  readonly self: { readonly workload: string; readonly namespace: string };
  readonly ownAddress: OwnAddress;
  readonly metrics: TrafficMetrics;
  readonly peers: PeerMetricsTable;
  readonly slowMs: number;
  readonly access: AccessLimit;
}
