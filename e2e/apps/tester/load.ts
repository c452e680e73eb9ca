import { Agent, request } from 'node:http';

/** One run of calls. `count` or `durationMs` ends it. */
export interface LoadOrder {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly count?: number;
  readonly durationMs?: number;
  readonly concurrency?: number;
  /** Calls a second over all workers; absent = as fast as answers come. */
  readonly rate?: number;
  /** False: a new connection for each call. */
  readonly keepAlive?: boolean;
}

export interface LoadResult {
  done: number;
  byStatus: Record<string, number>;
  byVersion: Record<string, number>;
  byPod: Record<string, number>;
  reasons: Record<string, number>;
  errors: number;
  /** The first ten, with the time since the start. */
  errorSamples: string[];
  latencyMs: { p50: number; p90: number; p99: number; max: number };
  elapsedMs: number;
}

export class Load {
  readonly result: LoadResult = {
    done: 0,
    byStatus: {},
    byVersion: {},
    byPod: {},
    reasons: {},
    errors: 0,
    errorSamples: [],
    latencyMs: { p50: 0, p90: 0, p99: 0, max: 0 },
    elapsedMs: 0,
  };
  readonly #order: LoadOrder;
  readonly #agent: Agent;
  readonly #latencies: number[] = [];
  readonly #start = performance.now();
  readonly finished: Promise<void>;
  #stopped = false;
  #issued = 0;

  constructor(order: LoadOrder) {
    this.#order = order;
    const workers = order.concurrency ?? 4;
    this.#agent = new Agent({ keepAlive: order.keepAlive ?? true, maxSockets: workers });
    this.finished = Promise.all(Array.from({ length: workers }, () => this.#work(workers))).then(() => {
      this.#agent.destroy();
      this.summarize();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  summarize(): LoadResult {
    const sorted = [...this.#latencies].sort((left, right) => left - right);
    const at = (share: number): number =>
      Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));
    this.result.latencyMs = { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
    this.result.elapsedMs = Math.round(performance.now() - this.#start);
    return this.result;
  }

  async #work(workers: number): Promise<void> {
    const { count = Number.POSITIVE_INFINITY, durationMs = Number.POSITIVE_INFINITY, rate } = this.#order;
    const pause = rate === undefined ? 0 : (1000 * workers) / rate;
    let due = performance.now();
    while (!this.#stopped && this.#issued < count && performance.now() - this.#start < durationMs) {
      this.#issued += 1;
      await this.#call();
      due += pause;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  #call(): Promise<void> {
    const started = performance.now();
    return new Promise((resolve) => {
      const { url, method = 'GET', headers = {}, body } = this.#order;
      const call = request(
        url,
        {
          method,
          headers: body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) },
          agent: this.#agent,
        },
        (response) => {
          response.on('end', () => {
            this.#answered(response.statusCode ?? 0, response.headers, performance.now() - started);
            resolve();
          });
          response.on('error', (error) => {
            this.#failed(error);
            resolve();
          });
          response.resume();
        },
      );
      call.on('error', (error) => {
        this.#failed(error);
        resolve();
      });
      call.end(body);
    });
  }

  #answered(status: number, headers: Readonly<Record<string, string | string[] | undefined>>, ms: number): void {
    const { result } = this;
    const bump = (counts: Record<string, number>, key: unknown): void => {
      if (typeof key === 'string') counts[key] = (counts[key] ?? 0) + 1;
    };
    result.done += 1;
    bump(result.byStatus, String(status));
    bump(result.byVersion, headers['x-version']);
    bump(result.byPod, headers['x-pod']);
    bump(result.reasons, headers['x-heddle-reason']);
    if (this.#latencies.length < 200_000) this.#latencies.push(ms);
  }

  #failed(error: Error): void {
    this.result.done += 1;
    this.result.errors += 1;
    if (this.result.errorSamples.length < 10) {
      this.result.errorSamples.push(`${Math.round(performance.now() - this.#start)} ms: ${error.message}`);
    }
  }
}
