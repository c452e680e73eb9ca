import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AccessLogMode } from '../contract/snapshot.ts';
import type { Direction, GrpcStatus } from './metrics.ts';

/** What is known of a request when its books are closed. */
export interface AccessRecord {
  readonly direction: Direction;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly status: number;
  /** '' = the application's own answer, complete. */
  readonly reason: string;
  readonly detail: string;
  readonly durationMs: number;
  readonly attempts: number;
  readonly source: string;
  readonly destination: string;
  readonly endpoint: string;
  readonly route: string;
  readonly traceId: string;
  /** Bytes of the bodies that this proxy took from either side, framing not counted. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of gRPC requests only. */
  readonly grpcStatus?: GrpcStatus | undefined;
}

/** Longest text of a field that a client controls. */
const MAX_TEXT = 512;

/** Errors, denials and slow calls; `All` everything, `Off` nothing. `status`: of a gRPC call the HTTP status that its own stands for. */
export function isWorthLogging(
  mode: AccessLogMode,
  status: number,
  reason: string,
  durationMs: number,
  slowMs: number,
): boolean {
  if (mode === 'Off') return false;
  // An upgrade is meant to stay.
  const slow = durationMs >= slowMs && status !== 101;
  return mode === 'All' || status >= 500 || reason !== '' || slow;
}

/** Lines of errors, denials and refused connections: a burst, then so many a second. A whole outage must not cost more than its first lines say. */
const BURST = 500;
const PER_SECOND = 100;

/** Who may write another line. One for each side of the proxy. */
export class AccessLimit {
  readonly #clock: Clock;
  readonly #onDrop: () => void;
  #left = BURST;
  #at: number;
  #dropped = 0;

  constructor(clock: Clock, onDrop: () => void) {
    this.#clock = clock;
    this.#onDrop = onDrop;
    this.#at = clock.now();
  }

  /** False: no line, and it is counted. `All` was asked for by name: it is bounded by the output only. */
  allows(mode: AccessLogMode = 'Errors'): boolean {
    if (mode === 'All') return true;
    const now = this.#clock.now();
    this.#left = Math.min(BURST, this.#left + ((now - this.#at) * PER_SECOND) / 1_000);
    this.#at = now;
    if (this.#left < 1) {
      this.#dropped++;
      this.#onDrop();
      return false;
    }
    this.#left--;
    return true;
  }

  /** Lines dropped since this was last asked; undefined: none. A line that is written says it. */
  takeDropped(): number | undefined {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped === 0 ? undefined : dropped;
  }
}

/** One JSON line. */
export function writeAccess(log: Log, record: AccessRecord, droppedBefore?: number): void {
  log.info('request', {
    log: 'access',
    direction: record.direction,
    method: cut(record.method),
    path: cut(record.path),
    authority: cut(record.authority),
    status: record.status,
    grpcStatus: record.grpcStatus,
    reason: record.reason === '' ? undefined : record.reason,
    detail: record.detail === '' ? undefined : cut(record.detail),
    durationMs: Math.round(record.durationMs * 1_000) / 1_000,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    attempts: record.attempts > 1 ? record.attempts : undefined,
    source: record.source,
    destination: record.destination,
    endpoint: record.endpoint === '' ? undefined : record.endpoint,
    route: record.route === '' ? undefined : record.route,
    traceId: record.traceId === '' ? undefined : record.traceId,
    droppedBefore,
  });
}

/** One JSON line for a connection that was refused or ended badly. */
export function writeConnection(
  log: Log,
  record: {
    readonly direction: Direction;
    readonly reason: string;
    readonly detail: string;
    readonly peer?: string;
    readonly port?: number;
    readonly destination?: string | undefined;
  },
  droppedBefore?: number,
): void {
  log.info('connection', { log: 'access', ...record, detail: cut(record.detail), droppedBefore });
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
