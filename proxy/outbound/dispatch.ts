import type { TryMeta } from '../balance/connections.ts';
import type { EndpointState } from '../balance/endpoints.ts';
import type { Timer } from '../base/clock.ts';
import type { Reason } from '../contract/reasons.ts';
import { meantStatus } from '../filters/grpc.ts';
import { removeReserved, withoutReserved } from '../filters/headers.ts';
import { ownMessage, sendOwn } from '../filters/own-response.ts';
import type {
  Failure,
  HeaderList,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ServerExchange,
} from '../http/message.ts';
import type { BuiltPort, BuiltRoute } from '../policy/build.ts';
import { Lease } from '../policy/lease.ts';
import { type Entry, portOf } from '../policy/store.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { OutboundContext } from './context.ts';
import { Deadlines, type DeadlinesOwner } from './deadlines.ts';
import { type GrpcCall, grpcCall } from './grpc-call.ts';
import { isEventStream, isHeadOnly, peerReason, startTrace } from './heads.ts';
import { CLIENT_CLOSED_STATUS, record } from './record.ts';
import { Replay } from './replay.ts';
import { rescue } from './rescue.ts';
import { Retrier } from './retrier.ts';
import { FIRST_RETRIABLE, type Outcome } from './retry.ts';
import { chooseEndpoint, routeOf } from './route.ts';
import { Valve } from './valve.ts';

/** What the connection knows: shared by all its requests. */
export interface RequestOrigin {
  /** Replaced when its key was removed and came back. */
  entry: Entry;
  readonly port: number;
  /** `10.96.4.7:80` */
  readonly destination: string;
}

type State = 'deciding' | 'trying' | 'backoff' | 'answering' | 'tunnel' | 'over';

/**
 * One request of the application: decides under the snapshot in force (again for every retry), runs attempts, and closes the books once.
 * `deciding`: waits for configuration; `trying`: an attempt runs, nothing is answered; `backoff`; `answering`: the response goes out; `tunnel`; `over`.
 */
export class OutboundRequest implements RequestReceiver, AttemptOwner, DeadlinesOwner {
  readonly head: RequestHead;
  readonly #context: OutboundContext;
  readonly #origin: RequestOrigin;
  readonly #exchange: ServerExchange;
  readonly #started: number;
  readonly #replay: Replay;
  readonly #lease = new Lease();
  readonly #valve: Valve;
  readonly #deadlines: Deadlines;
  /** Made with the first outcome that asks for it. */
  #retrier: Retrier | undefined;
  readonly #traceId: string;
  #state: State = 'deciding';
  #port: BuiltPort | undefined;
  #route: BuiltRoute | undefined;
  #attempt: Attempt | undefined;
  #attempts = 0;
  #moved = false;
  #backoff: Timer | undefined;
  #cancelWait: (() => void) | undefined;
  #status = 0;
  #reason: Reason | '' = '';
  #detail = '';
  #responseEnded = false;
  readonly #bytes = { request: 0, response: 0 };
  readonly #grpc: GrpcCall | undefined;

  constructor(context: OutboundContext, origin: RequestOrigin, exchange: ServerExchange) {
    this.#context = context;
    this.#origin = origin;
    this.#exchange = exchange;
    this.head = exchange.head;
    this.#started = context.clock.now();
    this.#valve = new Valve(exchange);
    this.#replay = new Replay(context.replayMemory);
    this.#deadlines = new Deadlines(context.clock, context.deadlines, this);
    this.#traceId = startTrace(context, this.head);
    this.#grpc = grpcCall(this.head, context.clock);
    exchange.receiver = this;
  }

  start(): void {
    this.#origin.entry.usedAt = this.#started;
    this.#decide(true, undefined);
  }

  // The application's side.

  onBody(buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'over') return;
    this.#bytes.request += end - start;
    this.#deadlines.move();
    const upstream = this.#attempt?.exchange;
    if (this.#state !== 'tunnel') this.#replay.add(buffer, start, end, upstream === undefined);
    if (upstream !== undefined && !upstream.write(buffer, start, end)) this.#hold();
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#replay.ended = true;
    this.#replay.trailers = withoutReserved(trailers);
    this.#attempt?.exchange?.end(this.#replay.trailers);
    this.#finishTunnel();
  }

  onDrain(): void {
    this.#attempt?.exchange?.resume();
  }

