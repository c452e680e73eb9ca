import type { Reason } from '../contract/reasons.ts';
import { endStatus } from '../filters/grpc.ts';
import type { RequestHead } from '../http/message.ts';
import { type AccessRecord, isWorthLogging, writeAccess, writeConnection } from '../telemetry/access-log.ts';
import type { GrpcStatus } from '../telemetry/metrics.ts';
import type { InboundContext, Source, Target } from './context.ts';

/** Status in the books of a request whose caller went away: nobody saw one. */
export const CLIENT_CLOSED_STATUS = 499;

export interface Books {
  readonly head: RequestHead;
  readonly source: Source;
  readonly target: Target;
  readonly status: number;
  readonly reason: Reason | '';
  readonly detail: string;
  readonly durationMs: number;
  readonly attempt: number;
  readonly traceId: string;
  /** Of the bodies, as far as they came; absent: nothing was read. */
  readonly bytes?: { readonly request: number; readonly response: number };
  /** Of gRPC requests only. */
  readonly grpcStatus?: GrpcStatus | undefined;
}

/** Closes the books of one request, once: metrics always, a log line for errors, denials and slow calls. */
export function record(context: InboundContext, books: Books): void {
  const { source, target } = books;
  const peer = context.peers.of(source.workload, source.namespace);
  peer.request(books.status, books.reason, books.durationMs, books.grpcStatus);
  peer.secured('http', source.identity !== undefined);
  const mode = context.store.workload()?.configuration.accessLog ?? 'Errors';
  const status = endStatus(books.status, books.grpcStatus);
  if (!isWorthLogging(mode, status, books.reason, books.durationMs, context.slowMs)) return;
  if (!context.access.allows(mode)) return;
  const line: AccessRecord = {
    direction: 'inbound',
    method: books.head.method,
    path: books.head.path,
    authority: books.head.authority,
    status: books.status,
    reason: books.reason,
    detail: books.detail,
    durationMs: books.durationMs,
    attempts: books.attempt,
    source: source.identity ?? (source.address === undefined ? 'plaintext' : `plaintext ${source.address}`),
    destination: `${context.self.namespace}/${context.self.workload}:${target.port}`,
    endpoint: '',
    route: '',
    traceId: books.traceId,
    requestBytes: books.bytes?.request ?? 0,
    responseBytes: books.bytes?.response ?? 0,
    grpcStatus: books.grpcStatus,
  };
  writeAccess(context.log, line, context.access.takeDropped());
}

/** A connection that was refused: metric, and a line that says whom and why. */
export function recordRefusal(
  context: InboundContext,
  target: Target,
  peer: string,
  reason: Reason,
  detail: string,
): void {
  context.metrics.refusedConnections.child(['inbound', reason]).inc();
  if (!context.access.allows()) return;
  const line = { direction: 'inbound' as const, reason, detail, peer, port: target.port };
  writeConnection(context.log, line, context.access.takeDropped());
}
