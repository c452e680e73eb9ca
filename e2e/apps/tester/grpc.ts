import {
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';

/** gRPC over HTTP/2 in plain, framed by hand (PROTOCOL-HTTP2.md): messages of five bytes of prefix and text. */

const OK = 0;
const UNIMPLEMENTED = 12;
const MOST_MESSAGE_BYTES = 65_536;

/** Failures told so far, by key. */
const failed = new Map<string, number>();

/**
 * `/witness.Echo/Echo` gives back each message as it comes, so it serves all four call shapes. With `x-fail-key`, the first `x-fail-times` calls
 * of that key are answered with the status `x-fail-status` in the head alone (trailers-only).
 */
export function startGrpc(port: number): void {
  const server = createServer();
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => stream.destroy());
    const status = statusOf(headers);
    if (status === OK) echo(stream);
    else {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status },
        { endStream: true },
      );
      stream.resume();
    }
  });
  server.listen(port, '::');
}

/** OK: the call is served. */
function statusOf(headers: IncomingHttpHeaders): number {
  if (headers[':path'] !== '/witness.Echo/Echo') return UNIMPLEMENTED;
  const key = headers['x-fail-key'];
  if (typeof key !== 'string') return OK;
  const times = (failed.get(key) ?? 0) + 1;
  failed.set(key, times);
  return times <= Number(headers['x-fail-times']) ? Number(headers['x-fail-status']) : OK;
}

function echo(stream: ServerHttp2Stream): void {
  const messages = new Messages();
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': OK }));
  stream.on('data', (chunk: Buffer) => {
    for (const message of messages.take(chunk)) stream.write(framed(message));
  });
  stream.on('end', () => stream.end());
}

export interface GrpcOrder {
  /** `http://echo:9090` */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** One: a unary call. Several: a stream, each message sent only when the one before came back. */
  readonly messages: readonly string[];
}

export interface GrpcAnswer {
  readonly httpStatus: number;
  readonly contentType: string;
  /** Undefined: none came. */
  readonly status: number | undefined;
  readonly message: string;
  readonly echoed: readonly string[];
  /** The status stood in the head: there were neither messages nor trailers. */
  readonly trailersOnly: boolean;
  readonly ms: number;
}

const CALL_MS = 10_000;

/** One call on a connection of its own. Rejects when there is no answer at all. */
export function callGrpc(order: GrpcOrder): Promise<GrpcAnswer> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const session = connect(order.url);
    const finish = (act: () => void): void => {
      session.destroy();
      act();
    };
    session.on('error', (error) => finish(() => reject(error)));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/witness.Echo/Echo',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...order.headers,
    });
    stream.setTimeout(CALL_MS, () => stream.close(constants.NGHTTP2_CANCEL));
    converse(stream, order.messages, (answer) =>
      finish(() => resolve({ ...answer, ms: Math.round(performance.now() - started) })),
    );
    stream.on('error', (error) => finish(() => reject(error)));
  });
}

/** Sends a message, waits for its echo, sends the next. */
function converse(
  stream: ClientHttp2Stream,
  messages: readonly string[],
  done: (answer: Omit<GrpcAnswer, 'ms'>) => void,
): void {
  const inbox = new Messages();
  const echoed: string[] = [];
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  let sent = 0;
  const next = (): void => {
    const message = messages[sent++];
    if (message !== undefined) stream.write(framed(message));
    if (sent >= messages.length) stream.end();
  };
  stream.on('response', (headers) => {
    head = headers;
  });
  stream.on('data', (chunk: Buffer) => {
    for (const message of inbox.take(chunk)) {
      echoed.push(message);
      if (sent < messages.length) next();
    }
  });
  stream.on('trailers', (headers) => {
    trailers = headers;
  });
  stream.on('close', () => {
    const last = trailers ?? head;
    const status = last['grpc-status'];
    done({
      httpStatus: Number(head[':status'] ?? 0),
      contentType: String(head['content-type'] ?? ''),
      status: status === undefined ? undefined : Number(status),
      message: decodeURIComponent(String(last['grpc-message'] ?? '')),
      echoed,
      trailersOnly: trailers === undefined && status !== undefined,
    });
  });
  next();
}

function framed(message: string): Buffer {
  const body = Buffer.from(message);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** Cuts bytes into messages; each of at most 64 KiB. */
class Messages {
  #pending: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): string[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const messages: string[] = [];
    while (this.#pending.length >= 5) {
      const length = this.#pending.readUInt32BE(1);
      if (length > MOST_MESSAGE_BYTES) throw new Error(`a message of ${length} bytes`);
      if (this.#pending.length < 5 + length) break;
      messages.push(this.#pending.toString('utf8', 5, 5 + length));
      this.#pending = this.#pending.subarray(5 + length);
    }
    return messages;
  }
}
