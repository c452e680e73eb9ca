import type { Socket } from 'node:net';
import type { Transport } from '../base/transport.ts';
import { REASONS, type Reason } from '../contract/reasons.ts';
import type { Protocol } from '../contract/snapshot.ts';
import { ownMessage, sendOwn } from '../filters/own-response.ts';
import { serveHttp2 } from '../http/h2/h2.ts';
import { type BadRequest, type ServerExchange, serveHttp1 } from '../http/http.ts';
import { type OriginalDestination, type Peeked, peek, peerName, socketTransport } from '../net/net.ts';
import type { BuiltWorkload } from '../policy/build.ts';
import { MAX_CLIENT_HELLO } from '../tls/client-hello.ts';
import type { InboundContext, Target } from './context.ts';
import { type Arrival, classifyArrival, classifyStrict } from './detect.ts';
import { InboundRequest } from './dispatch.ts';
import { PlaintextGuard } from './guard.ts';
import { forbids } from './live.ts';
import { serveMesh } from './mesh.ts';
import { servePlainOpaque } from './opaque.ts';
import { record, recordRefusal } from './record.ts';
import { rescue } from './rescue.ts';
import { PLAINTEXT_SOURCE } from './source-names.ts';

/** DESIGN flow two, point 3. */
const STRICT_MS = 10_000;
const PERMISSIVE_SILENCE_MS = 300;
const HELLO_MS = 5_000;
/** As servers wait for a first request (nginx, Node). */
const HTTP_SILENCE_MS = 60_000;
/** A ClientHello, or a request line, with the records around it. */
const MAX_PEEK = MAX_CLIENT_HELLO + 64;
const KEEP_ALIVE_MS = 60_000;

/** One connection from the network. The application is dialled only once the first bytes are classified. */
export function accept(context: InboundContext, socket: Socket, original: OriginalDestination): void {
  const target: Target = { address: original.address, port: original.port };
  const rules = context.store.workload();
  countOpen(context, socket);
  const refused = misled(context, original);
  if (refused !== undefined || rules === undefined) {
    const reason = refused ?? 'config_pending';
    const detail = refused === 'unknown_destination' ? `${target.address} is no address of this pod` : REASONS[reason];
    recordRefusal(context, target, nameOf(socket), reason, detail);
    socket.resetAndDestroy();
    return;
  }
  const decided = context.live.arrivals.begin(socket.remoteAddress ?? '');
  if (decided === undefined) {
    recordRefusal(
      context,
      target,
      nameOf(socket),
      'overloaded',
      'too many connections of this address that said nothing',
    );
    socket.resetAndDestroy();
    return;
  }
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const strict = rules.mtlsMode(target.port) === 'Strict';
  const taken = strict ? acceptStrict(context, socket, target) : acceptPermissive(context, socket, target, rules);
  void taken.finally(decided);
}

/**
 * Nobody redirected it (the proxy's own port was dialled), or it was never meant for this pod: where pods share a layer 2, a neighbour may send us
 * packets for any address, and what we then dialled would come from us.
 */
function misled(context: InboundContext, original: OriginalDestination): Reason | undefined {
  if (!original.redirected) return 'loop';
  return context.ownAddress(original.address) ? undefined : 'unknown_destination';
}

async function acceptStrict(context: InboundContext, socket: Socket, target: Target): Promise<void> {
  const { clock } = context;
  const peeked = await peek(socket, { timeoutMs: STRICT_MS, maxBytes: MAX_PEEK, classify: classifyStrict, clock });
  if (peeked.kind === 'closed') return;
  if (peeked.kind === 'classified' && peeked.value === 'mesh') {
    serveMesh(context, socket, target, peeked.bytes);
    return;
  }
  const silent = peeked.bytes.length === 0;
  const reason: Reason = silent ? 'handshake_timeout' : 'plaintext_refused';
  refusePlaintext(context, socket, target, reason, httpOf(arrivalOf(peeked, 'auto'), peeked.bytes));
}

async function acceptPermissive(
  context: InboundContext,
  socket: Socket,
  target: Target,
  rules: BuiltWorkload,
): Promise<void> {
  const protocol = rules.protocol(target.port);
  const silence = silenceAllowed(context, socket, protocol);
  const peeked = await peekTwice(context, socket, silence, (bytes) => classifyArrival(bytes, protocol));
  if (peeked.kind === 'closed') return;
  if (saidNothing(peeked) && isHttp(protocol)) {
    socket.destroy();
    return;
  }
  // Rules may have changed while we waited.
  const current = context.store.workload();
  const arrival = arrivalOf(peeked, protocol);
  if (arrival === 'mesh') {
    serveMesh(context, socket, target, peeked.bytes);
    return;
  }
  const http = httpOf(arrival, peeked.bytes);
  const kind = http === undefined ? 'plain-tcp' : 'plain-http';
  const forbidden =
    current === undefined ? 'config_pending' : forbids(current, { kind, port: target.port, identity: undefined });
  if (forbidden !== undefined) {
    refusePlaintext(context, socket, target, forbidden, http);
  } else if (http !== undefined) {
    servePlainHttp(context, socketTransport(socket), nameOf(socket), target, http);
  } else {
    const plain = socketTransport(socket);
    const client = saidNothing(peeked) ? guarded(context, plain, nameOf(socket), target, protocol) : plain;
    servePlainOpaque(context, target, PLAINTEXT_SOURCE, client, peeked.bytes, peeked.kind === 'ended');
  }
}

