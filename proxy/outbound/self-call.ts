import type { Opener, TryMeta } from '../balance/connections.ts';
import type {
  ClientExchange,
  Failure,
  HeaderList,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ResponseReceiver,
} from '../http/message.ts';
import type { MeshPeer, MeshServerExchange, SelfDescription } from '../mesh/mesh.ts';

/** The inbound side's entry for a request of this very pod. */
export type ServeSelf = (
  exchange: MeshServerExchange,
  target: { readonly address: string; readonly port: number },
) => void;

/**
 * An opener to the pod itself: requests go to the own inbound side inside the process, with the own identity, so its policy holds. (Dialling
 * the own address would reach the application past the inbound side: the proxy's user is exempt from redirection.)
 */
export function selfOpener(
  serve: ServeSelf,
  target: { readonly address: string; readonly port: number },
  self: SelfDescription,
  identity: () => string | undefined,
): Opener {
  const start = (
    head: RequestHead,
    meta: TryMeta,
    kind: 'http' | 'tunnel',
    receiver: ResponseReceiver,
  ): ClientExchange => {
    const peer: MeshPeer = { identity: identity(), workload: self.workload, namespace: self.namespace };
    const exchange = new SelfExchange({ ...head, headers: [...head.headers] }, { ...meta, kind }, peer, receiver);
    // As with a real connection, nothing is called back before `open` returned.
    queueMicrotask(() => exchange.begin(() => serve(exchange.server, target)));
    return exchange;
  };
  return {
    open: (head, meta, receiver) => start(head, meta, 'http', receiver),
    tunnel: (meta, receiver) => start(connectHead(meta.destination), meta, 'tunnel', receiver),
  };
}

function connectHead(destination: string): RequestHead {
  return {
    method: 'CONNECT',
    target: destination,
    form: 'authority',
    path: '',
    authority: destination,
    version: 11,
    headers: [],
    spelling: 'lower',
    framing: 'none',
    contentLength: 0,
    upgrade: undefined,
    expectContinue: false,
  };
}

/** One direction: what was written while the reader is paused waits here, and the writer was told to stop. */
class Pipe {
  paused = false;
  over = false;
  readonly #waiting: Buffer[] = [];
  #end: { trailers: HeaderList | undefined } | undefined;
  #blocked = false;
  readonly #deliver: (buffer: Buffer, start: number, end: number) => void;
  readonly #finish: (trailers: HeaderList | undefined) => void;
  readonly #drained: () => void;

  constructor(
    deliver: (buffer: Buffer, start: number, end: number) => void,
    finish: (trailers: HeaderList | undefined) => void,
    drained: () => void,
  ) {
    this.#deliver = deliver;
    this.#finish = finish;
    this.#drained = drained;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.over) return true;
    if (!this.paused && this.#waiting.length === 0) this.#deliver(buffer, start, end);
    else this.#waiting.push(Buffer.from(buffer.subarray(start, end)));
    this.#blocked = this.paused;
    return !this.paused;
  }

  end(trailers: HeaderList | undefined): void {
    if (this.over || this.#end !== undefined) return;
    this.#end = { trailers };
    this.flush();
  }

  resume(): void {
    this.paused = false;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    while (!this.paused && !this.over && this.#waiting.length > 0) {
      const piece = this.#waiting.shift()!;
      this.#deliver(piece, 0, piece.length);
    }
    if (this.paused || this.over || this.#waiting.length > 0) return;
    if (this.#blocked) {
      this.#blocked = false;
      this.#drained();
    }
    if (this.#end === undefined) return;
    this.over = true;
    this.#finish(this.#end.trailers);
  }
}

const NOBODY: RequestReceiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };

/** Both ends of a request that never leaves the process. */
class SelfExchange implements ClientExchange {
  readonly server: MeshServerExchange;
  readonly #caller: ResponseReceiver;
  readonly #request: Pipe;
  readonly #response: Pipe;
  #inside: RequestReceiver = NOBODY;
  #begun = false;
  #failed = false;

  constructor(head: RequestHead, meta: MeshServerExchange['meta'], peer: MeshPeer, caller: ResponseReceiver) {
    this.#caller = caller;
    this.#request = new Pipe(
      (buffer, start, end) => this.#inside.onBody(buffer, start, end),
      (trailers) => this.#inside.onEnd(trailers),
      () => this.#caller.onDrain(),
    );
    this.#response = new Pipe(
      (buffer, start, end) => this.#caller.onBody(buffer, start, end),
      (trailers) => this.#caller.onEnd(trailers),
      () => this.#inside.onDrain(),
    );
    this.#request.paused = true;
    this.server = this.#serverSide(head, meta, peer);
    const open = meta.kind === 'tunnel' || head.upgrade !== undefined || head.method === 'CONNECT';
    if (head.framing === 'none' && !open) this.#request.end(undefined);
  }

  begin(serve: () => void): void {
    if (this.#failed) return;
    this.#begun = true;
    // What came before waits until the inside is ready; it may pause again while it is.
    this.#request.paused = false;
    serve();
    queueMicrotask(() => this.#request.flush());
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.#request.write(buffer, start, end);
  }

  end(trailers?: HeaderList): void {
    this.#request.end(trailers);
  }

  pause(): void {
    this.#response.paused = true;
  }

  resume(): void {
    this.#response.resume();
  }

  abort(): void {
    if (this.#failed) return;
    this.#stop();
    const gone: Failure = { reason: 'client_closed', unprocessed: false, detail: 'the caller in this pod gave up' };
    if (this.#begun) this.#inside.onAbort(gone);
  }

  #stop(): void {
    this.#failed = true;
    this.#request.over = true;
    this.#response.over = true;
  }

  #fail(failure: Failure): void {
    if (this.#failed) return;
    this.#stop();
    queueMicrotask(() => this.#caller.onFailure(failure));
  }

  #respond(head: ResponseHead): void {
    if (this.#failed) return;
    this.#caller.onResponse(head);
    if (head.framing === 'none') this.#response.end(undefined);
  }

  #serverSide(head: RequestHead, meta: MeshServerExchange['meta'], peer: MeshPeer): MeshServerExchange {
    const exchange = this;
    return {
      head,
      meta,
      peer,
      get receiver() {
        return exchange.#inside;
      },
      set receiver(receiver: RequestReceiver) {
        exchange.#inside = receiver;
      },
      pause() {
        exchange.#request.paused = true;
      },
      resume: () => this.#request.resume(),
      inform: (informed) => {
        if (!this.#failed) this.#caller.onInform(informed);
      },
      respond: (response) => this.#respond(response),
      respondUnprocessed: (response) => {
        const reason = response.headers[response.headers.indexOf('x-heddle-reason') + 1];
        const detail = `the own application did not take the request (${reason ?? response.status})`;
        this.#fail({ reason: 'app_connect_failure', unprocessed: true, detail });
      },
      write: (buffer, start, end) => this.#response.write(buffer, start, end),
      end: (trailers) => this.#response.end(trailers),
      abort: (failure) => this.#fail(failure),
    };
  }
}
