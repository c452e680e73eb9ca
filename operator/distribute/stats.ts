/** Upper bounds in ms of the push latency histogram: from the change of the world to the write. */
export const LATENCY_BUCKETS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const;

/** What the distributor counts; read by the operator's metrics. All numbers only grow. */
export class Stats {
  updates = 0;
  bytes = 0;
  addressTables = 0;
  acks = 0;
  nacks = 0;
  reports = 0;
  helloAccepted = 0;
  helloRefused = 0;
  latencySumMs = 0;
  latencyMaxMs = 0;
  /** One more than `LATENCY_BUCKETS`: the last is everything above. */
  readonly latencyCounts: number[] = new Array<number>(LATENCY_BUCKETS.length + 1).fill(0);

  updateSent(bytes: number, latencyMs: number): void {
    this.updates++;
    this.bytes += bytes;
    this.latencySumMs += latencyMs;
    this.latencyMaxMs = Math.max(this.latencyMaxMs, latencyMs);
    const bucket = LATENCY_BUCKETS.findIndex((bound) => latencyMs <= bound);
    const at = bucket < 0 ? LATENCY_BUCKETS.length : bucket;
    this.latencyCounts[at] = (this.latencyCounts[at] ?? 0) + 1;
  }

  addressesSent(bytes: number): void {
    this.addressTables++;
    this.bytes += bytes;
  }
}
