import http2 from 'node:http2';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { Clock } from '../proxy/base/clock.ts';
import { describeError } from '../proxy/base/errors.ts';
import type { Log } from '../proxy/base/log.ts';
import type { Watch } from '../proxy/base/watch.ts';
import { CERTIFICATE_PATH } from '../proxy/contract/identity.ts';
import { STREAM_PATH } from '../proxy/contract/stream.ts';
import { AddressRate } from './address-rate.ts';
import { type Issue, type IssueAnswer, type Peer, readPeer, refusal, type ServingCertificate } from './ca/ca.ts';
import { readJsonBody } from './control-body.ts';
import { PerAddress } from './per-address.ts';

export interface ControlServerOptions {
  readonly host: string;
  readonly port: number;
  /** Listening begins with the first certificate; later ones serve new connections. */
  readonly certificate: Watch<ServingCertificate | undefined>;
  readonly trustDomain: () => string;
  readonly issue: Issue;
  /** Takes a stream of a proxy whose identity was verified. */
  readonly acceptStream: (stream: http2.ServerHttp2Stream, peerIdentity: string) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** Sessions of one address without a certificate; default 64. */
  readonly anonymousPerAddress?: number;
}

export interface ControlServer {
  /** Resolves when it listens, with the port. */
  readonly listening: Promise<number>;
  start(): void;
  /** Ends all sessions. */
  stop(): Promise<void>;
}

/** A cluster of 10,000 pods with two connections each; one costs about 70 kB. */
const MAX_CONNECTIONS = 20_000;
/** A session without a verified certificate only asks for one: that takes well under a second. */
const ANONYMOUS_MS = 15_000;
const MAX_ANONYMOUS = 512;
const HANDSHAKE_MS = 10_000;
/** Shares of one address: a pod, or where a network hides pods behind their node, all of that node (250 at most, two connections each). */
const MAX_PER_ADDRESS = 1_000;
const MAX_ANONYMOUS_PER_ADDRESS = 64;
/** Certificate requests in work; each is a call of the API server. */
const MAX_REQUESTS_PER_ADDRESS = 16;
/** Connections: a handshake costs some 2 ms, so that what is allowed for long is a tenth of a core. */
const CONNECTIONS_PER_ADDRESS = { burst: 1_000, perSecond: 50 } as const;
/** A proxy makes one on a connection of its own. */
const MAX_REQUESTS_PER_SESSION = 4;
/** A session on which nothing moves; a stream of configuration is pinged every 3 s. */
const IDLE_MS = 60_000;
const SETTINGS: http2.Settings = {
  enablePush: false,
  maxConcurrentStreams: 8,
  maxHeaderListSize: 16_384,
  initialWindowSize: 1024 * 1024,
};

