import { FakeClock, settle } from '../../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../../base/testing/scripted-transport.ts';
import { type BadRequest, serveHttp1 } from '../http.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../limits.ts';
import type { Failure, HeaderList, RequestHead, ResponseHead, ServerExchange } from '../message.ts';

/** What the receiver of one request heard. */
export interface Heard {
  readonly exchange: ServerExchange;
  readonly head: RequestHead;
  body: string;
  ended: boolean;
  trailers: HeaderList | undefined;
  failure: Failure | undefined;
  drains: number;
}

export interface ServerHarness {
  readonly transport: ScriptedTransport;
  readonly clock: FakeClock;
  readonly connection: ReturnType<typeof serveHttp1>;
  readonly heard: Heard[];
  readonly bad: BadRequest[];
  readonly closes: () => number;
  /** The last request heard. */
  readonly last: () => Heard;
}

export interface HarnessOptions {
  readonly limits?: Partial<HttpLimits>;
  readonly first?: Buffer;
  /** Called inside `onRequest`, after the receiver was set. */
  readonly onRequest?: (heard: Heard) => void;
  /** Called when a request is complete. */
  readonly onEnd?: (heard: Heard) => void;
}

/** A server connection on a scripted transport that notes all it hears. */
export function serverHarness(options: HarnessOptions = {}): ServerHarness {
  const transport = new ScriptedTransport();
  const clock = new FakeClock();
  const heard: Heard[] = [];
  const bad: BadRequest[] = [];
  let closes = 0;
  const connection = serveHttp1(transport, {
    limits: { ...DEFAULT_HTTP_LIMITS, ...options.limits },
    clock,
    ...(options.first === undefined ? {} : { first: options.first }),
    onRequest: (exchange) => {
      const one = listen(exchange, options);
      heard.push(one);
      options.onRequest?.(one);
    },
    onBadRequest: (info) => void bad.push(info),
    onClose: () => void closes++,
  });
  const last = (): Heard => {
    const one = heard.at(-1);
    if (one === undefined) throw new Error('no request was heard');
    return one;
  };
  return { transport, clock, connection, heard, bad, closes: () => closes, last };
}

function listen(exchange: ServerExchange, options: HarnessOptions): Heard {
  const one: Heard = {
    exchange,
    head: exchange.head,
    body: '',
    ended: false,
    trailers: undefined,
    failure: undefined,
    drains: 0,
  };
  exchange.receiver = {
    onBody: (buffer, start, end) => {
      if (one.ended || one.failure !== undefined) throw new Error('body after the end');
      one.body += buffer.toString('latin1', start, end);
    },
    onEnd: (trailers) => {
      if (one.ended || one.failure !== undefined) throw new Error('a second end');
      one.ended = true;
      one.trailers = trailers;
      options.onEnd?.(one);
    },
    onDrain: () => void one.drains++,
    onAbort: (failure) => {
      if (one.failure !== undefined) throw new Error('a second abort');
      one.failure = failure;
    },
  };
  return one;
}

/** A response head with defaults. */
export function response(status: number, more: Partial<ResponseHead> = {}): ResponseHead {
  return {
    status,
    reason: '',
    version: 11,
    headers: [],
    spelling: 'lower',
    framing: 'none',
    contentLength: 0,
    ...more,
  };
}

/** Answers 200 with a short text of known length. */
export function answer(exchange: ServerExchange, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  exchange.respond(response(200, { framing: 'length', contentLength: bytes.length }));
  exchange.write(bytes, 0, bytes.length);
  exchange.end();
}

/** Delivers pieces as separate reads, letting microtasks run between them. */
export async function deliver(transport: ScriptedTransport, pieces: readonly (string | Uint8Array)[]): Promise<void> {
  for (const piece of pieces) {
    transport.deliver(piece);
    await Promise.resolve();
  }
  await settle();
}
