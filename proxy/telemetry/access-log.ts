import type { Log } from '../base/log.ts';
import type { AccessLogMode } from '../contract/snapshot.ts';
import type { Direction } from './metrics.ts';

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
}

/** Longest text of a field that a client controls. */
const MAX_TEXT = 512;

/** Errors, denials and slow calls; `All` everything, `Off` nothing. */
export function isWorthLogging(
  mode: AccessLogMode,
  status: number,
  reason: string,
  durationMs: number,
  slowMs: number,
): boolean {
  if (mode === 'Off') return false;
  return mode === 'All' || status >= 500 || reason !== '' || durationMs >= slowMs;
}

/** One JSON line. */
export function writeAccess(log: Log, record: AccessRecord): void {
  log.info('request', {
    log: 'access',
    direction: record.direction,
    method: cut(record.method),
    path: cut(record.path),
    authority: cut(record.authority),
    status: record.status,
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
  });
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
