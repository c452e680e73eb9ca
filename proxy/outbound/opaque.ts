import type { Transport } from '../base/transport.ts';
import type { Failure } from '../http/message.ts';
import { tunnel } from '../net/net.ts';
import type { BuiltPort } from '../policy/build.ts';
import { writeConnection } from '../telemetry/access-log.ts';
import type { OutboundContext } from './context.ts';
import type { RequestOrigin } from './dispatch.ts';
import { RawUpstream } from './raw.ts';

export interface OpaqueOptions {
  /** Bytes already read from the client. */
  readonly first: Buffer;
  /** The client has half-closed already. */
  readonly ended: boolean;
}

/** Carries a connection as bytes: connects, then copies both ways until both sides closed. */
export function serveOpaque(
  context: OutboundContext,
  origin: RequestOrigin,
  client: Transport,
  options: OpaqueOptions,
): void {
  let gone = false;
  let { ended } = options;
  const raw = new RawUpstream(context, origin, {
    onOpen: (upstream, port) => {
      if (gone) upstream.destroy();
      else carry(context, client, upstream, port, raw, { first: options.first, ended });
    },
    onFailure: (failure, port) => refuseOpaque(context, client, failure, port),
  });
  // Stays paused until the upstream is there; a paused socket may still say that it ended or closed.
  client.pause();
  client.receiver = {
    onData() {},
    onEnd() {
      ended = true;
    },
    onDrain() {},
    onClose() {
      gone = true;
      raw.release();
    },
  };
  raw.start();
}

/** Joins the two sides and closes the books when both are closed. */
export function carry(
  context: OutboundContext,
  client: Transport,
  upstream: Transport,
  port: BuiltPort,
  raw: RawUpstream,
  options: OpaqueOptions,
): void {
  const { owner } = port;
  const target = raw.endpoint?.endpoint;
  owner.running++;
  const idleMs = (port.routes.opaque ?? port.unmatched)?.timeouts.streamIdleMs ?? 0;
  client.pause();
  tunnel(client, upstream, {
    clock: context.clock,
    idleMs,
    first: options.first,
    leftEnded: options.ended,
    onClose: (result) => {
      owner.running--;
      raw.release();
      const reason = result.idle ? 'stream_idle_timeout' : result.error === undefined ? '' : 'upstream_reset';
      const peer = context.peers.of(target?.workload ?? port.name, target?.namespace ?? port.namespace);
      peer.tcp(reason, result.sent, result.received);
      if (target !== undefined) peer.secured('tcp', target.identity !== undefined);
    },
  });
  client.resume();
}

/** Bytes have no way to carry a reason: RST, and the log says why. */
export function refuseOpaque(
  context: OutboundContext,
  client: Transport,
  failure: Failure,
  port: BuiltPort | undefined,
): void {
  client.destroy(true);
  context.metrics.refusedConnections.child(['outbound', failure.reason]).inc();
  if (!context.access.allows()) return;
  const line = {
    direction: 'outbound' as const,
    reason: failure.reason,
    detail: failure.detail,
    destination: port === undefined ? undefined : `${port.namespace}/${port.name}:${port.port}`,
  };
  writeConnection(context.log, line, context.access.takeDropped());
}
