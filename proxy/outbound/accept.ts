import type { Socket } from 'node:net';
import { connectFailure } from '../balance/failures.ts';
import type { Transport } from '../base/transport.ts';
import { PORTS } from '../contract/bootstrap.ts';
import { classifyFirstBytes, MAX_REQUEST_LINE } from '../filters/first-bytes.ts';
import { type OriginalDestination, peek, peerName, socketTransport, tunnel } from '../net/net.ts';
import { portOf, type Refusal, type SettledDecision } from '../policy/store.ts';
import type { OutboundContext } from './context.ts';
import { Detection } from './detect.ts';
import type { RequestOrigin } from './dispatch.ts';
import { refuseOpaque, serveOpaque } from './opaque.ts';
import { type HttpConnections, type HttpVersion, refuseHttp, serveHttp } from './serve-http.ts';
import { Sniff } from './sniff.ts';

/** DESIGN section 5: 10 s outside the cluster. */
const PASSTHROUGH_CONNECT_MS = 10_000;
/** How long a client that is to be refused may take to show that it speaks HTTP and can be told why. */
const REFUSAL_PEEK_MS = 1_000;
/** Dead peers of long silent connections are found by the kernel. */
const KEEP_ALIVE_MS = 60_000;

/** One connection of the application: asks where it goes, then hands it to whoever serves that. */
export function accept(
  context: OutboundContext,
  connections: HttpConnections,
  socket: Socket,
  original: OriginalDestination,
): void {
  const destination = peerName(original.address, original.port);
  countOpen(context, socket);
  if (leadsBack(original)) {
    context.metrics.refusedConnections.child(['outbound', 'loop']).inc();
    socket.resetAndDestroy();
    return;
  }
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const cancel = context.store.resolve(original.address, (decision) => {
    if (!socket.destroyed) serve(context, connections, socket, original, destination, decision);
  });
  socket.once('close', cancel);
}

/** Nobody redirected it, or it was meant for the proxy itself: to serve it would be to dial ourselves. */
function leadsBack(original: OriginalDestination): boolean {
  return !original.redirected || original.port === PORTS.outbound || original.port === PORTS.inbound;
}

function serve(
  context: OutboundContext,
  connections: HttpConnections,
  socket: Socket,
  original: OriginalDestination,
  destination: string,
  decision: SettledDecision,
): void {
  switch (decision.kind) {
    case 'passthrough':
      passThrough(context, socket, original, destination);
      return;
    case 'refuse':
      refuse(context, connections, socket, destination, decision);
      return;
    case 'destination':
      break;
  }
  const origin: RequestOrigin = { entry: decision.entry, port: original.port, destination };
  const port = portOf(decision.entry, original.port);
  if (port.kind === 'refuse') {
    refuse(context, connections, socket, destination, port);
    return;
  }
  const client = socketTransport(socket);
  const nothing = Buffer.alloc(0);
  const protocol = port.kind === 'port' ? port.port.protocol : 'auto';
  const onHttp = (transport: Transport, version: HttpVersion, first: Buffer): void =>
    serveHttp(context, connections, origin, transport, version, first);
  if (protocol === 'tcp') {
    serveOpaque(context, origin, client, { first: nothing, ended: false });
  } else if (port.kind === 'port' && protocol === 'auto') {
    new Detection(context, origin, port.port, client, {
      onHttp,
      onOpaque: (transport, first, ended) => serveOpaque(context, origin, transport, { first, ended }),
    }).start();
  } else {
    new Sniff(context, connections, client, (version, first) => onHttp(client, version, first));
  }
}

/** Outside the mesh: bytes both ways to where the application wanted to go. */
function passThrough(
  context: OutboundContext,
  socket: Socket,
  original: OriginalDestination,
  destination: string,
): void {
  const abandoned = new AbortController();
  const onClose = (): void => abandoned.abort();
  socket.once('close', onClose);
  const { clock } = context;
  const target = { address: original.address, port: original.port, timeoutMs: PASSTHROUGH_CONNECT_MS };
  context.dial({ ...target, clock, signal: abandoned.signal }).then(
    (upstream) => {
      socket.off('close', onClose);
      upstream.setKeepAlive(true, KEEP_ALIVE_MS);
      tunnel(socketTransport(socket), socketTransport(upstream), {
        clock,
        idleMs: 0,
        onClose: (result) => context.peers.of('passthrough', '').tcp('', result.sent, result.received),
      });
    },
    (error: unknown) => {
      socket.off('close', onClose);
      if (!socket.destroyed)
        refuseOpaque(context, socketTransport(socket), connectFailure(destination, error), undefined);
    },
  );
}

/** HTTP clients are told why; others get a reset. */
function refuse(
  context: OutboundContext,
  connections: HttpConnections,
  socket: Socket,
  destination: string,
  refusal: Refusal,
): void {
  const { clock } = context;
  void peek(socket, {
    timeoutMs: REFUSAL_PEEK_MS,
    maxBytes: MAX_REQUEST_LINE,
    classify: classifyFirstBytes,
    clock,
  }).then((peeked) => {
    if (peeked.kind === 'closed') return;
    const client: Transport = socketTransport(socket);
    if (peeked.kind === 'classified' && peeked.value !== 'opaque') {
      const { reason, detail } = refusal;
      refuseHttp(context, connections, client, peeked.value, peeked.bytes, { reason, detail, destination });
    } else {
      const detail = `${destination}: ${refusal.detail}`;
      refuseOpaque(context, client, { reason: refusal.reason, unprocessed: true, detail }, undefined);
    }
  });
}

function countOpen(context: OutboundContext, socket: Socket): void {
  const open = context.metrics.openConnections.child(['outbound', 'application']);
  open.inc();
  socket.once('close', () => open.dec());
}
