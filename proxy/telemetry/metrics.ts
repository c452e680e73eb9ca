import {
  type Counter,
  DURATION_BUCKETS,
  type Family,
  type Gauge,
  type Histogram,
  type Metrics,
} from '../base/metrics.ts';
import type { Watch } from '../base/watch.ts';

/** `inbound` and `outbound` as seen from the pod. */
export type Direction = 'inbound' | 'outbound';

/** How a gRPC call ended: 0 to 16 as the application said, or `unknown`: it said nothing readable, or was never answered. */
export type GrpcStatus = number | 'unknown';

/** A workload as metrics name it. Both members come from the operator or from a verified identity, never from request bytes. */
export interface WorkloadName {
  readonly workload: string;
  readonly namespace: string;
}

const PEER_LABELS = [
  'direction',
  'source_workload',
  'source_namespace',
  'destination_workload',
  'destination_namespace',
];

/** The families that both sides count in; made once a process. */
export interface TrafficMetrics {
  readonly requests: Family<Counter>;
  readonly durations: Family<Histogram>;
  readonly retries: Family<Counter>;
  readonly openConnections: Family<Gauge>;
  readonly refusedConnections: Family<Counter>;
  readonly tlsConnections: Family<Counter>;
  readonly tcpConnections: Family<Counter>;
  readonly tcpBytes: Family<Counter>;
  readonly protocolMismatches: Family<Counter>;
  readonly accessLinesDropped: Family<Counter>;
  readonly tlsState: Family<Counter>;
}

export function createTrafficMetrics(metrics: Metrics): TrafficMetrics {
  return {
    requests: metrics.counter(
      'heddle_requests_total',
      'HTTP requests by peers, status, reason (empty: none of ours) and gRPC status (empty: not gRPC).',
      [...PEER_LABELS, 'code', 'reason', 'grpc_status'],
    ),
    durations: metrics.histogram(
      'heddle_request_duration_seconds',
      'From the head of a request to the end of its response.',
      PEER_LABELS,
      DURATION_BUCKETS,
    ),
    retries: metrics.counter(
      'heddle_retries_total',
      'Tries after the first one, by what made them due and what came of it.',
      ['destination_workload', 'destination_namespace', 'cause', 'result'],
    ),
    openConnections: metrics.gauge('heddle_open_connections', 'Connections accepted and not yet closed.', [
      'direction',
      'kind',
    ]),
    refusedConnections: metrics.counter('heddle_connections_refused_total', 'Connections refused, by reason.', [
      'direction',
      'reason',
    ]),
    tlsConnections: metrics.counter('heddle_tls_connections_total', 'Mesh handshakes, by their result.', [
      'direction',
      'result',
    ]),
    tcpConnections: metrics.counter('heddle_tcp_connections_total', 'Opaque connections carried, by how they ended.', [
      ...PEER_LABELS,
      'reason',
    ]),
    tcpBytes: metrics.counter(
      'heddle_tcp_bytes_total',
      'Bytes of opaque connections: sent by the client, received by it.',
      [...PEER_LABELS, 'flow'],
    ),
    protocolMismatches: metrics.counter(
      'heddle_protocol_mismatches_total',
      'Connections that spoke another protocol than remembered.',
      ['direction'],
    ),
    tlsState: metrics.counter(
      'heddle_tls_state_total',
      'HTTP requests and opaque connections that had a peer, by how they travelled: mutual TLS, or none.',
      [...PEER_LABELS, 'kind', 'tls'],
    ),
    accessLinesDropped: metrics.counter(
      'heddle_access_lines_dropped_total',
      'Access lines of errors and refusals that were not written because there were too many.',
      ['direction'],
    ),
  };
}

/** `heddle_certificate_expiry_seconds`: when the leaf in use expires, seconds since 1970; 0 while there is none. */
export function exportCertificateExpiry(
  metrics: Metrics,
  credentials: Watch<{ readonly notAfter: number } | undefined>,
): void {
  const expiry = metrics
    .gauge('heddle_certificate_expiry_seconds', 'When the own certificate expires, seconds since 1970.')
    .child();
  metrics.beforeText(() => expiry.set(Math.floor((credentials.value?.notAfter ?? 0) / 1_000)));
}

/** Counters of one pair of workloads: a request costs two array lookups and three additions. */
export class PeerMetrics {
  readonly #metrics: TrafficMetrics;
  readonly #labels: readonly string[];
  readonly #duration: Histogram;
  /** The status of the last request without a reason that was not gRPC, mostly that of the next one too. A list by status would cost each peer 2.5 kB. */
  #code = 0;
  #coded: Counter | undefined;
  /** The earlier ones. */
  #codes: Map<number, Counter> | undefined;
  /** By gRPC status, for gRPC answers of status 200 without a reason. */
  #grpc: (Counter | undefined)[] | undefined;
  /** All others; the families bound the series, this only spares their look-up. */
  #others: Map<string, Counter> | undefined;
  readonly #secured: (Counter | undefined)[] = [undefined, undefined, undefined, undefined];

