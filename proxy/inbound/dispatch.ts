import type { Connections, ConnectWaiter, Opener } from '../balance/connections.ts';
import type { Timer } from '../base/clock.ts';
import { HEADERS } from '../contract/headers.ts';
import type { Reason } from '../contract/reasons.ts';
import { isGrpc } from '../filters/grpc.ts';
import { GrpcAnswer } from '../filters/grpc-answer.ts';
import { addHeader, removeReserved, withoutReserved } from '../filters/headers.ts';
import { ownMessage } from '../filters/own-response.ts';
import { trace } from '../filters/trace.ts';
import type {
  ClientExchange,
  Failure,
  HeaderList,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ServerExchange,
} from '../http/message.ts';
import type { MeshServerExchange } from '../mesh/mesh.ts';
import type { BuiltWorkload } from '../policy/build.ts';
import { Lease } from '../policy/lease.ts';
import { answer } from './answer.ts';
import { type Answered, ApplicationAnswer } from './application-answer.ts';
import type { InboundContext, Source, Target } from './context.ts';
import { CLIENT_CLOSED_STATUS, record } from './record.ts';
import { rescue } from './rescue.ts';

/** DESIGN section 5: 3 s to the own application. */
const CONNECT_MS = 3_000;
/** The caller's proxy ends its request itself when its time is over; this is for one that cannot any more. */
const DEADLINE_GRACE_MS = 100;
/** It is rounded up to this: then most requests have one of few limits, and share its timer. */
const DEADLINE_STEP_MS = 100;
/** No rules, no answer: a proxy without its inbound configuration serves nobody. */
const NOT_CONFIGURED = 'this proxy has no inbound configuration';

export interface Caller {
  readonly source: Source;
  /** Set on the mesh: tells the caller that the application has not seen the request. */
  readonly mesh: MeshServerExchange | undefined;
}

/**
 * One request from the network to the application: authorize, connect, pass on, close the books once. Nothing is repeated here but what cannot
 * have been sent (a kept connection that turned out to be closed).
 */
export class InboundRequest implements RequestReceiver, ConnectWaiter, Answered {
  readonly #context: InboundContext;
  readonly #target: Target;
  readonly #caller: Caller;
  readonly #exchange: ServerExchange;
  readonly #head: RequestHead;
  readonly #started: number;
  /** Came while there was no connection to the application yet. */
  #held: Buffer[] = [];
  #end: { trailers: HeaderList | undefined } | undefined;
  #upstream: ClientExchange | undefined;
  /** Where this request waits for a connection, or got one. */
  #connections: Connections | undefined;
  #deadline: Timer | undefined;
  #leaveLive: (() => void) | undefined;
  /** The rules that allowed it. */
  #rules: BuiltWorkload | undefined;
  readonly #lease = new Lease();
  #traceId = '';
  #state: 'waiting' | 'sent' | 'answering' | 'tunnel' | 'over' = 'waiting';
  #responseEnded = false;
  #freshTried = false;
  /** Body bytes went out that are not held here: only the caller could send them again. */
  #forwarded = false;
  #status = 0;
  readonly #bytes = { request: 0, response: 0 };
  /** What the caller got; undefined: not a gRPC request. */
  readonly #grpc: GrpcAnswer | undefined;

  constructor(context: InboundContext, target: Target, caller: Caller, exchange: ServerExchange) {
    this.#context = context;
    this.#target = target;
    this.#caller = caller;
    this.#exchange = exchange;
    this.#head = exchange.head;
    this.#grpc = isGrpc(exchange.head) ? new GrpcAnswer() : undefined;
    this.#started = context.clock.now();
    exchange.receiver = this;
  }

  start(): void {
    const rules = this.#authorize();
    if (rules === undefined) return;
    this.#rewrite(rules);
    const left = this.#caller.mesh?.meta.deadlineMs;
    if (left !== undefined) {
      const ms = Math.ceil((left + DEADLINE_GRACE_MS) / DEADLINE_STEP_MS) * DEADLINE_STEP_MS;
      this.#deadline = this.#context.deadlines.after(ms, this, InboundRequest.#tooLate);
    }
    this.#connect();
  }

