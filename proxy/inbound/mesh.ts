import type { Socket } from 'node:net';
import type { MeshServerExchange } from '../mesh/mesh.ts';
import { peerName } from '../net/net.ts';
import type { InboundContext, Target } from './context.ts';
import { InboundRequest } from './dispatch.ts';
import { forbids } from './live.ts';
import { serveTunnel } from './opaque.ts';
import { recordRefusal } from './record.ts';

const HANDSHAKE_MS = 10_000;
/** While draining, a new mesh connection is served this long before it is asked to go: its first requests are not lost. */
const DRAIN_GRACE_MS = 1_000;

/** A mesh handshake: verify, authorize the connection, serve its requests. */
export function serveMesh(context: InboundContext, socket: Socket, target: Target, first: Buffer): void {
  const credentials = context.credentials.value;
  const peer = peerName(socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
  const source = socket.remoteAddress ?? '';
  if (credentials === undefined) {
    recordRefusal(context, target, peer, 'no_own_certificate', 'no certificate was issued to this proxy yet');
    socket.resetAndDestroy();
    return;
  }
  const decided = context.live.handshakes.begin(source);
  const gone = decided === undefined ? undefined : context.live.peers.begin(source);
  if (decided === undefined || gone === undefined) {
    decided?.();
    const what = decided === undefined ? 'unfinished mesh handshakes' : 'open mesh connections of this address';
    recordRefusal(context, target, peer, 'overloaded', `too many ${what}`);
    socket.resetAndDestroy();
    return;
  }
  const server = context.acceptMesh({
    socket,
    first,
    credentials,
    clock: context.clock,
    handshakeTimeoutMs: HANDSHAKE_MS,
    authorizeConnection(identity) {
      // The bundle may have changed during the handshake.
      const now = context.credentials.value;
      if (now !== undefined && now !== credentials && !server.trustedBy(now)) return 'untrusted_peer';
      const rules = context.store.workload();
      return rules === undefined ? 'config_pending' : forbids(rules, { kind: 'mesh', port: target.port, identity });
    },
    onRequest: (exchange) => serveExchange(context, target, exchange),
    onOpen() {
      decided();
      context.live.noteMeshed(source);
      context.metrics.tlsConnections.child(['inbound', 'accepted']).inc();
    },
    onRefuse(refusal) {
      decided();
      context.metrics.tlsConnections.child(['inbound', refusal.reason]).inc();
      recordRefusal(context, target, refusal.identity ?? peer, refusal.reason, refusal.detail);
    },
    onClose() {
      decided();
      gone();
      leave();
    },
  });
  const leave = context.live.add({
    kind: 'mesh',
    port: target.port,
    get identity() {
      return server.identity;
    },
    trustedBy: (now) => server.trustedBy(now),
    close: (reason) => server.close(reason),
    drain: () => server.drain(),
  });
  if (context.live.draining) context.clock.after(DRAIN_GRACE_MS, () => server.drain());
}

/** A request or a tunnel of a verified peer; also the entry of calls that the pod makes to itself. */
export function serveExchange(context: InboundContext, target: Target, exchange: MeshServerExchange): void {
  const source = context.sources.of(exchange.peer);
  if (exchange.meta.kind === 'tunnel') serveTunnel(context, target, source, exchange);
  else new InboundRequest(context, target, { source, mesh: exchange }, exchange).start();
}
