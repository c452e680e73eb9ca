import { connect as connectTcp, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import type { Reason } from '../contract/reasons.ts';
import { ERROR, type Goaway, Session, type SessionEnd, type SessionHandler } from '../http/h2/h2.ts';
import { socketTransport } from '../net/net.ts';
import { type Credentials, MESH_ALPN, startClientTls, verifyHandshake } from '../tls/tls.ts';
import type { ConnectMeshOptions, MeshClient } from './api.ts';
import { MeshClientConnection } from './client.ts';
import { knownReason } from './client-exchange.ts';
import {
  EXTRA_SETTINGS,
  FRAME_IDENTITY,
  identityFrame,
  KEEPALIVE,
  LIMITS,
  refusalCode,
  versionFault,
} from './handshake-wire.ts';

/**
 * Opens a mesh connection to a pod: TCP, TLS, verification of the peer, and the peer's word that it accepts us (its
 * SETTINGS). Rejects with a HeddleError whose code is a `Reason`: also the one that the peer's GOAWAY named.
 */
export async function connectMesh(options: ConnectMeshOptions): Promise<MeshClient> {
  const socket = await connected(options);
  const deadline = new Deadline(options, socket);
  try {
    const tls = await secured(socket, options, deadline);
    return await accepted(tls, options, deadline);
  } finally {
    deadline.clear();
  }
}

/** `10.0.0.7:3000`, `[fd00::7]:3000`. */
function placeOf(options: ConnectMeshOptions): string {
  return options.address.includes(':') ? `[${options.address}]:${options.port}` : `${options.address}:${options.port}`;
}

function failed(options: ConnectMeshOptions, reason: Reason, message: string, cause?: unknown): HeddleError {
  const peer = placeOf(options);
  return new HeddleError(reason, `${message}: ${options.expectedIdentity} at ${peer}`, {
    where: { peer, identity: options.expectedIdentity },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Bounds everything from TCP to SETTINGS; when it runs out the socket is destroyed, and whoever waits hears of it. */
class Deadline {
  readonly #timer: Timer;
  #expired = false;

  constructor(options: ConnectMeshOptions, socket: Socket) {
    this.#timer = options.clock.after(options.handshakeTimeoutMs, () => {
      this.#expired = true;
      socket.destroy();
    });
  }

  get expired(): boolean {
    return this.#expired;
  }

  clear(): void {
    this.#timer.clear();
  }
}

function connected(options: ConnectMeshOptions): Promise<Socket> {
  const socket =
    options.socket ?? connectTcp({ host: options.address, port: options.port, allowHalfOpen: true, noDelay: true });
  if (!socket.connecting) return Promise.resolve(socket);
  return new Promise((resolve, reject) => {
    const timer = options.clock.after(options.connectTimeoutMs, () => {
      socket.destroy();
      reject(failed(options, 'connect_timeout', `no connection within ${options.connectTimeoutMs} ms`));
    });
    const onError = (cause: Error): void => {
      timer.clear();
      reject(failed(options, 'connect_failure', 'no connection', cause));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      timer.clear();
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

/** The TLS handshake, then our own verification of the peer. */
function secured(socket: Socket, options: ConnectMeshOptions, deadline: Deadline): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = startTls(socket, options);
    let error: Error | undefined;
    tls.on('error', (cause: Error) => {
      error ??= cause;
    });
    const onClose = (): void => reject(handshakeFailure(options, deadline, error));
    tls.once('close', onClose);
    tls.once('secureConnect', () => {
      tls.off('close', onClose);
      resolve(tls);
    });
  });
}

function startTls(socket: Socket, options: ConnectMeshOptions): TLSSocket {
  try {
    return startClientTls(socket, options.credentials);
  } catch (cause) {
    socket.destroy();
    throw failed(options, 'no_own_certificate', 'the own certificate or key cannot be used', cause);
  }
}

function handshakeFailure(options: ConnectMeshOptions, deadline: Deadline, cause: Error | undefined): HeddleError {
  if (deadline.expired)
    return failed(options, 'handshake_timeout', `no mesh handshake within ${options.handshakeTimeoutMs} ms`);
  return failed(options, 'handshake_failed', 'the peer does not speak the mesh handshake', cause);
}

/** Starts the session and waits for the peer's SETTINGS. */
function accepted(tls: TLSSocket, options: ConnectMeshOptions, deadline: Deadline): Promise<MeshClient> {
  return new Promise((resolve, reject) => {
    const opening = new Opening(tls, options, deadline, resolve, reject);
    opening.start();
  });
}

/** From the finished TLS handshake to the open connection, and the connection's ear afterwards. */
class Opening implements SessionHandler {
  readonly #options: ConnectMeshOptions;
  readonly #deadline: Deadline;
  readonly #resolve: (client: MeshClient) => void;
  readonly #reject: (error: HeddleError) => void;
  readonly #tls: TLSSocket;
  readonly #session: Session;
  readonly #peer: string;
  #expiresAt = 0;
  #client: MeshClientConnection | undefined;
  #refused: HeddleError | undefined;

  constructor(
    tls: TLSSocket,
    options: ConnectMeshOptions,
    deadline: Deadline,
    resolve: (client: MeshClient) => void,
    reject: (error: HeddleError) => void,
  ) {
    this.#tls = tls;
    this.#options = options;
    this.#deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#peer = `${options.expectedIdentity} at ${placeOf(options)}`;
    this.#session = new Session(
      socketTransport(tls),
      {
        role: 'client',
        clock: options.clock,
        limits: LIMITS,
        extraSettings: EXTRA_SETTINGS,
        keepalive: KEEPALIVE,
        peer: this.#peer,
      },
      this,
    );
  }

  start(): void {
    const { credentials, expectedIdentity, clock, self } = this.#options;
    this.#session.start();
    const refusal = this.#verify(credentials, expectedIdentity, clock.wall());
    if (refusal === undefined) this.#session.extension(FRAME_IDENTITY, identityFrame(self));
    else this.#refuse(refusal.reason, refusal.detail);
    this.#session.flush();
  }

  #verify(credentials: Credentials, expected: string, now: number): { reason: Reason; detail: string } | undefined {
    if (this.#tls.alpnProtocol !== MESH_ALPN) {
      return {
        reason: 'handshake_failed',
        detail: `the peer chose the protocol ${this.#tls.alpnProtocol || 'none'}, not ${MESH_ALPN}`,
      };
    }
    const verdict = verifyHandshake(this.#tls, credentials, expected, now);
    if (!verdict.ok) return verdict;
    this.#expiresAt = Math.min(verdict.notAfter, credentials.notAfter);
    return undefined;
  }

  #refuse(reason: Reason, detail: string): void {
    this.#refused ??= failed(this.#options, reason, detail);
    this.#session.fail(refusalCode(reason), reason);
  }

  // ---- SessionHandler

  onStream(): void {}

  onSettings(settings: ReadonlyMap<number, number>): void {
    const fault = versionFault(settings);
    if (fault !== undefined) {
      this.#refuse('wire_version', fault);
      return;
    }
    const { clock, idleCloseMs, expectedIdentity, onClose } = this.#options;
    this.#client = new MeshClientConnection(this.#session, {
      clock,
      idleCloseMs,
      peerIdentity: expectedIdentity,
      peer: this.#peer,
      expiresAt: this.#expiresAt,
      trustedBy: (credentials) => verifyHandshake(this.#tls, credentials, expectedIdentity, clock.wall()).ok,
      ...(onClose === undefined ? {} : { onClose }),
    });
    this.#resolve(this.#client);
  }

  onGoaway(goaway: Goaway): void {
    if (this.#client !== undefined && goaway.code === ERROR.noError && goaway.debug === '') this.#options.onGoaway?.();
    if (this.#client !== undefined || goaway.code === ERROR.noError) return;
    const reason = knownReason(goaway.debug) ?? 'handshake_failed';
    this.#refused ??= failed(
      this.#options,
      reason,
      `the peer refused this proxy with ${printable(goaway.debug) || 'no reason'}`,
    );
  }

  onIdle(): void {
    this.#client?.idle();
  }

  onClose(end: SessionEnd): void {
    if (this.#client !== undefined) this.#client.closed(end);
    else this.#reject(this.#refused ?? this.#unfinished(end));
  }

  #unfinished(end: SessionEnd): HeddleError {
    if (this.#deadline.expired) return handshakeFailure(this.#options, this.#deadline, undefined);
    return failed(
      this.#options,
      'handshake_failed',
      `the peer ended the connection before it accepted (${end.detail})`,
    );
  }
}

/** Text of a peer in a log line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