  onAbort(failure: Failure): void {
    if (this.#state === 'over') return;
    this.#close(this.#status || CLIENT_CLOSED_STATUS, failure.reason, failure.detail);
  }

  // The attempt's side.

  /** Nothing more comes from the application. */
  get requestEnded(): boolean {
    return this.#replay.ended || isHeadOnly(this.head);
  }

  attemptMeta(attempt: Attempt): TryMeta {
    this.#grpc?.passOn(this.head);
    return { destination: this.#origin.destination, attempt: attempt.number, deadlineMs: this.#deadlines.left() };
  }

  onReady(attempt: Attempt): void {
    const { exchange } = attempt;
    if (exchange === undefined) return;
    const more = this.#replay.writeTo(exchange);
    if (this.#replay.ended) exchange.end(this.#replay.trailers);
    if (more) this.#valve.open();
  }

  onInform(head: ResponseHead): void {
    this.#deadlines.move();
    removeReserved(head);
    this.#exchange.inform(head);
  }

  onResponse(attempt: Attempt, head: ResponseHead): void {
    this.#deadlines.move();
    if (meantStatus(head) >= FIRST_RETRIABLE && this.#tryAgain({ kind: 'response', head })) return;
    const reason = peerReason(attempt.endpoint, head);
    if (reason !== undefined && this.#reason === '') {
      this.#reason = reason;
      this.#detail = `answered by the proxy of ${attempt.endpoint.name}`;
    }
    this.#status = head.status;
    this.#grpc?.answer.answered(head);
    this.#replay.forget();
    this.#state = head.framing === 'tunnel' ? 'tunnel' : 'answering';
    if (this.#state === 'tunnel' || isEventStream(head)) this.#deadlines.endless();
    this.#exchange.respond(head);
    this.#responseEnded = head.framing === 'none';
  }

  onResponseBody(buffer: Buffer, start: number, end: number): boolean {
    this.#bytes.response += end - start;
    this.#deadlines.move();
    if (this.#grpc?.becomesStream(buffer, start, end) === true) this.#deadlines.endless();
    return this.#exchange.write(buffer, start, end);
  }

  onResponseEnd(_attempt: Attempt, trailers: HeaderList | undefined): void {
    if (this.#state === 'over') return;
    if (!this.#responseEnded) this.#exchange.end(withoutReserved(trailers));
    this.#grpc?.answer.ended(trailers);
    this.#responseEnded = true;
    if (this.#state === 'tunnel') this.#finishTunnel();
    else this.#close(this.#status, this.#reason, this.#detail);
  }

  onUpstreamDrain(): void {
    this.#valve.open();
  }

  onFailure(_attempt: Attempt, failure: Failure): void {
    if (this.#state === 'over') return;
    if (this.#state === 'trying' && this.#tryAgain({ kind: 'failure', failure })) return;
    this.#fail(failure.reason, failure.detail);
  }

  /** The connection goes on being made for others; this request moves to another endpoint, once. */
  onSlowConnect(attempt: Attempt): void {
    const port = this.#port;
    const route = this.#route;
    if (this.#moved || this.#state !== 'trying' || port === undefined || route === undefined) return;
    this.#moved = true;
    const { random, clock } = this.#context;
    const choice = chooseEndpoint(port, route, { random, now: clock.now(), avoid: attempt.endpoint });
    if (choice.kind === 'none' || choice.endpoint === attempt.endpoint || choice.endpoint.quarantined) return;
    attempt.leave();
    this.#try(port, route, choice.endpoint);
  }

  // Decisions.

  /** Takes the port, the route and then an endpoint from what is in force now. */
  #decide(first: boolean, avoid: EndpointState | undefined): undefined {
    const decision = portOf(this.#origin.entry, this.#origin.port);
    if (decision.kind === 'pending') return this.#obtain(first, avoid);
    if (decision.kind === 'refuse') return this.#fail(decision.reason, decision.detail);
    this.#port = decision.port;
    this.#lease.move(decision.port.owner);
    this.#route = routeOf(decision.port, this.head);
    if (this.#route === undefined) {
      this.#fail('no_route', `no route of ${decision.port.namespace}/${decision.port.name} matches this request`);
      return;
    }
    if (first) {
      decision.port.state.budget.request(this.#started);
      this.#deadlines.start(this.#route.timeouts, this.#grpc?.timeoutMs);
    }
    this.#launch(decision.port, this.#route, avoid);
  }

  /** The key was given up as unused while this connection stayed open: asks for it again. */
  #obtain(first: boolean, avoid: EndpointState | undefined): undefined {
    this.#hold();
    this.#cancelWait = this.#context.store.obtain(this.#origin.entry.key, (settled) => {
      this.#cancelWait = undefined;
      if (this.#state === 'over') return;
      if (settled.kind === 'destination') {
        this.#origin.entry = settled.entry;
        this.#decide(first, avoid);
      } else if (settled.kind === 'refuse') {
        this.#fail(settled.reason, settled.detail);
      }
    });
  }

  #launch(port: BuiltPort, route: BuiltRoute, avoid: EndpointState | undefined): void {
    const { random, clock } = this.#context;
    const choice = chooseEndpoint(port, route, { random, now: clock.now(), avoid });
    if (choice.kind === 'none') this.#fail(choice.reason, choice.detail);
    else this.#try(port, route, choice.endpoint);
  }

  #try(port: BuiltPort, route: BuiltRoute, endpoint: EndpointState): void {
    this.#state = 'trying';
    this.#attempts++;
    const attempt = new Attempt(this.#context, this, endpoint, this.#attempts);
    this.#attempt = attempt;
    if (attempt.start(port.connectTimeoutMs, route.timeouts.perTryMs)) this.onReady(attempt);
    else this.#hold();
  }

  /** Answers true when another try was arranged. Policy and budget are those in force now. */
  #tryAgain(outcome: Outcome): boolean {
    const current = portOf(this.#origin.entry, this.#origin.port);
    const port = current.kind === 'port' ? current.port : this.#port;
    const route = port === undefined ? undefined : routeOf(port, this.head);
    const attempt = this.#attempt;
    if (port === undefined || route === undefined || attempt === undefined) return false;
    this.#retrier ??= new Retrier(this.#context, this.head);
    const verdict = this.#retrier.judge({
      port,
      route,
      outcome,
      endpoint: attempt.endpoint,
      repeatable: this.#replay.whole,
      leftMs: this.#deadlines.left(),
    });
    if (verdict.kind === 'again') {
      this.#again(attempt, verdict.delayMs);
      return true;
    }
    if (verdict.exhausted !== '') {
      this.#reason = 'retry_budget_exhausted';
      this.#detail = verdict.exhausted;
    }
    return false;
  }

  #again(attempt: Attempt, delayMs: number): void {
    attempt.discard();
    this.#attempt = undefined;
    this.#state = 'backoff';
    this.#hold();
    if (delayMs <= 0) this.#decide(false, attempt.endpoint);
    else this.#backoff = this.#context.clock.after(delayMs, () => this.#decide(false, attempt.endpoint));
  }

  // Ends.

  onLate(reason: 'request_timeout' | 'stream_idle_timeout', ms: number): void {
    if (this.#state === 'over') return;
    const where = this.#attempt === undefined ? '' : ` (try ${this.#attempts} at ${this.#attempt.endpoint.name})`;
    this.#fail(reason, `not within ${ms} ms${where}`);
  }

  /** Nothing answered yet: our own response; else the connection tells that the response is cut. */
  #fail(reason: Reason, detail: string): undefined {
    const because = this.#reason === 'retry_budget_exhausted' ? `${detail}; ${this.#detail}` : detail;
    if (this.#state === 'answering' || this.#state === 'tunnel') {
      this.#exchange.abort({ reason, unprocessed: false, detail: because });
      this.#close(this.#status, reason, because);
      return;
    }
    const response = rescue(reason, because);
    this.#grpc?.answer.refused(reason);
    sendOwn(this.#exchange, ownMessage(this.head, response));
    this.#close(response.status, reason, because);
  }

  #finishTunnel(): void {
    if (this.#state === 'tunnel' && this.#replay.ended && this.#responseEnded) this.#close(this.#status, '', '');
  }

  #close(status: number, reason: Reason | '', detail: string): void {
    const attempt = this.#attempt;
    this.#state = 'over';
    this.#deadlines.stop();
    this.#backoff?.clear();
    this.#cancelWait?.();
    this.#replay.forget();
    attempt?.leave();
    this.#lease.move(undefined);
    this.#valve.open();
    record(this.#context, {
      head: this.head,
      port: this.#port,
      endpoint: attempt?.endpoint,
      route: this.#route?.name ?? '',
      status,
      reason,
      detail,
      durationMs: this.#context.clock.now() - this.#started,
      attempts: this.#attempts,
      destination: this.#origin.destination,
      traceId: this.#traceId,
      bytes: this.#bytes,
      grpcStatus: this.#grpc?.answer.status,
    });
  }

  /** Stops the request's body, if more of it can come. */
  #hold(): void {
    if (!this.requestEnded) this.#valve.close();
  }
}
