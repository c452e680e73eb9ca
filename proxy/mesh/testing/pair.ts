import { createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../base/clock.ts';
import type { Reason } from '../../contract/reasons.ts';
import type {
  Failure,
  HeaderList,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ResponseReceiver,
} from '../../http/http.ts';
import { requestHead, responseHead } from '../../http/testing/heads.ts';
import type { Credentials } from '../../tls/tls.ts';
import type { AcceptMeshOptions, ConnectMeshOptions, MeshServer, MeshServerExchange, RequestMeta } from '../api.ts';
import { acceptMesh } from '../mesh.ts';

/** A mesh server on a loopback port, for tests. */
export interface TestServer {
  readonly port: number;
  /** One for each connection accepted, in order. */
  readonly connections: MeshServer[];
  readonly sockets: Socket[];
  readonly refusals: { readonly reason: Reason; readonly detail: string }[];
  /** How many connections were closed. */
  closed: number;
  close(): Promise<void>;
}

export type TestServerOptions = { readonly credentials: Credentials | (() => Credentials) } & Partial<
  Omit<AcceptMeshOptions, 'credentials' | 'socket' | 'first'>
>;

export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    state.sockets.push(socket);
    socket.on('error', () => {});
    const { credentials } = options;
    state.connections.push(
      acceptMesh({
        clock: systemClock,
        handshakeTimeoutMs: 5_000,
        authorizeConnection: () => undefined,
        onRequest: (exchange) => void echo(exchange),
        onRefuse: (refusal) => void state.refusals.push(refusal),
        ...options,
        socket,
        first: Buffer.alloc(0),
        credentials: typeof credentials === 'function' ? credentials() : credentials,
        onClose: () => {
          state.closed++;
          options.onClose?.();
        },
      }),
    );
  });
  await listening(server);
  const address = server.address();
  const state: TestServer = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: [],
    sockets: [],
    refusals: [],
    closed: 0,
    close: () => closeServer(server, state),
  };
  return state;
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function closeServer(server: Server, state: TestServer): Promise<void> {
  for (const socket of state.sockets) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Options of a client towards a test server. */
export function clientOptions(
  port: number,
  credentials: Credentials,
  expectedIdentity: string,
  more: Partial<ConnectMeshOptions> = {},
): ConnectMeshOptions {
  return {
    address: '127.0.0.1',
    port,
    credentials,
    expectedIdentity,
    self: { workload: 'order', namespace: 'shop', pod: 'order-abc' },
    connectTimeoutMs: 2_000,
    handshakeTimeoutMs: 5_000,
    clock: systemClock,
    idleCloseMs: 60_000,
    ...more,
  };
}

export const META: RequestMeta = { destination: '10.96.0.10:80', attempt: 1, deadlineMs: undefined };

/** As an application writes it: Title-Case, Host first. */
export function request(fields: Partial<RequestHead> = {}): RequestHead {
  const headers = ['host', 'payment-service', 'accept', '*/*'];
  return requestHead({ authority: 'payment-service', headers, spelling: 'title', ...fields });
}

export function response(fields: Partial<ResponseHead> = {}): ResponseHead {
  return responseHead({ spelling: 'title', ...fields });
}

/** Answers with the request's body, chunked, or with nothing when there was none. */
export function echo(exchange: MeshServerExchange): RequestReceiver {
  exchange.respond(response({ framing: 'chunked', headers: ['x-method', exchange.head.method] }));
  exchange.receiver = {
    onBody(buffer, start, end) {
      if (!exchange.write(buffer, start, end)) exchange.pause();
    },
    onEnd: (trailers) => exchange.end(trailers),
    onDrain: () => exchange.resume(),
    onAbort() {},
  };
  return exchange.receiver;
}

/** Collects a response. */
export class Collector implements ResponseReceiver {
  readonly informs: ResponseHead[] = [];
  head: ResponseHead | undefined;
  readonly chunks: Buffer[] = [];
  bytes = 0;
  trailers: HeaderList | undefined;
  ended = false;
  drains = 0;
  failure: Failure | undefined;

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get settled(): boolean {
    return this.ended || this.failure !== undefined;
  }

  onInform(head: ResponseHead): void {
    this.informs.push(head);
  }
  onResponse(head: ResponseHead): void {
    this.head = head;
  }
  onBody(buffer: Buffer, start: number, end: number): void {
    this.chunks.push(Buffer.from(buffer.subarray(start, end)));
    this.bytes += end - start;
  }
  onEnd(trailers: HeaderList | undefined): void {
    this.trailers = trailers;
    this.ended = true;
  }
  onDrain(): void {
    this.drains++;
  }
  onFailure(failure: Failure): void {
    this.failure = failure;
  }
}
