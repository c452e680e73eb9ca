import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Reason } from '../contract/reasons.ts';
import type { SessionEnd } from '../http/h2/h2.ts';
import type { ClientExchange, RequestHead, ResponseHead, ResponseReceiver, ServerExchange } from '../http/message.ts';
import type { Credentials } from '../tls/credentials.ts';

/** Who speaks: sent once per connection, for telemetry, never for authorization. */
export interface SelfDescription {
  readonly workload: string;
  readonly namespace: string;
  readonly pod: string;
}

/** What travels beside each request. */
export interface RequestMeta {
  /** Original destination of the application's connection: `10.96.4.7:80`, `[fd00::7]:80`. */
  readonly destination: string;
  /** From 1. */
  readonly attempt: number;
  /** Milliseconds left for the whole request; undefined: no limit. */
  readonly deadlineMs: number | undefined;
}

export interface ConnectMeshOptions {
  /** The pod's address and the application's port. */
  readonly address: string;
  readonly port: number;
  readonly credentials: Credentials;
  /** SPIFFE id that the peer must prove, exactly. */
  readonly expectedIdentity: string;
  readonly self: SelfDescription;
  readonly connectTimeoutMs: number;
  /** From the TCP connection until the peer's SETTINGS. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  /** Closes when nothing runs for so long. */
  readonly idleCloseMs: number;
  /** The open connection was told to go elsewhere in good order: the peer is shutting down. What runs goes on. */
  onGoaway?(): void;
  /** Exactly once after a successful connect; `end` says who ended it (`timeout`: no answer to a PING). */
  onClose?(connection: MeshClient, end?: SessionEnd): void;
  /** Tests and dialers: a connected (or connecting) socket made with `allowHalfOpen: true`. */
  readonly socket?: Socket;
}

export interface MeshClient {
  /**
   * Starts a request. Framing `none` or a Content-Length of 0 sends it complete at once (`end` is then ignored), unless it
   * asks for an upgrade or is CONNECT: then what is written after a 101 or 2xx is the tunnel. Never throws: what cannot be sent is a Failure,
   * told in a later microtask.
   */
  open(head: RequestHead, meta: RequestMeta, receiver: ResponseReceiver): ClientExchange;
  /** A raw TCP connection. `onResponse` with status 200 says that the application accepted; then bytes flow. */
  tunnel(meta: RequestMeta, receiver: ResponseReceiver): ClientExchange;
  /** `draining`: what runs goes on, nothing new is taken. */
  readonly state: 'open' | 'draining' | 'closed';
  /** Requests and tunnels that run. */
  readonly active: number;
  /** How many more may start now (the peer's limit on streams). */
  readonly capacity: number;
  /** Identity that the peer proved. */
  readonly peerIdentity: string;
  /** Earlier notAfter of the two leaves, milliseconds since 1970; the connection closes itself then. Drain before. */
  readonly expiresAt: number;
  /** Whether the peer's certificate is one that these credentials accept, by the clock of now. */
  trustedBy(credentials: Credentials): boolean;
  /** Takes nothing new, closes when idle. */
  drain(): void;
  /** At once: what runs fails with `upstream_reset`. */
  close(): void;
}

export interface MeshPeer {
  /** Proved in the handshake. Undefined only where there was none: a pod that calls itself while it holds no certificate. */
  readonly identity: string | undefined;
  /** As the peer describes itself, at most 63 and 253 characters of Kubernetes names: for telemetry only. */
  readonly workload: string | undefined;
  readonly namespace: string | undefined;
}

export interface MeshServerExchange extends ServerExchange {
  readonly meta: RequestMeta & { readonly kind: 'http' | 'tunnel' };
  readonly peer: MeshPeer;
  /** As `respond`, for a response made by this proxy to a request that the application has not seen: the caller may send it elsewhere. */
  respondUnprocessed(head: ResponseHead): void;
}

export interface AcceptMeshOptions {
  /** Accepted and paused, made with `allowHalfOpen: true`. */
  readonly socket: Socket;
  /** Bytes already read from it. */
  readonly first: Buffer;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** Until the peer is verified. */
  readonly handshakeTimeoutMs: number;
  /** Connection-level decision, after the peer is verified; a reason refuses the connection. */
  authorizeConnection(identity: string): Reason | undefined;
  /** Set `exchange.receiver` before it returns. */
  onRequest(exchange: MeshServerExchange): void;
  /** The peer was accepted: requests may follow. */
  onOpen?(identity: string): void;
  /** Handshake, verification or authorization failed; the caller was told where possible. `onClose` follows. */
  onRefuse?(refusal: { readonly reason: Reason; readonly detail: string; readonly identity: string | undefined }): void;
  /** The caller closed the connection and said why: it does not accept this proxy's identity, for example. For the log. */
  onPeerRefused?(detail: string): void;
  /** Exactly once. */
  onClose?(): void;
}

export interface MeshServer {
  /** GOAWAY; what runs and what was sent before the peer heard of it is served; then the connection closes. */
  drain(): void;
  /** At once; a reason is told to the peer by GOAWAY. */
  close(reason?: Reason): void;
  /** Undefined until the peer is verified. */
  readonly identity: string | undefined;
  readonly active: number;
  /** Whether the peer's certificate is one that these credentials accept, by the clock of now. Ask once it is verified. */
  trustedBy(credentials: Credentials): boolean;
}
