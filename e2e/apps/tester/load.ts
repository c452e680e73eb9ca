import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import process from 'node:process';

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
  /** Connections that it ever had. */
  connections: number;
  /** Calls without an answer and those answered with 500 and above: the first thousand. */
  failures: Failure[];
  /** Only where a moment was asked for. */
  since?: Since;
}

/** A call that failed. Times are `now()`. */
export interface Failure {
  /** Of the workers, which have one call at a time each and so at most one connection each. */
  readonly worker: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly what: string;
}

/** The answered calls that were started after a moment. */
export interface Since {
  readonly byVersion: Record<string, number>;
  readonly byStatus: Record<string, number>;
}

interface Answered {
  readonly startedAt: number;
  readonly status: string;
  readonly version: string;
}

const MOST_FAILURES = 1_000;
const MOST_REMEMBERED = 200_000;

/** Milliseconds of CLOCK_MONOTONIC: one clock for all processes of a machine, so the suites' moments and these compare. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

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
    connections: 0,
    failures: [],
  };
  readonly #order: LoadOrder;
  readonly #agent: Agent;
  readonly #latencies: number[] = [];
  readonly #answered: Answered[] = [];
  readonly #sockets = new WeakSet<Socket>();
  readonly #start = performance.now();
  readonly finished: Promise<void>;
  #stopped = false;
  #issued = 0;

  constructor(order: LoadOrder) {
    this.#order = order;
    const workers = order.concurrency ?? 4;
    this.#agent = new Agent({ keepAlive: order.keepAlive ?? true, maxSockets: workers });
    this.finished = Promise.all(Array.from({ length: workers }, (_, worker) => this.#work(worker, workers))).then(
      () => {
        this.#agent.destroy();
        this.summarize();
      },
    );
  }

  stop(): void {
    this.#stopped = true;
  }

  /** `after`: a moment of `now()`; what was started later is counted apart. */
  summarize(after?: number): LoadResult {
    const sorted = [...this.#latencies].sort((left, right) => left - right);
    const at = (share: number): number =>
      Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));
    this.result.latencyMs = { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
    this.result.elapsedMs = Math.round(performance.now() - this.#start);
    return after === undefined ? this.result : { ...this.result, since: this.#since(after) };
  }

  #since(after: number): Since {
    const since: Since = { byVersion: {}, byStatus: {} };
    for (const { startedAt, status, version } of this.#answered) {
      if (startedAt <= after) continue;
      bump(since.byStatus, status);
      bump(since.byVersion, version);
    }
    return since;
  }

  async #work(worker: number, workers: number): Promise<void> {
    const { count = Number.POSITIVE_INFINITY, durationMs = Number.POSITIVE_INFINITY, rate } = this.#order;
    const pause = rate === undefined ? 0 : (1000 * workers) / rate;
    let due = performance.now();
    while (!this.#stopped && this.#issued < count && performance.now() - this.#start < durationMs) {
      this.#issued += 1;
      await this.#call(worker);
      due += pause;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  #call(worker: number): Promise<void> {
    const startedAt = now();
    return new Promise((resolve) => {
      const { url, method = 'GET', headers = {}, body } = this.#order;
      const failed = (error: Error): void => {
        this.#failed(worker, startedAt, error);
        resolve();
      };
      const call = request(
        url,
        {
          method,
          headers: body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) },
          agent: this.#agent,
        },
        (response) => {
          response.on('end', () => {
            this.#answer(worker, startedAt, response);
            resolve();
          });
          response.on('error', failed);
          response.resume();
        },
      );
      call.on('socket', (socket) => {
        if (!this.#sockets.has(socket)) this.result.connections += 1;
        this.#sockets.add(socket);
      });
      call.on('error', failed);
      call.end(body);
    });
  }

  #answer(worker: number, startedAt: number, { statusCode = 0, headers }: IncomingMessage): void {
    const { result } = this;
    const status = String(statusCode);
    const reason = headers['x-heddle-reason'];
    result.done += 1;
    bump(result.byStatus, status);
    bump(result.byVersion, headers['x-version']);
    bump(result.byPod, headers['x-pod']);
    bump(result.reasons, reason);
    if (statusCode >= 500) this.#remember(worker, startedAt, `${status} ${String(reason ?? '')}`.trim());
    if (this.#latencies.length >= MOST_REMEMBERED) return;
    this.#latencies.push(now() - startedAt);
    this.#answered.push({ startedAt, status, version: String(headers['x-version'] ?? 'none') });
  }

  #failed(worker: number, startedAt: number, error: Error): void {
    this.result.done += 1;
    this.result.errors += 1;
    this.#remember(worker, startedAt, error.message);
    if (this.result.errorSamples.length < 10) {
      this.result.errorSamples.push(`${Math.round(performance.now() - this.#start)} ms: ${error.message}`);
    }
  }

  #remember(worker: number, startedAt: number, what: string): void {
    if (this.result.failures.length < MOST_FAILURES) {
      this.result.failures.push({ worker, startedAt, endedAt: now(), what });
    }
  }
}

function bump(counts: Record<string, number>, key: unknown): void {
  if (typeof key === 'string') counts[key] = (counts[key] ?? 0) + 1;
}
