import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Reason } from '../contract/reasons.ts';
import { type Goaway, Session, type SessionEnd, type SessionHandler, type Stream } from '../http/h2/h2.ts';
import { socketTransport } from '../net/net.ts';
import { type Credentials, MESH_ALPN, type PeerVerdict, startServerTls, verifyHandshake } from '../tls/tls.ts';
import type { AcceptMeshOptions, MeshPeer, MeshServer, MeshServerExchange } from './api.ts';
import { atWallTime } from './expiry.ts';
import {
  type Description,
  EXTRA_SETTINGS,
  FRAME_IDENTITY,
  KEEPALIVE,
  LIMITS,
  readIdentityFrame,
  refusalCode,
  versionFault,
} from './handshake-wire.ts';
import { type ExchangeHost, IncomingStream } from './server-exchange.ts';

/**
 * Takes an accepted connection whose first bytes are a mesh ClientHello: TLS, verification, authorization, then requests.
 * A refused peer is told the reason by GOAWAY. Never throws.
 */
export function acceptMesh(options: AcceptMeshOptions): MeshServer {
  const { socket, first, ...rest } = options;
  const server = new MeshServerConnection(rest, `${socket.remoteAddress}:${socket.remotePort}`);
  server.start(socket, first);
  return server;
}

class MeshServerConnection implements MeshServer, SessionHandler, ExchangeHost {
  /** Without what is only needed to begin: a ClientHello is 1.7 kB, and the connection lives long. */
  readonly #options: Omit<AcceptMeshOptions, 'first' | 'socket'>;
  readonly #place: string;
  readonly #deadline: Timer;
  #expiry: Timer | undefined;
  #session: Session | undefined;
  #tls: TLSSocket | undefined;
  #tlsError: Error | undefined;
  #identity: string | undefined;
  #description: Description | undefined;
  #peer: MeshPeer | undefined;
  #state: 'handshake' | 'refused' | 'open' | 'closed' = 'handshake';
  #drainWanted = false;

  constructor(options: Omit<AcceptMeshOptions, 'first' | 'socket'>, place: string) {
    this.#options = options;
    this.#place = place;
    this.#deadline = options.clock.after(options.handshakeTimeoutMs, () => this.#timedOut());
  }

  get identity(): string | undefined {
    return this.#identity;
  }

  get active(): number {
    return this.#session?.active ?? 0;
  }