/** A server of HTTP says nothing first: on a port declared so, silence means no more than that the client has nothing to ask yet. */
function silenceAllowed(context: InboundContext, socket: Socket, protocol: Protocol): number {
  if (isHttp(protocol)) return HTTP_SILENCE_MS;
  return context.live.meshedSources.has(socket.remoteAddress ?? '') ? STRICT_MS : PERMISSIVE_SILENCE_MS;
}

function isHttp(protocol: Protocol): boolean {
  return protocol !== 'auto' && protocol !== 'tcp';
}

function saidNothing(peeked: Peeked<Arrival>): boolean {
  return peeked.kind === 'timeout' && peeked.bytes.length === 0;
}

/** Silence ends the first look; bytes that are not enough yet get more time. */
async function peekTwice(
  context: InboundContext,
  socket: Socket,
  silenceMs: number,
  classify: (bytes: Buffer) => Arrival | undefined,
): Promise<Peeked<Arrival>> {
  const { clock } = context;
  const first = await peek(socket, { timeoutMs: silenceMs, maxBytes: MAX_PEEK, classify, clock });
  if (first.kind !== 'timeout' || first.bytes.length === 0) return first;
  const begun = first.bytes;
  const more = await peek(socket, {
    timeoutMs: HELLO_MS,
    maxBytes: MAX_PEEK,
    classify: (bytes) => classify(Buffer.concat([begun, bytes])),
    clock,
  });
  return more.kind === 'closed' ? more : { ...more, bytes: Buffer.concat([begun, more.bytes]) };
}

/**
 * What stays undecided on a port declared HTTP is for the codec to judge, which answers 408 or 400: as opaque bytes, a `P` and a wait (it might become
 * the preface) would bring an application a request that nobody parsed.
 */
function arrivalOf(peeked: Exclude<Peeked<Arrival>, { kind: 'closed' }>, protocol: Protocol): Arrival {
  if (peeked.kind === 'classified') return peeked.value;
  return isHttp(protocol) && peeked.bytes.length > 0 ? 'http' : 'opaque';
}

/** HTTP in plain: its version and the bytes already read. */
interface PlainHttp {
  readonly version: 'http' | 'http2';
  readonly first: Buffer;
}

function httpOf(arrival: Arrival, first: Buffer): PlainHttp | undefined {
  return arrival === 'http' || arrival === 'http2' ? { version: arrival, first } : undefined;
}

function guarded(
  context: InboundContext,
  plain: Transport,
  peer: string,
  target: Target,
  protocol: Protocol,
): PlaintextGuard {
  return new PlaintextGuard(plain, {
    clock: context.clock,
    protocol,
    onMesh: () => lateMesh(context, target, peer),
    onHttp: (version, first) => servePlainHttp(context, plain, peer, target, { version, first }),
  });
}

function lateMesh(context: InboundContext, target: Target, peer: string): void {
  recordRefusal(
    context,
    target,
    peer,
    'mesh_after_plaintext',
    'the client was silent for too long and then began a mesh handshake',
  );
}

/** HTTP in plain, where it is allowed: parsed, so that requests are authorized, counted and stripped. */
function servePlainHttp(
  context: InboundContext,
  transport: Transport,
  peer: string,
  target: Target,
  http: PlainHttp,
): void {
  const caller = { source: { ...PLAINTEXT_SOURCE, address: peer }, mesh: undefined };
  const connection = serverOf(http)(transport, {
    limits: context.limits,
    clock: context.clock,
    first: http.first,
    onRequest: (exchange: ServerExchange) => new InboundRequest(context, target, caller, exchange).start(),
    onBadRequest: (info: BadRequest) => recordRefusal(context, target, peer, info.reason, info.detail),
    onClose: () => leave(),
  });
  const leave = context.live.add({
    kind: 'plain-http',
    port: target.port,
    identity: undefined,
    close: () => connection.close(),
    drain: () => connection.drain(),
  });
  if (context.live.draining) connection.drain();
}

function serverOf(http: PlainHttp): typeof serveHttp1 | typeof serveHttp2 {
  return http.version === 'http2' ? serveHttp2 : serveHttp1;
}

/** Plaintext that is not allowed: an HTTP client reads why, anybody else sees a reset. */
function refusePlaintext(
  context: InboundContext,
  socket: Socket,
  target: Target,
  reason: Reason,
  http: PlainHttp | undefined,
): void {
  const peer = nameOf(socket);
  const detail = `port ${target.port} of ${context.self.namespace}/${context.self.workload}`;
  if (http === undefined) {
    recordRefusal(context, target, peer, reason, detail);
    socket.resetAndDestroy();
    return;
  }
  context.metrics.refusedConnections.child(['inbound', reason]).inc();
  const connection = serverOf(http)(socketTransport(socket), {
    limits: context.limits,
    clock: context.clock,
    first: http.first,
    onRequest(exchange: ServerExchange) {
      exchange.receiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
      const response = rescue(reason, REASONS[reason]);
      connection.drain();
      sendOwn(exchange, ownMessage(exchange.head, response));
      const books = {
        head: exchange.head,
        source: { ...PLAINTEXT_SOURCE, address: peer },
        target,
        reason,
        durationMs: 0,
        attempt: 1,
        traceId: '',
      };
      record(context, { ...books, status: response.status, detail: `${peer}: ${detail}` });
    },
  });
}

function countOpen(context: InboundContext, socket: Socket): void {
  const open = context.metrics.openConnections.child(['inbound', 'network']);
  open.inc();
  socket.once('close', () => open.dec());
}

function nameOf(socket: Socket): string {
  return peerName(socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
}
