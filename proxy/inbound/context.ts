import type { Dial } from '../balance/plain-connections.ts';
import type { Clock, Random } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Watch } from '../base/watch.ts';
import type { HttpLimits } from '../http/http.ts';
import type { Failure } from '../http/message.ts';
import type { AcceptMeshOptions, MeshServer } from '../mesh/mesh.ts';
import type { OwnAddress } from '../net/net.ts';
import type { Store } from '../policy/store.ts';
import type { AccessLimit } from '../telemetry/access-log.ts';
import type { PeerMetricsTable, TrafficMetrics } from '../telemetry/metrics.ts';
import type { Credentials } from '../tls/credentials.ts';
import type { Applications } from './applications.ts';
import type { LiveConnections } from './live.ts';
import type { SourceNames } from './source-names.ts';

/** What every step of the inbound side may use. */
export interface InboundContext {
  readonly clock: Clock;
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

/** Where the connection goes: the pod's own address and the application's port. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Who calls. `identity` undefined: plaintext. */
export interface Source {
  readonly identity: string | undefined;
  readonly workload: string;
  readonly namespace: string;
  /** `10.0.0.9:40000`, for the log: of a plaintext caller nothing else is known. */
  readonly address?: string;
}

export type { Failure };