  get peer(): MeshPeer {
    this.#peer ??= {
      identity: this.#identity ?? '',
      workload: this.#description?.workload,
      namespace: this.#description?.namespace,
    };
    return this.#peer;
  }

  get peerName(): string {
    return `${this.#identity} at ${this.#place}`;
  }

  start(socket: Socket, first: Buffer): void {
    try {
      this.#tls = startServerTls(socket, first, this.#options.credentials);
    } catch (error) {
      socket.destroy();
      this.#refused('no_own_certificate', `the own certificate or key cannot be used: ${describeError(error)}`);
      queueMicrotask(() => this.#closed());
      return;
    }
    this.#tls.on('error', (error: Error) => {
      this.#tlsError ??= error;
    });
    this.#tls.once('close', this.#onTlsClose);
    this.#tls.once('secure', () => this.#secured(this.#tls!));
  }

  drain(): void {
    this.#drainWanted = true;
    this.#session?.drain();
  }

  close(reason?: Reason): void {
    if (this.#session === undefined) {
      // Our own wish, not a refusal that would be worth a line.
      if (this.#state === 'handshake') this.#state = 'refused';
      this.#tls?.destroy();
    } else if (reason === undefined) this.#session.close();
    else this.#session.fail(refusalCode(reason), reason);
  }

  trustedBy(credentials: Credentials): boolean {
    return this.#tls !== undefined && this.#verified(this.#tls, credentials).ok;
  }

  // ---- handshake

  readonly #onTlsClose = (): void => {
    if (this.#state === 'handshake') {
      const cause = this.#tlsError === undefined ? 'the peer closed' : describeError(this.#tlsError);
      this.#refused('handshake_failed', `no mesh handshake with ${this.#place}: ${cause}`);
    }
    this.#closed();
  };

  #timedOut(): void {
    if (this.#state !== 'handshake') return;
    this.#refused(
      'handshake_timeout',
      `no mesh handshake with ${this.#place} within ${this.#options.handshakeTimeoutMs} ms`,
    );
    this.#tls?.destroy();
  }

  /** The peer is verified before a frame is read, and SETTINGS are our word that it is accepted. */
  #secured(tls: TLSSocket): void {
    if (this.#state !== 'handshake') return;
    const { clock, credentials } = this.#options;
    tls.off('close', this.#onTlsClose);
    this.#deadline.clear();
    const verdict = this.#verdict(tls);
    const transport = socketTransport(tls);
    const peer = `${verdict.ok ? verdict.identity : 'a refused peer'} at ${this.#place}`;
    this.#session = new Session(
      transport,
      { role: 'server', clock, limits: LIMITS, extraSettings: EXTRA_SETTINGS, keepalive: KEEPALIVE, peer },
      this,
    );
    if (!verdict.ok) {
      this.#refuse(verdict.reason, `${verdict.detail} (${this.#place})`);
      return;
    }
    this.#identity = verdict.identity;
    const denied = this.#options.authorizeConnection(verdict.identity);
    if (denied !== undefined) this.#refuse(denied, `${verdict.identity} at ${this.#place}`);
    else this.#open(Math.min(verdict.notAfter, credentials.notAfter));
  }

  #verdict(tls: TLSSocket): PeerVerdict {
    if (tls.alpnProtocol !== MESH_ALPN) {
      return { ok: false, reason: 'handshake_failed', detail: `the peer offered no protocol ${MESH_ALPN}` };
    }
    return this.#verified(tls, this.#options.credentials);
  }

  #verified(tls: TLSSocket, credentials: Credentials): PeerVerdict {
    return verifyHandshake(tls, credentials, undefined, this.#options.clock.wall());
  }

  #refuse(reason: Reason, detail: string): void {
    this.#refused(reason, detail);
    this.#session?.refuse(refusalCode(reason), reason);
  }

  #refused(reason: Reason, detail: string): void {
    if (this.#state !== 'handshake') return;
    this.#state = 'refused';
    this.#deadline.clear();
    this.#options.onRefuse?.({ reason, detail, identity: this.#identity });
  }

  #open(expiresAt: number): void {
    const { clock } = this.#options;
    this.#state = 'open';
    this.#expiry = atWallTime(clock, expiresAt, () => this.#session?.close('the certificate expired'));
    this.#session?.start();
    this.#session?.flush();
    this.#options.onOpen?.(this.#identity!);
    if (this.#drainWanted) this.#session?.drain();
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#deadline.clear();
    this.#expiry?.clear();
    this.#options.onClose?.();
  }

  // ---- SessionHandler

  onSettings(settings: ReadonlyMap<number, number>): void {
    if (versionFault(settings) !== undefined) this.#session?.fail(refusalCode('wire_version'), 'wire_version');
  }

  onStream(stream: Stream): void {
    stream.receiver = new IncomingStream(stream, this);
  }

  onUnknownFrame(type: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    // At most once, and before the first request: later ones are ignored like any unknown frame.
    if (type !== FRAME_IDENTITY || streamId !== 0 || this.#description !== undefined || this.#peer !== undefined)
      return;
    this.#description = readIdentityFrame(buffer, start, end);
  }

  onGoaway(goaway: Goaway): void {
    if (goaway.debug === '' || this.#session?.active !== 0) return;
    // The caller refuses us: worth a line in the log of the side that is refused.
    const text = goaway.debug.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
    this.#options.onPeerRefused?.(`${this.peerName} refused this proxy: ${text}`);
  }

  onClose(_end: SessionEnd): void {
    this.#closed();
  }

  // ---- ExchangeHost

  onRequest(exchange: MeshServerExchange): void {
    this.#options.onRequest(exchange);
  }
}
