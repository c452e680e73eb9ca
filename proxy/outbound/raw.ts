import type { ConnectWaiter, Opener } from '../balance/connections.ts';
import type { EndpointState } from '../balance/endpoints.ts';
import { connectFailure } from '../balance/failures.ts';
import { TunnelTransport } from '../balance/tunnel-transport.ts';
import type { Timer } from '../base/clock.ts';
import type { Transport } from '../base/transport.ts';
import type { Failure } from '../http/message.ts';
import { socketTransport } from '../net/net.ts';
import type { BuiltPort } from '../policy/build.ts';
import { portOf } from '../policy/store.ts';
import { SLOW_CONNECT_MS } from './attempt.ts';
import type { OutboundContext } from './context.ts';
import type { RequestOrigin } from './dispatch.ts';
import { chooseEndpoint } from './route.ts';

/** What becomes of a raw connection. Exactly one of `onOpen` and `onFailure`, unless it was cancelled. */
export interface RawReceiver {
  onOpen(upstream: Transport, port: BuiltPort): void;
  onFailure(failure: Failure, port: BuiltPort | undefined): void;
}

/** Endpoints tried for one connection: nothing was sent before it is open, so another one may be asked. */
const TRIES = 3;

/** Opens an opaque connection to an endpoint: through the mesh (CONNECT) to a meshed one, plain TCP to any other. */
export class RawUpstream implements ConnectWaiter {
  readonly #context: OutboundContext;
  readonly #origin: RequestOrigin;
  readonly #receiver: RawReceiver;
  #tries = 0;
  #port: BuiltPort | undefined;
  #endpoint: EndpointState | undefined;
  #transport: Transport | undefined;
  #dialling: AbortController | undefined;
  #slow: Timer | undefined;
  #moved = false;
  #state: 'connecting' | 'open' | 'over' = 'connecting';

  constructor(context: OutboundContext, origin: RequestOrigin, receiver: RawReceiver) {
    this.#context = context;
    this.#origin = origin;
    this.#receiver = receiver;
  }

  get endpoint(): EndpointState | undefined {
    return this.#endpoint;
  }

  start(): void {
    this.#try(undefined);
  }

  /** Not wanted any more, or closed: gives back what is held. */
  release(): void {
    if (this.#state === 'over') return;
    const open = this.#state === 'open';
    this.#state = 'over';
    this.#leave();
    if (!open) this.#transport?.destroy();
  }

  onConnection(opener: Opener): void {
    if (this.#state === 'connecting') this.#open(opener);
  }

  onConnectFailure(failure: Failure): void {
    this.#failed(failure);
  }

  #try(avoid: EndpointState | undefined): void {
    this.#tries++;
    const decision = portOf(this.#origin.entry, this.#origin.port);
    if (decision.kind !== 'port') {
      const reason = decision.kind === 'refuse' ? decision.reason : 'config_pending';
      const detail = decision.kind === 'refuse' ? decision.detail : `${this.#origin.entry.key} was removed meanwhile`;
      this.#give({ reason, unprocessed: true, detail });
      return;
    }
    this.#port = decision.port;
    const route = decision.port.routes.opaque ?? decision.port.unmatched;
    if (route === undefined) {
      this.#give({ reason: 'no_route', unprocessed: true, detail: 'no route for opaque connections' });
      return;
    }
    const { random, clock } = this.#context;
    const choice = chooseEndpoint(decision.port, route, { random, now: clock.now(), avoid });
    if (choice.kind === 'none') this.#give({ reason: choice.reason, unprocessed: true, detail: choice.detail });
    else this.#connect(choice.endpoint, decision.port.connectTimeoutMs);
  }

  #connect(endpoint: EndpointState, timeoutMs: number): void {
    this.#endpoint = endpoint;
    endpoint.inflight++;
    this.#slow = this.#context.clock.after(SLOW_CONNECT_MS, () => this.#move(endpoint));
    const own = this.#context.selfOpener(endpoint);
    if (own === undefined && endpoint.endpoint.identity === undefined) {
      this.#dial(endpoint, timeoutMs);
      return;
    }
    const opener = own ?? this.#context.connector.of(endpoint).acquire(this, timeoutMs);
    if (opener !== undefined) this.#open(opener);
  }

  #dial(endpoint: EndpointState, timeoutMs: number): void {
    const { address, port } = endpoint.endpoint;
    const { clock } = this.#context;
    const dialling = new AbortController();
    this.#dialling = dialling;
    this.#context.dial({ address, port, timeoutMs, clock, signal: dialling.signal }).then(
      (socket) => {
        if (dialling.signal.aborted) socket.destroy();
        else this.#opened(socketTransport(socket));
      },
      (error: unknown) => {
        if (!dialling.signal.aborted) this.#failed(connectFailure(endpoint.name, error));
      },
    );
  }

  /** Still no connection: another endpoint may be faster. Once, and not while a tunnel is being opened at the peer. */
  #move(from: EndpointState): void {
    const port = this.#port;
    const route = port === undefined ? undefined : (port.routes.opaque ?? port.unmatched);
    if (this.#moved || this.#transport !== undefined || port === undefined || route === undefined) return;
    this.#moved = true;
    const { random, clock } = this.#context;
    const choice = chooseEndpoint(port, route, { random, now: clock.now(), avoid: from });
    if (choice.kind === 'none' || choice.endpoint === from || choice.endpoint.quarantined) return;
    this.#leave();
    this.#connect(choice.endpoint, port.connectTimeoutMs);
  }

  /** Gives the endpoint back, and what is being made to it. */
  #leave(): void {
    this.#slow?.clear();
    this.#dialling?.abort();
    this.#dialling = undefined;
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    if (endpoint === undefined) return;
    endpoint.inflight--;
    this.#context.connector.of(endpoint).cancel(this);
  }

  #open(opener: Opener): void {
    const endpoint = this.#endpoint!;
    const transport = new TunnelTransport(endpoint.endpoint, {
      onOpen: () => this.#opened(transport),
      onRefuse: (failure) => this.#failed({ ...failure, detail: `${endpoint.name}: ${failure.detail}` }),
    });
    this.#transport = transport;
    const meta = { destination: this.#origin.destination, attempt: this.#tries, deadlineMs: undefined };
    const exchange = opener.tunnel?.(meta, transport);
    if (exchange !== undefined) transport.attach(exchange);
  }

  #opened(transport: Transport): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#slow?.clear();
    this.#transport = transport;
    this.#receiver.onOpen(transport, this.#port!);
  }

  #failed(failure: Failure): void {
    if (this.#state !== 'connecting') return;
    const failed = this.#endpoint;
    this.#leave();
    this.#transport = undefined;
    if (failure.unprocessed && this.#tries < TRIES) this.#try(failed);
    else this.#give(failure);
  }

  #give(failure: Failure): void {
    this.#state = 'over';
    this.#receiver.onFailure(failure, this.#port);
  }
}
