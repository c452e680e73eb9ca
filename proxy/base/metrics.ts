import { type SeriesHandle, SeriesStore } from './metrics-series.ts';

/**
 * Counters, gauges and histograms in typed arrays, written as Prometheus text (exposition format 0.0.4).
 * Label values must come from closed sets (reasons, workload names of the mesh, status codes), never from a client.
 * Take the child once and keep it: `family.child([...])` costs a map lookup, `child.inc()` some ten nanoseconds.
 */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Family<Counter>;
  gauge(name: string, help: string, labelNames?: readonly string[]): Family<Gauge>;
  /** `buckets`: ascending upper bounds without +Inf. */
  histogram(name: string, help: string, labelNames: readonly string[], buckets: readonly number[]): Family<Histogram>;
  /** `update` runs before each `text()`: for gauges that are read rather than counted. */
  beforeText(update: () => void): void;
  /** Prometheus text of everything. */
  text(): string;
  /** Call once a minute: evicts series that were idle for ten sweeps. */
  sweep(): void;
}

export interface Family<Handle> {
  /** The series with these label values, in the order of the label names. A full family answers with the series `other`. */
  child(labels?: readonly string[]): Handle;
  /** Series held now. */
  readonly size: number;
}
export interface Counter {
  inc(by?: number): void;
  readonly value: number;
}
export interface Gauge {
  set(value: number): void;
  /** `by` may be negative. */
  inc(by?: number): void;
  dec(): void;
  readonly value: number;
}
export interface Histogram {
  observe(value: number): void;
  readonly count: number;
  readonly sum: number;
}

export interface MetricsOptions {
  /** Series a family, default 1,000; one more is the series `other`. */
  readonly maxSeries?: number;
  /** Sweeps (minutes) after which an untouched series goes, default 10. */
  readonly idleSweeps?: number;
}

/** Seconds; for request and connect durations: 0.5 ms to 60 s. */
export const DURATION_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

interface Writable {
  readonly name: string;
  readonly store: SeriesStore;
  write(out: string[]): void;
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const maxSeries = options.maxSeries ?? 1_000;
  const idleSweeps = options.idleSweeps ?? 10;
  const families = new Map<string, Writable>();
  const updates: (() => void)[] = [];

  const add = (name: string, labelNames: readonly string[], family: Writable): void => {
    if (!METRIC_NAME.test(name) || !labelNames.every((label) => LABEL_NAME.test(label))) {
      throw new TypeError(`metric ${name}{${labelNames.join(',')}}: not a valid Prometheus name`);
    }
    if (families.has(name)) throw new TypeError(`metric ${name} exists already: take the family where it was made`);
    families.set(name, family);
  };

  const plain = <Handle extends SeriesHandle>(
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    labelNames: readonly string[],
    make: (store: SeriesStore, labels: readonly string[]) => Handle,
  ): Family<Handle> => {
    const shape = { width: 1, labelCount: labelNames.length, maxSeries, keepNonZero: type === 'gauge' };
    const store = new SeriesStore(shape);
    add(name, labelNames, {
      name,
      store,
      write(out) {
        out.push(heading(type, name, help));
        store.each((labels, start) => out.push(line(name, labelNames, labels, store.values[start]!)));
      },
    });
    return familyOf(name, labelNames, store, make);
  };

  return {
    counter: (name, help, labelNames = []) =>
      plain('counter', name, help, labelNames, (store, labels) => new CounterSeries(store, labels)),
    gauge: (name, help, labelNames = []) =>
      plain('gauge', name, help, labelNames, (store, labels) => new GaugeSeries(store, labels)),
    histogram(name, help, labelNames, buckets) {
      const shape = { width: buckets.length + 2, labelCount: labelNames.length, maxSeries, keepNonZero: false };
      const store = new SeriesStore(shape);
      const bounds = Float64Array.from(buckets);
      add(name, labelNames, {
        name,
        store,
        write(out) {
          out.push(heading('histogram', name, help));
          store.each((labels, start) => writeHistogram(out, name, labelNames, labels, bounds, store.values, start));
        },
      });
      return familyOf(name, labelNames, store, (to, labels) => new HistogramSeries(to, labels, bounds));
    },
    beforeText: (update) => void updates.push(update),
    text() {
      for (const update of updates) update();
      const out: string[] = [];
      for (const family of families.values()) family.write(out);
      out.push(heading('counter', OVERFLOW_METRIC, 'Times a metric family was full and counted under "other".'));
      for (const family of families.values()) {
        if (family.store.overflowed > 0)
          out.push(line(OVERFLOW_METRIC, ['family'], [family.name], family.store.overflowed));
      }
      return out.join('');
    },
    sweep() {
      for (const family of families.values()) family.store.evict(idleSweeps);
    },
  };
}