/** TLS and HTTP/2 on the control port. Clients may come without a certificate: those who want their first one. */
export function createControlServer(options: ControlServerOptions): ControlServer {
  const { log, clock } = options;
  const listening = Promise.withResolvers<number>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const perAddress = new PerAddress(MAX_PER_ADDRESS);
  const anonymousPerAddress = new PerAddress(options.anonymousPerAddress ?? MAX_ANONYMOUS_PER_ADDRESS);
  const connectionRate = new AddressRate(CONNECTIONS_PER_ADDRESS.burst, CONNECTIONS_PER_ADDRESS.perSecond);
  const requests = new WeakMap<object, number>();
  const requestsPerAddress = new PerAddress(MAX_REQUESTS_PER_ADDRESS);
  let anonymous = 0;
  let server: http2.Http2SecureServer | undefined;
  let unsubscribe = (): void => {};

  /** Before any handshake: those cost too. */
  const onConnection = (socket: Socket): void => {
    const { remoteAddress } = socket;
    const leave = connectionRate.take(remoteAddress, clock.now()) ? perAddress.take(remoteAddress) : undefined;
    if (leave === undefined) socket.destroy();
    else socket.once('close', leave);
  };

  const onSession = (session: http2.ServerHttp2Session): void => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.setTimeout(IDLE_MS, () => session.close());
    session.on('error', (error) => log.debug('a control session failed', { error: describeError(error) }));
    const peer = readPeer(session.socket as TLSSocket, options.trustDomain());
    if (peer.kind === 'verified') closeAfter(session, peer.notAfter - clock.wall());
    else limitAnonymous(session);
  };

  /** An identity is good until its certificate ends; the proxy comes back with a renewed one. */
  const closeAfter = (session: http2.ServerHttp2Session, ms: number): void => {
    const timer = clock.after(ms, () => session.destroy());
    session.on('close', () => timer.clear());
  };

  const limitAnonymous = (session: http2.ServerHttp2Session): void => {
    const leave = anonymous < MAX_ANONYMOUS ? anonymousPerAddress.take(session.socket.remoteAddress) : undefined;
    if (leave === undefined) {
      session.destroy(undefined, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    anonymous++;
    session.on('close', () => {
      anonymous--;
      leave();
    });
    closeAfter(session, ANONYMOUS_MS);
  };

  const onStream = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void => {
    stream.on('error', (error) => log.debug('a control stream failed', { error: describeError(error) }));
    const path = headers[':path'];
    const method = headers[':method'];
    if (method === 'POST' && path === CERTIFICATE_PATH) certificateOf(stream);
    else if (method === 'POST' && path === STREAM_PATH) streamOf(stream);
    else
      answer(stream, 404, {
        reason: 'UnknownPath',
        message: 'this port serves POST /v1/certificate and POST /v1/stream',
      });
  };

  const certificateOf = (stream: http2.ServerHttp2Stream): void => {
    const { session } = stream;
    if (session === undefined) return;
    const count = (requests.get(session) ?? 0) + 1;
    requests.set(session, count);
    if (count > MAX_REQUESTS_PER_SESSION) session.destroy();
    else void certificate(stream);
  };

  const certificate = async (stream: http2.ServerHttp2Stream): Promise<void> => {
    const body = await readJsonBody(stream, clock);
    const answered: IssueAnswer = body.ok
      ? await issueFor(stream.session?.socket.remoteAddress, body.value)
      : refusal(400, 'MalformedRequest', body.message);
    answer(stream, answered.status, answered.body);
  };

  const issueFor = async (address: string | undefined, body: unknown): Promise<IssueAnswer> => {
    const leave = requestsPerAddress.take(address);
    if (leave === undefined)
      return refusal(429, 'Overloaded', `${MAX_REQUESTS_PER_ADDRESS} requests of this address are in work; try again`);
    try {
      return await options.issue(body);
    } finally {
      leave();
    }
  };

  const streamOf = (stream: http2.ServerHttp2Stream): void => {
    const socket = stream.session?.socket as TLSSocket | undefined;
    const peer: Peer =
      socket === undefined
        ? { kind: 'unverified', why: 'the session is gone' }
        : readPeer(socket, options.trustDomain());
    if (peer.kind === 'verified') {
      options.acceptStream(stream, peer.identity);
      return;
    }
    log.info('a stream was refused', { why: peer.why });
    answer(stream, 401, { reason: 'PeerUnverified', message: `the stream is refused: ${peer.why}` });
  };

  const listen = (held: ServingCertificate): http2.Http2SecureServer => {
    const created = http2.createSecureServer({
      ...tlsOf(held),
      requestCert: true,
      // Clients without a certificate must reach /v1/certificate; who may stream is decided in `streamOf`.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      settings: SETTINGS,
      maxSessionMemory: 64,
    });
    created.maxConnections = MAX_CONNECTIONS;
    created.on('connection', onConnection);
    created.on('session', onSession);
    created.on('stream', onStream);
    created.on('sessionError', (error) => log.debug('a control session failed', { error: describeError(error) }));
    created.on('tlsClientError', (error) => log.debug('a TLS handshake failed', { error: describeError(error) }));
    created.on('error', (error) => listening.reject(error));
    created.listen(options.port, options.host, () => {
      const bound = created.address();
      listening.resolve(typeof bound === 'object' && bound !== null ? bound.port : options.port);
    });
    return created;
  };

  const renew = (held: ServingCertificate | undefined): void => {
    if (held === undefined) return;
    if (server === undefined) server = listen(held);
    else server.setSecureContext(tlsOf(held));
  };

  return {
    listening: listening.promise,
    start() {
      unsubscribe = options.certificate.subscribe(renew);
      renew(options.certificate.value);
    },
    async stop() {
      unsubscribe();
      const closed = new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

/** Everything that `setSecureContext` would otherwise set back to Node's defaults. */
function tlsOf(held: ServingCertificate): SecureContextOptions {
  return { key: held.keyPem, cert: held.chainPem, ca: held.bundlePem, minVersion: 'TLSv1.3' };
}

function answer(stream: http2.ServerHttp2Stream, status: number, body: object): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ':status': status, 'content-type': 'application/json' });
  stream.end(JSON.stringify(body), () => {
    // RFC 9113 section 8.1: a complete answer, and the rest of the request is not wanted.
    if (!stream.readableEnded) stream.close(http2.constants.NGHTTP2_NO_ERROR);
  });
}
