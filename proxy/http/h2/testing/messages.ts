import { FakeClock } from '../../../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../../../base/testing/scripted-transport.ts';
import { DEFAULT_HTTP_LIMITS } from '../../limits.ts';
import type {
  Failure,
  HeaderList,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ResponseReceiver,
  ServerExchange,
} from '../../message.ts';
import { requestHead as http1RequestHead, responseHead as http1ResponseHead } from '../../testing/heads.ts';
import { createHttp2Client, type Http2ClientConnection } from '../client.ts';
import { FRAME, PREFACE } from '../codes.ts';
import { HpackDecoder } from '../hpack-decoder.ts';
import { type Http2ServerConnection, type Http2ServerOptions, serveHttp2 } from '../server.ts';
import { type Frame, parseFrames, settings } from './harness.ts';

/** What a receiver heard, as short texts: bodies as their bytes, so that cuts do not show. */
class Heard {
  readonly events: string[] = [];
  body = '';
  failure: Failure | undefined;
  trailers: HeaderList | undefined;

  onBody(buffer: Buffer, start: number, end: number): void {
    this.body += buffer.toString('latin1', start, end);
  }
  onEnd(trailers: HeaderList | undefined): void {
    this.events.push('end');
    this.trailers = trailers;
  }
  onDrain(): void {
    this.events.push('drain');
  }
}

export class HeardRequest extends Heard implements RequestReceiver {
  readonly exchange: ServerExchange;
  constructor(exchange: ServerExchange) {
    super();
    this.exchange = exchange;
    exchange.receiver = this;
  }
  onAbort(failure: Failure): void {
    this.events.push('abort');
    this.failure = failure;
  }
}

export class HeardResponse extends Heard implements ResponseReceiver {
  readonly informs: ResponseHead[] = [];
  head: ResponseHead | undefined;
  onInform(head: ResponseHead): void {
    this.informs.push(head);
  }
  onResponse(head: ResponseHead): void {
    this.head = head;
  }
  onFailure(failure: Failure): void {
    this.events.push('failure');
    this.failure = failure;
  }
}

/** Decodes what a session sent; one table for all blocks, as a real peer has. */
class Sent {
  readonly #decoder = new HpackDecoder({ tableBytes: 4_096, maxListBytes: 1 << 20 });
  /** `HEADERS 1 end :status=200 …`, `DATA 1 hello`, `RST_STREAM 1 PROTOCOL`… of the frames on streams. */
  describe(frames: readonly Frame[]): string[] {
    const lines: string[] = [];
    for (const { type, flags, id, payload } of frames) {
      const end = (flags & 1) !== 0 ? ' end' : '';
      if (type === FRAME.headers) lines.push(`HEADERS ${id}${end} ${this.#fields(payload)}`);
      else if (type === FRAME.data) lines.push(`DATA ${id}${end} ${payload.toString('latin1')}`);
      else if (type === FRAME.rstStream) lines.push(`RST ${id} ${payload.readUInt32BE(0)}`);
      else if (type === FRAME.goaway) lines.push(`GOAWAY ${payload.readUInt32BE(0)} ${payload.readUInt32BE(4)}`);
      else if (type === FRAME.ping) lines.push(`PING${end === '' ? '' : ' ack'}`);
    }
    return lines;
  }

  #fields(payload: Buffer): string {
    const list: string[] = [];
    this.#decoder.decode(payload, 0, payload.length, list);
    return list.map((text, index) => (index % 2 === 0 ? `${index === 0 ? '' : ' '}${text}=` : text)).join('');
  }
}

class Turns {
  #tasks: (() => void)[] = [];
  readonly defer = (task: () => void): void => void this.#tasks.push(task);
  run(): void {
    for (let tasks = this.#tasks; tasks.length > 0; tasks = this.#tasks) {
      this.#tasks = [];
      for (const task of tasks) task();
    }
  }
}

/** `serveHttp2` with its client played by the test. */
export class ServerScript {
  readonly clock = new FakeClock();
  readonly transport = new ScriptedTransport();
  readonly requests: HeardRequest[] = [];
  readonly bad: string[] = [];
  closed = 0;
  readonly server: Http2ServerConnection;
  readonly #turns = new Turns();
  readonly #sent = new Sent();

  constructor(options: Partial<Http2ServerOptions> = {}, react: (request: HeardRequest) => void = () => {}) {
    this.server = serveHttp2(this.transport, {
      limits: DEFAULT_HTTP_LIMITS,
      clock: this.clock,
      defer: this.#turns.defer,
      onRequest: (exchange) => {
        const request = new HeardRequest(exchange);
        this.requests.push(request);
        react(request);
      },
      onBadRequest: (info) => this.bad.push(`${info.status} ${info.reason}`),
      onClose: () => this.closed++,
      ...options,
    });
  }

  /** Past the exchange of SETTINGS. */
  static ready(
    react: (request: HeardRequest) => void = () => {},
    options: Partial<Http2ServerOptions> = {},
  ): ServerScript {
    const script = new ServerScript(options, react);
    script.deliver(PREFACE, settings());
    script.sent();
    return script;
  }

  deliver(...pieces: readonly Uint8Array[]): this {
    for (const piece of pieces) this.transport.deliver(piece);
    return this;
  }

  sent(): string[] {
    this.#turns.run();
    return this.#sent.describe(parseFrames(this.transport.take()));
  }
}

/** `createHttp2Client` with its server played by the test. */
export class ClientScript {
  readonly clock = new FakeClock();
  readonly transport = new ScriptedTransport();
  readonly client: Http2ClientConnection;
  readonly told: string[] = [];
  readonly #turns = new Turns();
  readonly #sent = new Sent();

  constructor() {
    this.client = createHttp2Client(this.transport, {
      clock: this.clock,
      defer: this.#turns.defer,
      onReady: () => this.told.push('ready'),
      onIdle: () => this.told.push('idle'),
      onClose: (end) => this.told.push(`close ${end.by}`),
    });
  }

  /** Preface and first frames. */
  opening(): Buffer {
    this.#turns.run();
    return this.transport.take();
  }

  static ready(...pairs: readonly (readonly [number, number])[]): ClientScript {
    const script = new ClientScript();
    script.opening();
    script.deliver(settings(...pairs));
    script.sent();
    return script;
  }

  ask(changes: Partial<RequestHead> = {}): HeardResponse {
    const heard = new HeardResponse();
    this.client.request(requestHead(changes), heard);
    return heard;
  }

  deliver(...pieces: readonly Uint8Array[]): this {
    for (const piece of pieces) this.transport.deliver(piece);
    return this;
  }

  sent(): string[] {
    this.#turns.run();
    return this.#sent.describe(parseFrames(this.transport.take()));
  }
}

/** As `../../testing/heads.ts`, in HTTP/2. */
export function requestHead(changes: Partial<RequestHead> = {}): RequestHead {
  return http1RequestHead({ version: 20, ...changes });
}

/** Likewise; with a body. */
export function responseHead(changes: Partial<ResponseHead> = {}): ResponseHead {
  return http1ResponseHead({ version: 20, framing: 'chunked', ...changes });
}
