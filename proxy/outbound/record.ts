import type { EndpointState } from '../balance/endpoints.ts';
import type { Reason } from '../contract/reasons.ts';
import { endStatus } from '../filters/grpc.ts';
import type { RequestHead } from '../http/message.ts';
import type { BuiltPort } from '../policy/build.ts';
import { type AccessRecord, isWorthLogging, writeAccess } from '../telemetry/access-log.ts';
import type { GrpcStatus } from '../telemetry/metrics.ts';
import type { OutboundContext } from './context.ts';

/** Status in the books of a request whose client went away: nobody saw one. */
export const CLIENT_CLOSED_STATUS = 499;

export interface Books {
  readonly head: RequestHead;
  readonly port: BuiltPort | undefined;
  readonly endpoint: EndpointState | undefined;
  readonly route: string;
  readonly status: number;
  readonly reason: Reason | '';
  readonly detail: string;
  readonly durationMs: number;
  readonly attempts: number;
  /** `10.96.4.7:80` */
  readonly destination: string;
  readonly traceId: string;
  /** Of the bodies, as far as they came; absent: nothing was read. */
  readonly bytes?: { readonly request: number; readonly response: number };
  /** Of gRPC requests only. */
  readonly grpcStatus?: GrpcStatus | undefined;
}

/** Closes the books of one request, once: metrics always, a log line for errors, denials and slow calls. */
export function record(context: OutboundContext, books: Books): void {
  const target = books.endpoint?.endpoint;
  const workload = target?.workload ?? books.port?.name ?? 'unknown';
  const namespace = target?.namespace ?? books.port?.namespace ?? '';
  const peer = context.peers.of(workload, namespace);
  peer.request(books.status, books.reason, books.durationMs, books.grpcStatus);
  if (target !== undefined) peer.secured('http', target.identity !== undefined);
  const mode = books.port?.owner.accessLog ?? 'Errors';
  const status = endStatus(books.status, books.grpcStatus);
  if (!isWorthLogging(mode, status, books.reason, books.durationMs, context.slowMs)) return;
  if (!context.access.allows(mode)) return;
  const line: AccessRecord = {
    direction: 'outbound',
    method: books.head.method,
    path: books.head.path,
    authority: books.head.authority,
    status: books.status,
    reason: books.reason,
    detail: books.detail,
    durationMs: books.durationMs,
    attempts: books.attempts,
    source: `${context.self.namespace}/${context.self.workload}`,
    destination:
      books.port === undefined ? books.destination : `${books.port.namespace}/${books.port.name}:${books.port.port}`,
    endpoint: books.endpoint?.name ?? '',
    route: books.route,
    traceId: books.traceId,
    requestBytes: books.bytes?.request ?? 0,
    responseBytes: books.bytes?.response ?? 0,
    grpcStatus: books.grpcStatus,
  };
  writeAccess(context.log, line, context.access.takeDropped());
}
