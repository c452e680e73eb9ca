import http from 'node:http';
import https from 'node:https';
import { errorCode } from '../../proxy/base/errors.ts';
import type { Connection } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { answerTooLarge, errorFromAnswer, KubeError } from './kube-error.ts';

/** One call. `path` holds the query; `timeoutMs` (default 30,000) bounds the time to the end of the body, or for a stream to its head. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * One keep-alive pool to the API server for all calls of a process: the library opens a connection (with a TLS
 * handshake) per call otherwise, which at 1,000 status writes is what costs.
 */
export interface Dispatcher {
  /** The body of a 2xx answer; anything else is a `KubeError`. */
  send(call: Call): Promise<string>;
  /** As `send`, but hands back the body while it arrives. The caller destroys it. */
  stream(call: Call): Promise<http.IncomingMessage>;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** A page of 500 pods is 2–5 MB; one object at most 9 MB (see `MAX_LINE_BYTES`). Text and objects of it must fit into the heap several times. */
const MAX_BODY_BYTES = 24 * 1024 * 1024;
/** Watches hold one connection each (12 informers), so this leaves room for calls side by side. */
const MAX_SOCKETS = 64;

interface Answer {
  readonly response: http.IncomingMessage;
  /** Ends the time limit of the call. */
  readonly stopTimer: () => void;
}

export interface DispatcherOptions {
  /** Default 30,000. */
  readonly timeoutMs?: number;
  /** Longest answer that is held at once; default 24 MiB. */
  readonly maxBodyBytes?: number;
}

export function createDispatcher(connection: Connection, limits: DispatcherOptions = {}): Dispatcher {
  const { timeoutMs: defaultTimeoutMs = DEFAULT_TIMEOUT_MS, maxBodyBytes = MAX_BODY_BYTES } = limits;
  const secure = connection.server.protocol === 'https:';
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS } as const;
  const agent = secure ? new https.Agent(options) : new http.Agent(options);

  const attempt = (call: Call, credentials: Credentials): Promise<Answer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = (secure ? https : http).request({
      agent,
      protocol: connection.server.protocol,
      hostname: connection.server.hostname.replace(/^\[|\]$/g, ''),
      port: connection.server.port,
      method: call.method,
      path: connection.server.pathname.replace(/\/$/, '') + call.path,
      headers: headersOf(call, credentials.headers),
      ...credentials.tls,
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    const timeoutMs = call.timeoutMs ?? defaultTimeoutMs;
    const timer = setTimeout(() => request.destroy(timedOut(call, timeoutMs)), timeoutMs);
    const stopTimer = () => clearTimeout(timer);
    request.on('error', (cause) => {
      stopTimer();
      reject(cause instanceof KubeError ? cause : noAnswer(connection.server, call, cause, request.reusedSocket));
    });
    request.on('response', (response) => resolve({ response, stopTimer }));
    request.end(call.body);
    return promise;
  };

  const open = async (call: Call): Promise<Answer> => {
    try {
      return await attempt(call, await connection.credentials());
    } catch (error) {
      if (!(error instanceof StaleSocketError) || call.method === 'POST') throw error;
      // The server closed an idle connection while we wrote to it: the call was not seen, or is harmless to repeat.
      return attempt(call, await connection.credentials());
    }
  };

  const refuse = async (call: Call, { response, stopTimer }: Answer): Promise<never> => {
    const status = response.statusCode ?? 0;
    if (status === 401) connection.refresh();
    const body = await readBody(response, call, maxBodyBytes).finally(stopTimer);
    throw errorFromAnswer(call, { status, body, retryAfter: response.headers['retry-after'] });
  };

  return {
    async send(call) {
      const answer = await open(call);
      if (!isOk(answer.response)) return refuse(call, answer);
      return readBody(answer.response, call, maxBodyBytes).finally(answer.stopTimer);
    },
    async stream(call) {
      const answer = await open(call);
      if (!isOk(answer.response)) return refuse(call, answer);
      answer.stopTimer();
      return answer.response;
    },
    close: () => agent.destroy(),
  };
}

/** A kept-alive connection that the server had closed already. */
class StaleSocketError extends KubeError {}

function headersOf(call: Call, credentials: Readonly<Record<string, string>>): Record<string, string | number> {
  const headers: Record<string, string | number> = {
    accept: 'application/json',
    'user-agent': 'heddle-operator',
    ...credentials,
  };
  if (call.body !== undefined) {
    headers['content-type'] = call.contentType ?? 'application/json';
    headers['content-length'] = Buffer.byteLength(call.body);
  }
  return headers;
}

function isOk(response: http.IncomingMessage): boolean {
  const status = response.statusCode ?? 0;
  return status >= 200 && status < 300;
}

async function readBody(response: http.IncomingMessage, call: Call, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > most) throw answerTooLarge(call, most);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof KubeError) throw cause;
    throw new KubeError('the API server closed the connection within its answer', {
      status: 0,
      where: { method: call.method, path: call.path },
      cause,
    });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function timedOut(call: Call, timeoutMs: number): KubeError {
  return new KubeError(`the API server did not answer within ${timeoutMs} ms`, {
    status: 0,
    where: { method: call.method, path: call.path },
  });
}

function noAnswer(server: URL, call: Call, cause: unknown, reused: boolean): KubeError {
  const stale = reused && (errorCode(cause) === 'ECONNRESET' || errorCode(cause) === 'EPIPE');
  const options = { status: 0, where: { server: server.host, method: call.method, path: call.path }, cause };
  return stale
    ? new StaleSocketError('the API server closed an idle connection', options)
    : new KubeError('the API server cannot be reached', options);
}
