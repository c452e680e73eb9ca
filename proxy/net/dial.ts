import { connect, isIP, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { errorCode, HeddleError } from '../base/errors.ts';

export interface DialOptions {
  /** A numeric address: nothing is ever looked up in DNS. */
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** A peer that vanished without a word is found by the kernel: idle connections have no other end. */
const KEEP_ALIVE_MS = 60_000;

/** The name for logs and errors: `10.0.0.7:3000`, `[fd00::1]:3000`. */
export function peerName(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Opens a TCP connection. The socket comes paused, half-open allowed, without Nagle's delay, with TCP keep-alive after 60 s.
 * Rejects with `HeddleError` whose code is a `Reason`: `connect_failure`, `connect_timeout`, or `client_closed` when `signal` fired.
 */
export function dial(options: DialOptions): Promise<Socket> {
  const peer = peerName(options.address, options.port);
  if (isIP(options.address) === 0) {
    return Promise.reject(new HeddleError('connect_failure', `${peer} is not a numeric address`, { where: { peer } }));
  }
  if (options.signal?.aborted === true) return Promise.reject(abandoned(peer));
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: options.address,
      port: options.port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      autoSelectFamily: false,
    });
    const settle = (): void => {
      timer.clear();
      socket.off('connect', onConnect).off('error', onError);
      options.signal?.removeEventListener('abort', onAbort);
      // Whoever takes the socket adds a listener of its own; until then an error must not crash the process.
      socket.on('error', ignore);
    };
    const fail = (error: HeddleError): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onConnect = (): void => {
      settle();
      resolve(socket);
    };
    const onError = (cause: Error): void => fail(refused(peer, cause));
    const onAbort = (): void => fail(abandoned(peer));
    const timer = options.clock.after(options.timeoutMs, () => {
      fail(new HeddleError('connect_timeout', `no answer within ${options.timeoutMs} ms`, { where: { peer } }));
    });
    socket.pause();
    socket.on('connect', onConnect).on('error', onError);
    options.signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function refused(peer: string, cause: Error): HeddleError {
  return new HeddleError('connect_failure', likelyCause(errorCode(cause)), { where: { peer }, cause });
}

function abandoned(peer: string): HeddleError {
  return new HeddleError('client_closed', 'the connection is not wanted any more', { where: { peer } });
}

/** The likely cause in words, because `ECONNREFUSED` in a log helps few people. */
function likelyCause(code: string | undefined): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused: nothing listens on that port';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no route: the pod or its node is gone, or a NetworkPolicy rejects it';
    case 'ETIMEDOUT':
      return 'no answer from the kernel of the peer: the node is gone, or a NetworkPolicy drops the packets';
    case 'EADDRNOTAVAIL':
      return 'no free local port for this destination';
    case 'EMFILE':
    case 'ENFILE':
      return 'no file descriptor left: raise the limit of open files of this pod';
    default:
      return `connection failed (${code ?? 'unknown error'})`;
  }
}

function ignore(): void {}
