import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client';

/** What is read at each scrape rather than counted. */
export interface MetricsSources {
  readonly isLeader: () => boolean;
  /** Epoch milliseconds; undefined while there is none. */
  readonly issuerNotAfter: () => number | undefined;
  readonly rootNotAfter: () => number | undefined;
  readonly streams: () => number;
  /** From the distributor's statistics: name to value, all growing. */
  readonly pushed: () => Readonly<Record<string, number>>;
  /** Resource to objects held. */
  readonly held: () => readonly { readonly resource: string; readonly size: number; readonly alive: boolean }[];
  /** Meshed pods with an address outside of the known networks. */
  readonly podsOutsideRanges: () => number;
  readonly depths: () => Readonly<Record<string, number>>;
}

/** Prometheus metrics of the operator. Every label value comes from a closed set. */
export interface OperatorMetrics {
  certificateAnswered(reason: string): void;
  reconciled(controller: string, outcome: string): void;
  text(): Promise<string>;
}

export function createMetrics(sources: MetricsSources): OperatorMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const certificates = new Counter({
    name: 'heddle_operator_certificate_requests_total',
    help: 'Certificate requests by answer: Issued, or the reason of the refusal.',
    labelNames: ['reason'],
    registers,
  });
  const reconciles = new Counter({
    name: 'heddle_operator_reconciles_total',
    help: 'Reconciles by controller and outcome.',
    labelNames: ['controller', 'outcome'],
    registers,
  });
  gauge('heddle_operator_leader', '1 while this replica leads.', () => (sources.isLeader() ? 1 : 0));
  gauge('heddle_operator_streams', 'Open configuration streams.', sources.streams);
  gauge('heddle_operator_issuer_expiry_seconds', 'Unix time at which the issuer ends; 0 without one.', () =>
    seconds(sources.issuerNotAfter()),
  );
  gauge('heddle_operator_root_expiry_seconds', 'Unix time at which the root ends; 0 without one.', () =>
    seconds(sources.rootNotAfter()),
  );
  gauge(
    'heddle_operator_pods_outside_ranges',
    'Meshed pods with an address outside of the networks of nodes, ServiceCIDRs and MeshConfig: spec.clusterRanges lacks theirs.',
    sources.podsOutsideRanges,
  );
  labelled('heddle_operator_pushed', 'What the distributor counted since the start.', 'what', () =>
    Object.entries(sources.pushed()),
  );
  labelled('heddle_operator_queue_depth', 'Keys that wait or are being worked on.', 'controller', () =>
    Object.entries(sources.depths()),
  );
  labelled('heddle_operator_objects', 'Objects held by informer.', 'resource', () =>
    sources.held().map((one) => [one.resource, one.size]),
  );
  labelled('heddle_operator_informer_alive', '1 while the watch is heard.', 'resource', () =>
    sources.held().map((one) => [one.resource, one.alive ? 1 : 0]),
  );

  function gauge(name: string, help: string, read: () => number): void {
    const made: Gauge = new Gauge({
      name,
      help,
      registers,
      collect() {
        made.set(read());
      },
    });
  }

  function labelled(name: string, help: string, label: string, read: () => Iterable<[string, number]>): void {
    const made: Gauge<string> = new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        for (const [value, number] of read()) made.set({ [label]: value }, number);
      },
    });
  }

  return {
    certificateAnswered: (reason) => certificates.inc({ reason }),
    reconciled: (controller, outcome) => reconciles.inc({ controller, outcome }),
    text: () => registry.metrics(),
  };
}

function seconds(epochMs: number | undefined): number {
  return epochMs === undefined ? 0 : Math.floor(epochMs / 1000);
}