  /** By the rules in force now; undefined: it was refused. */
  #authorize(): BuiltWorkload | undefined {
    const rules = this.#context.store.workload();
    if (rules === undefined) {
      this.#refuse('config_pending', NOT_CONFIGURED, true);
      return undefined;
    }
    const forbidden = this.#forbiddenBy(rules);
    if (forbidden !== undefined) {
      this.#refuse(forbidden.reason, forbidden.detail, false);
      return undefined;
    }
    this.#rules = rules;
    this.#lease.move(rules);
    return rules;
  }

  #forbiddenBy(rules: BuiltWorkload): { readonly reason: Reason; readonly detail: string } | undefined {
    const { identity } = this.#caller.source;
    const { port } = this.#target;
    const who = identity ?? 'a caller without identity';
    if (identity === undefined && rules.mtlsMode(port) === 'Strict') {
      return { reason: 'plaintext_refused', detail: `port ${port}: ${who}` };
    }
    const verdict = rules.authorizer.request(identity, port, this.#head.method, this.#head.path);
    return verdict.allowed ? undefined : { reason: 'unauthorized', detail: `${who}: denied by ${verdict.rule}` };
  }

  // The caller's side.

  onBody(buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'over') return;
    this.#bytes.request += end - start;
    if (this.#upstream === undefined) {
      this.#held.push(Buffer.from(buffer.subarray(start, end)));
      return;
    }
    this.#forwarded = true;
    if (!this.#upstream.write(buffer, start, end)) this.#exchange.pause();
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#end = { trailers: withoutReserved(trailers) };
    this.#upstream?.end(this.#end.trailers);
    this.#finishTunnel();
  }

  onDrain(): void {
    this.#upstream?.resume();
  }

  onAbort(failure: Failure): void {
    if (this.#state === 'over') return;
    const upstream = this.#upstream;
    this.#connections?.cancel(this);
    this.#close(this.#status === 0 ? CLIENT_CLOSED_STATUS : this.#status, failure.reason, failure.detail);
    upstream?.abort();
  }

  // The connection to the application.

  onConnection(opener: Opener): void {
    if (this.#state === 'over') return;
    this.#open(opener);
    this.#exchange.resume();
  }

  onConnectFailure(failure: Failure): void {
    if (this.#state !== 'over') this.#refuse(failure.reason, failure.detail, true);
  }

  #connect(): void {
    this.#connections = this.#context.applications.of(this.#target, this.#head.version === 20);
    const opener = this.#connections.acquire(this, CONNECT_MS);
    if (opener !== undefined) this.#open(opener);
    // Also without a body: after an upgrade or CONNECT bytes may follow before the answer.
    else this.#exchange.pause();
  }

  #open(opener: Opener): void {
    // Between the decision and the connection new rules may have come; nothing was sent yet.
    if (this.#context.store.workload() !== this.#rules && this.#authorize() === undefined) return;
    const upstream = opener.open(this.#head, NO_META, new ApplicationAnswer(this));
    this.#upstream = upstream;
    this.#state = 'sent';
    for (const piece of this.#held) upstream.write(piece, 0, piece.length);
    if (this.#end !== undefined) upstream.end(this.#end.trailers);
  }

  // The application's side, told by `ApplicationAnswer`.

  onInform(head: ResponseHead): void {
    removeReserved(head);
    this.#exchange.inform(head);
  }

  onResponse(head: ResponseHead): void {
    this.#held = [];
    // Upgrades, event streams and gRPC streams may go on for longer: from here on only the caller decides.
    this.#deadline?.clear();
    removeReserved(head);
    this.#status = head.status;
    this.#state = head.framing === 'tunnel' ? 'tunnel' : 'answering';
    this.#responseEnded = head.framing === 'none';
    this.#grpc?.answered(head);
    if (this.#state === 'tunnel') this.#live();
    this.#exchange.respond(head);
  }

  /** An upgraded request lives as long as a connection: rules that forbid it close it. */
  #live(): void {
    const { port } = this.#target;
    const { identity } = this.#caller.source;
    this.#leaveLive = this.#context.live.add({
      kind: identity === undefined ? 'plain-http' : 'mesh',
      port,
      identity,
      forbiddenBy: (rules) => this.#forbiddenBy(rules)?.reason,
      close: (reason) => this.#cut({ reason, unprocessed: false, detail: 'the upgraded connection was closed' }),
      drain() {},
    });
  }

  #cut(failure: Failure): void {
    if (this.#state === 'over') return;
    const upstream = this.#upstream;
    this.#exchange.abort(failure);
    this.#close(this.#status, failure.reason, failure.detail);
    upstream?.abort();
  }

  onResponseBody(buffer: Buffer, start: number, end: number): void {
    this.#bytes.response += end - start;
    if (!this.#exchange.write(buffer, start, end)) this.#upstream?.pause();
  }

  onUpstreamDrain(): void {
    this.#exchange.resume();
  }

  onResponseEnd(trailers: HeaderList | undefined): void {
    if (this.#state === 'over') return;
    if (!this.#responseEnded) this.#exchange.end(withoutReserved(trailers));
    this.#grpc?.ended(trailers);
    this.#responseEnded = true;
    if (this.#state === 'tunnel') this.#finishTunnel();
    else this.#close(this.#status, '', '');
  }

  onFailure(failure: Failure): void {
    if (this.#state === 'over') return;
    if (failure.unprocessed && !this.#freshTried && !this.#forwarded && this.#state === 'sent') {
      // A kept connection was closed before anything was written on it: the same application, on another connection.
      this.#freshTried = true;
      this.#upstream = undefined;
      this.#state = 'waiting';
      this.#connect();
      return;
    }
    if (this.#state === 'sent' && this.#caller.mesh === undefined) {
      this.#refuse(failure.reason, failure.detail, false);
      return;
    }
    if (this.#state === 'sent' && failure.reason !== 'upstream_reset') {
      this.#refuse(failure.reason, failure.detail, failure.unprocessed);
      return;
    }
    // The caller's proxy decides what becomes of it: it sees a reset stream, as it would have seen the reset connection.
    this.#exchange.abort(failure);
    this.#close(this.#status === 0 ? 502 : this.#status, failure.reason, failure.detail);
  }

  // What is changed on the way.

  #rewrite(rules: BuiltWorkload): void {
    const { source, mesh } = this.#caller;
    removeReserved(this.#head);
    if (source.identity !== undefined) addHeader(this.#head, HEADERS.peer, source.identity);
    if (mesh !== undefined && mesh.meta.attempt > 1) addHeader(this.#head, HEADERS.attempt, String(mesh.meta.attempt));
    this.#traceId = trace(this.#head, this.#context.random, rules.configuration.tracingSamplingPercent);
  }

  // Ends.

  static #tooLate(request: InboundRequest): void {
    request.#late();
  }

  #late(): void {
    if (this.#state === 'over') return;
    const ms = this.#caller.mesh?.meta.deadlineMs;
    const upstream = this.#upstream;
    this.#connections?.cancel(this);
    this.#refuse('request_timeout', `the caller gave it ${ms} ms and did not end it itself`, false);
    upstream?.abort();
  }

  #refuse(reason: Reason, detail: string, unprocessed: boolean): void {
    const response = rescue(reason, detail);
    const message = ownMessage(this.#head, response);
    answer(this.#exchange, this.#caller.mesh, message, unprocessed);
    this.#grpc?.refused(reason);
    this.#close(response.status, reason, detail);
  }

  #finishTunnel(): void {
    if (this.#state === 'tunnel' && this.#end !== undefined && this.#responseEnded) this.#close(this.#status, '', '');
  }

  #close(status: number, reason: Reason | '', detail: string): void {
    this.#state = 'over';
    this.#held = [];
    this.#deadline?.clear();
    this.#leaveLive?.();
    this.#lease.move(undefined);
    record(this.#context, {
      head: this.#head,
      source: this.#caller.source,
      target: this.#target,
      status,
      reason,
      detail,
      durationMs: this.#context.clock.now() - this.#started,
      attempt: this.#caller.mesh?.meta.attempt ?? 1,
      traceId: this.#traceId,
      bytes: this.#bytes,
      grpcStatus: this.#grpc?.status,
    });
  }
}

const NO_META = { destination: '', attempt: 1, deadlineMs: undefined };
