import { connectFailure } from '../balance/failures.ts';
import type { Transport, TransportReceiver } from '../base/transport.ts';
import { ownMessage } from '../filters/own-response.ts';
import type { Failure, RequestReceiver, ResponseHead } from '../http/message.ts';
import type { MeshServerExchange } from '../mesh/mesh.ts';
import { peerName, socketTransport, tunnel } from '../net/net.ts';
import { answer } from './answer.ts';
import type { InboundContext, Source, Target } from './context.ts';
import { forbids, type LiveConnection } from './live.ts';
import { recordRefusal } from './record.ts';
import { rescue } from './rescue.ts';

const CONNECT_MS = 3_000;

/** A plaintext connection of opaque bytes (Permissive). */
export function servePlainOpaque(
  context: InboundContext,
  target: Target,
  source: Source,
  client: Transport,
  first: Buffer,
  ended: boolean,
): void {
  const peer = peerName(client.remoteAddress, client.remotePort);
  const denied = denial(context, { kind: 'plain-tcp', port: target.port, identity: undefined });
  if (denied !== undefined) {
    recordRefusal(context, target, peer, denied, 'opaque plaintext connection');
    client.destroy(true);
    return;
  }
  connect(context, target).then(
    (application) => join(context, target, source, client, application, 'plain-tcp', first, ended),
    (error: unknown) => {
      const failure = connectFailure(peerName(target.address, target.port), error, 'app_connect_failure');
      recordRefusal(context, target, peer, 'app_connect_failure', failure.detail);
      client.destroy(true);
    },
  );
}

/** A tunnel (CONNECT) of a verified peer. */
export function serveTunnel(
  context: InboundContext,
  target: Target,
  source: Source,
  exchange: MeshServerExchange,
): void {
  const client = new ServerTunnelTransport(exchange);
  const refuse = (failure: Failure): void => {
    const message = ownMessage(exchange.head, rescue(failure.reason, failure.detail));
    answer(exchange, exchange, message, failure.unprocessed);
    recordRefusal(context, target, source.identity ?? '', failure.reason, failure.detail);
  };
  const denied = denial(context, { kind: 'tunnel', port: target.port, identity: source.identity });
  if (denied !== undefined) {
    refuse({
      reason: denied,
      unprocessed: false,
      detail: `${source.identity}: opaque connection to port ${target.port}`,
    });
    return;
  }
  exchange.pause();
  connect(context, target).then(
    (application) => {
      if (client.closed) {
        application.destroy();
        return;
      }
      exchange.respond(TUNNEL_HEAD);
      join(context, target, source, client, application, 'tunnel', Buffer.alloc(0), false);
      exchange.resume();
    },
    (error: unknown) => {
      const failure = connectFailure(peerName(target.address, target.port), error, 'app_connect_failure');
      if (!client.closed) refuse({ ...failure, reason: 'app_connect_failure' });
    },
  );
}

const TUNNEL_HEAD: ResponseHead = {
  status: 200,
  reason: '',
  version: 11,
  headers: [],
  spelling: 'lower',
  framing: 'tunnel',
  contentLength: 0,
};

function denial(
  context: InboundContext,
  connection: Omit<LiveConnection, 'close' | 'drain'>,
): Failure['reason'] | undefined {
  const rules = context.store.workload();
  return rules === undefined ? 'config_pending' : forbids(rules, connection);
}

async function connect(context: InboundContext, target: Target): Promise<Transport> {
  const socket = await context.dial({ ...target, timeoutMs: CONNECT_MS, clock: context.clock });
  return socketTransport(socket);
}

function join(
  context: InboundContext,
  target: Target,
  source: Source,
  client: Transport,
  application: Transport,
  kind: 'tunnel' | 'plain-tcp',
  first: Buffer,
  ended: boolean,
): void {
  // Between the decision and the connection new rules may have come.
  const denied = denial(context, { kind, port: target.port, identity: source.identity });
  const rules = context.store.workload();
  if (denied !== undefined || rules === undefined) {
    client.destroy(true);
    application.destroy();
    return;
  }
  rules.running++;
  let forbidden: Failure['reason'] | undefined;
  const copied = tunnel(client, application, {
    clock: context.clock,
    idleMs: 0,
    first,
    leftEnded: ended,
    onClose: (result) => {
      leave();
      rules.running--;
      const reason = forbidden ?? (result.error === undefined ? '' : 'upstream_reset');
      const peer = context.peers.of(source.workload, source.namespace);
      peer.tcp(reason, result.sent, result.received);
      peer.secured('tcp', source.identity !== undefined);
    },
  });
  const leave = context.live.add({
    kind,
    port: target.port,
    identity: source.identity,
    close(reason) {
      forbidden = reason;
      copied.close(true);
    },
    drain() {},
  });
}

/** The server's end of a tunnel, seen as a transport. */
class ServerTunnelTransport implements Transport, RequestReceiver {
  receiver: TransportReceiver | undefined;
  readonly remoteAddress = '';
  readonly remotePort = 0;
  readonly localAddress = '';
  readonly localPort = 0;
  readonly pending = 0;
  closed = false;
  readonly #exchange: MeshServerExchange;
  #halves = 0;

  constructor(exchange: MeshServerExchange) {
    this.#exchange = exchange;
    exchange.receiver = this;
  }

  write(chunk: Uint8Array): boolean {
    if (this.closed) return true;
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    return this.#exchange.write(buffer, 0, buffer.length);
  }

  end(): void {
    if (this.closed) return;
    this.#exchange.end();
    this.#half();
  }

  destroy(): void {
    if (this.closed) return;
    this.#exchange.abort({ reason: 'upstream_reset', unprocessed: false, detail: 'the tunnel was closed' });
    this.#close(undefined);
  }

  pause(): void {
    this.#exchange.pause();
  }

  resume(): void {
    this.#exchange.resume();
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.receiver?.onData(buffer, start, end);
  }

  onEnd(): void {
    this.receiver?.onEnd();
    this.#half();
  }

  onDrain(): void {
    this.receiver?.onDrain();
  }

  onAbort(failure: Failure): void {
    this.#close(new Error(failure.detail));
  }

  #half(): void {
    this.#halves++;
    if (this.#halves === 2) queueMicrotask(() => this.#close(undefined));
  }

  #close(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.receiver?.onClose(error);
  }
}