const OVERFLOW_METRIC = 'heddle_metrics_overflow_total';

function familyOf<Handle extends SeriesHandle>(
  name: string,
  labelNames: readonly string[],
  store: SeriesStore,
  make: (store: SeriesStore, labels: readonly string[]) => Handle,
): Family<Handle> {
  return {
    get size() {
      return store.size;
    },
    child(labels = []) {
      if (labels.length !== labelNames.length) {
        throw new TypeError(`metric ${name} has ${labelNames.length} labels, not ${labels.length}`);
      }
      const known = store.find(labels);
      if (known !== undefined) return known as Handle;
      const handle = make(store, [...labels]);
      store.attach(handle);
      return handle;
    },
  };
}

class CounterSeries implements Counter, SeriesHandle {
  place = -1;
  readonly labels: readonly string[];
  readonly #store: SeriesStore;

  constructor(store: SeriesStore, labels: readonly string[]) {
    this.#store = store;
    this.labels = labels;
  }

  get value(): number {
    return this.place < 0 ? 0 : this.#store.values[this.place]!;
  }

  inc(by = 1): void {
    const store = this.#store;
    if (this.place < 0) store.attach(this);
    store.values[this.place]! += by;
    store.touched[this.place] = store.sweep;
  }
}

class GaugeSeries extends CounterSeries implements Gauge {
  dec(): void {
    this.inc(-1);
  }

  set(value: number): void {
    this.inc(value - this.value);
  }
}

/** Numbers of a series: one count a bucket (not cumulative), then +Inf, then the sum. */
class HistogramSeries implements Histogram, SeriesHandle {
  place = -1;
  readonly labels: readonly string[];
  readonly #store: SeriesStore;
  readonly #bounds: Float64Array;

  constructor(store: SeriesStore, labels: readonly string[], bounds: Float64Array) {
    this.#store = store;
    this.labels = labels;
    this.#bounds = bounds;
  }

  get count(): number {
    if (this.place < 0) return 0;
    const start = this.place * (this.#bounds.length + 2);
    return this.#store.values.subarray(start, start + this.#bounds.length + 1).reduce((sum, count) => sum + count, 0);
  }

  get sum(): number {
    return this.place < 0 ? 0 : this.#store.values[(this.place + 1) * (this.#bounds.length + 2) - 1]!;
  }

  observe(value: number): void {
    const store = this.#store;
    if (this.place < 0) store.attach(this);
    const bounds = this.#bounds;
    const start = this.place * (bounds.length + 2);
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    store.values[start + bucket]! += 1;
    store.values[start + bounds.length + 1]! += value;
    store.touched[this.place] = store.sweep;
  }
}

function writeHistogram(
  out: string[],
  name: string,
  labelNames: readonly string[],
  labels: readonly string[],
  bounds: Float64Array,
  values: Float64Array,
  start: number,
): void {
  const names = [...labelNames, 'le'];
  let cumulative = 0;
  for (let bucket = 0; bucket <= bounds.length; bucket++) {
    cumulative += values[start + bucket]!;
    const bound = bucket === bounds.length ? '+Inf' : String(bounds[bucket]);
    out.push(line(`${name}_bucket`, names, [...labels, bound], cumulative));
  }
  out.push(line(`${name}_sum`, labelNames, labels, values[start + bounds.length + 1]!));
  out.push(line(`${name}_count`, labelNames, labels, cumulative));
}

function heading(type: string, name: string, help: string): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
}

function line(name: string, labelNames: readonly string[], labels: readonly string[], value: number): string {
  if (labelNames.length === 0) return `${name} ${value}\n`;
  const pairs = labelNames.map((label, index) => `${label}="${escapeLabel(labels[index] ?? '')}"`);
  return `${name}{${pairs.join(',')}} ${value}\n`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
