import { X509Certificate } from 'node:crypto';
import type { ClientHttp2Session } from 'node:http2';
import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { nodeHttp2 } from '../base/builtin.ts';
import type { Clock } from '../base/clock.ts';
import { errorCode, HeddleError } from '../base/errors.ts';
import type { Credentials } from '../tls/credentials.ts';
import { uriNames } from './issued.ts';

export interface OperatorTarget {
  /** `host:port`. */
  readonly target: string;
  /** PEM of the roots that the operator's certificate must chain to. */
  readonly rootsPem: string;
  /** The SPIFFE id that the operator must prove: the one URI name of its certificate. */
  readonly operatorIdentity: string;
  /** Own certificate, where mutual TLS is wanted. */
  readonly credentials?: Credentials | undefined;
  /** For the TCP connection and the handshake together. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Receive windows of the stream: an address table of a large cluster in one go. */
const WINDOW_BYTES = 1_048_576;
/** Megabytes that one session may hold: a message has at most 16 MiB. */
const SESSION_MEMORY = 64;

/**
 * Opens an HTTP/2 session to the operator. The name that was dialled does not matter, the proven SPIFFE id does.
 * Rejects with `HeddleError` code `operator` and a text that names the likely cause.
 */
export async function connectOperator(options: OperatorTarget): Promise<ClientHttp2Session> {
  const socket = await openTls(options);
  const session = nodeHttp2().connect(`https://${options.target}`, {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY,
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
  });
  session.on('error', () => {});
  session.once('connect', () => session.setLocalWindowSize(WINDOW_BYTES));
  return session;
}

function openTls(options: OperatorTarget): Promise<TLSSocket> {
  const { host, port } = splitTarget(options.target);
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host,
      port,
      ca: options.rootsPem,
      ...(options.credentials === undefined
        ? {}
        : { key: options.credentials.keyPem, cert: options.credentials.chainPem }),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
      checkServerIdentity: (_name, certificate) => wrongIdentity(certificate.raw, options.operatorIdentity),
    });
    const fail = (error: unknown): void => {
      timer.clear();
      socket.destroy();
      reject(cannotReach(options.target, error));
    };
    const timer = options.clock.after(options.timeoutMs, () =>
      fail(new Error(`no answer within ${options.timeoutMs} ms`)),
    );
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      timer.clear();
      socket.off('error', fail);
      socket.on('error', () => {});
      if (socket.alpnProtocol === 'h2') resolve(socket);
      else fail(new Error('it does not speak HTTP/2: is this the port of the operator?'));
    });
  });
}

function wrongIdentity(raw: Buffer, expected: string): Error | undefined {
  const names = uriNames(new X509Certificate(raw));
  if (names.length === 1 && names[0] === expected) return undefined;
  return new Error(
    `it proved to be ${names.join(', ') || 'nobody'}, expected ${expected}: somebody else answers there`,
  );
}

/** `host:port` or `[v6]:port`. Throws `HeddleError` code `environment`. */
export function splitTarget(target: string): { host: string; port: number } {
  const colon = target.lastIndexOf(':');
  const host = target.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(target.slice(colon + 1));
  if (colon < 1 || host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new HeddleError('environment', `"${target}" is no host:port`, { where: { name: 'HEDDLE_CONTROL' } });
  }
  return { host, port };
}

function cannotReach(target: string, cause: unknown): HeddleError {
  return new HeddleError('operator', `the operator cannot be reached: ${likelyCause(errorCode(cause))}`, {
    where: { operator: target },
    cause,
  });
}

function likelyCause(code: string | undefined): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name does not resolve (is heddle installed, does cluster DNS run?)';
    case 'ECONNREFUSED':
      return 'nothing listens there (no operator pod is ready)';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return 'no route to it (does a NetworkPolicy allow it?)';
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'CERT_SIGNATURE_FAILURE':
      return 'its certificate does not chain to the trust bundle (ConfigMap heddle-trust-bundle of this namespace)';
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid now (do the clocks agree?)';
    default:
      return 'the connection failed';
  }
}