  constructor(metrics: TrafficMetrics, direction: Direction, source: WorkloadName, destination: WorkloadName) {
    this.#metrics = metrics;
    this.#labels = [direction, source.workload, source.namespace, destination.workload, destination.namespace];
    this.#duration = metrics.durations.child(this.#labels);
  }

  /** `reason` '' where the answer came from the application, `grpcStatus` undefined where the request was not gRPC. Milliseconds. */
  request(status: number, reason: string, durationMs: number, grpcStatus?: GrpcStatus): void {
    this.#counter(status, reason, grpcStatus).inc();
    this.#duration.observe(durationMs / 1_000);
  }

  /** Once for each request or opaque connection that had a peer on the network. */
  secured(kind: 'http' | 'tcp', mutual: boolean): void {
    const place = (kind === 'http' ? 0 : 2) + (mutual ? 1 : 0);
    this.#secured[place] ??= this.#metrics.tlsState.child([...this.#labels, kind, mutual ? 'mutual' : 'none']);
    this.#secured[place].inc();
  }

  tcp(reason: string, sent: number, received: number): void {
    this.#metrics.tcpConnections.child([...this.#labels, reason]).inc();
    this.#metrics.tcpBytes.child([...this.#labels, 'sent']).inc(sent);
    this.#metrics.tcpBytes.child([...this.#labels, 'received']).inc(received);
  }

  #counter(status: number, reason: string, grpcStatus: GrpcStatus | undefined): Counter {
    if (reason === '' && grpcStatus === undefined) {
      return this.#coded !== undefined && status === this.#code ? this.#coded : this.#changeCode(status);
    }
    if (reason === '' && status === 200 && typeof grpcStatus === 'number') {
      this.#grpc ??= [];
      this.#grpc[grpcStatus] ??= this.#requests(200, '', grpcStatus);
      return this.#grpc[grpcStatus];
    }
    return this.#other(status, reason, grpcStatus ?? '');
  }

  #changeCode(status: number): Counter {
    if (this.#coded !== undefined) {
      this.#codes ??= new Map();
      this.#codes.set(this.#code, this.#coded);
    }
    const counter = this.#codes?.get(status) ?? this.#requests(status, '', '');
    this.#code = status;
    this.#coded = counter;
    return counter;
  }

  #other(status: number, reason: string, grpcStatus: GrpcStatus | ''): Counter {
    const key = `${status} ${reason} ${grpcStatus}`;
    let counter = this.#others?.get(key);
    if (counter === undefined) {
      counter = this.#requests(status, reason, grpcStatus);
      this.#others ??= new Map();
      if (this.#others.size >= MAX_OTHERS) this.#others.clear();
      this.#others.set(key, counter);
    }
    return counter;
  }

  #requests(status: number, reason: string, grpcStatus: GrpcStatus | ''): Counter {
    return this.#metrics.requests.child([...this.#labels, String(status), reason, String(grpcStatus)]);
  }
}

/** Pairs of one side, by the name of the other party; bounded like the metric families themselves. */
export class PeerMetricsTable {
  readonly #metrics: TrafficMetrics;
  readonly #direction: Direction;
  readonly #self: WorkloadName;
  readonly #peers = new Map<string, PeerMetrics>();
  /** Whom the last request was for: mostly the next one too. */
  #last: { readonly name: WorkloadName; readonly peer: PeerMetrics } | undefined;

  constructor(metrics: TrafficMetrics, direction: Direction, self: WorkloadName) {
    this.#metrics = metrics;
    this.#direction = direction;
    this.#self = self;
  }

  of(workload: string, namespace: string): PeerMetrics {
    const last = this.#last;
    if (last !== undefined && last.name.workload === workload && last.name.namespace === namespace) return last.peer;
    const peer = this.#find(workload, namespace);
    this.#last = { name: { workload, namespace }, peer };
    return peer;
  }

  #find(workload: string, namespace: string): PeerMetrics {
    const key = `${namespace}/${workload}`;
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      if (this.#peers.size >= MAX_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
      peer = this.#make({ workload, namespace });
      this.#peers.set(key, peer);
    }
    return peer;
  }

  #make(other: WorkloadName): PeerMetrics {
    return this.#direction === 'outbound'
      ? new PeerMetrics(this.#metrics, 'outbound', this.#self, other)
      : new PeerMetrics(this.#metrics, 'inbound', other, this.#self);
  }
}

const MAX_PEERS = 1_000;
/** An application chooses both its statuses: they must not fill the memory of their proxy. */
const MAX_OTHERS = 256;
