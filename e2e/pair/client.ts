import type { Socket } from 'node:net';

/** A response as it came over the wire. Names lower-case. */
export interface Answer {
  readonly status: number;
  readonly version: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
  /** Statuses of the 1xx before it. */
  readonly informs: readonly number[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
}

export interface ReadOptions {
  readonly method?: string;
  /** Rejects after this; default 20,000 ms. */
  readonly withinMs?: number;
  /** Waits so long between two reads of at most 16 KiB. */
  readonly slowMs?: number;
}

/** A scripted HTTP/1 client on one connection: writes what it is told, reads answers without any lenience. */
export class RawClient {
  readonly socket: Socket;
  #bytes: Buffer[] = [];
  #size = 0;
  #wake: (() => void) | undefined;
  ended = false;
  closed = false;
  error: string | undefined;
  /** The head of the answer that is read now was seen. */
  began = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece: Buffer) => {
      this.#bytes.push(piece);
      this.#size += piece.length;
      this.#stir();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#stir();
    });
    socket.on('error', (error: Error & { code?: string }) => {
      this.error = error.code;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#stir();
    });
  }

  /** Bytes read and not yet taken. */
  get size(): number {
    return this.#size;
  }

  send(bytes: string | Buffer): boolean {
    return this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Writes with backpressure, in pieces of `piece` bytes; `slowMs` between them. */
  async upload(bytes: Buffer, piece = 65_536, slowMs = 0): Promise<void> {
    for (let at = 0; at < bytes.length; at += piece) {
      if (this.closed) return;
      const more = this.socket.write(bytes.subarray(at, at + piece));
      if (!more) await this.#drained();
      if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
    }
  }

  /** Reads one final response; rejects when the connection ends in the middle of it. */
  async answer(options: ReadOptions = {}): Promise<Answer> {
    const end = performance.now() + (options.withinMs ?? 20_000);
    const informs: number[] = [];
    this.began = false;
    while (true) {
      const head = await this.#head(end);
      const first = head.shift() ?? '';
      const status = Number(first.slice(9, 12));
      if (status >= 100 && status < 200 && status !== 101) {
        informs.push(status);
        continue;
      }
      this.began = true;
      const headers = fieldsOf(head);
      const framing = framingOf(options.method ?? 'GET', status, headers);
      const { body, trailers } = await this.#body(framing, headers, end, options.slowMs ?? 0);
      return { status, version: first.slice(0, 8), headers, body, trailers, informs, framing };
    }
  }

  /** Takes exactly `count` bytes. */
  async take(count: number, end = performance.now() + 20_000): Promise<Buffer> {
    while (this.#size < count) await this.#more(end);
    const all = this.#whole();
    this.#put(all.subarray(count));
    return all.subarray(0, count);
  }

  /** Resolves when the connection is closed, or ended by the peer. */
  async gone(withinMs = 5_000): Promise<void> {
    const end = performance.now() + withinMs;
    while (!this.closed && !this.ended) await this.#wait(end, 'the end of the connection');
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #head(end: number): Promise<string[]> {
    while (true) {
      const all = this.#whole();
      const at = all.indexOf('\r\n\r\n');
      if (at !== -1) {
        this.#put(all.subarray(at + 4));
        return all.toString('latin1', 0, at).split('\r\n');
      }
      this.#put(all);
      await this.#more(end);
    }
  }

  async #body(framing: Answer['framing'], headers: Readonly<Record<string, string>>, end: number, slowMs: number) {
    if (framing === 'none') return { body: Buffer.alloc(0), trailers: {} };
    if (framing === 'chunked') return await this.#chunks(end, slowMs);
    if (framing === 'close') {
      while (!this.ended) await this.#more(end, true);
      return { body: this.#whole(), trailers: {} };
    }
    return { body: await this.#slowly(Number(headers['content-length']), end, slowMs), trailers: {} };
  }

  async #slowly(count: number, end: number, slowMs: number): Promise<Buffer> {
    if (slowMs === 0) return await this.take(count, end);
    const pieces: Buffer[] = [];
    for (let left = count; left > 0; left -= Math.min(left, 16_384)) {
      pieces.push(await this.take(Math.min(left, 16_384), end));
      this.socket.pause();
      await new Promise((resolve) => setTimeout(resolve, slowMs));
      this.socket.resume();
    }
    return Buffer.concat(pieces);
  }

  async #chunks(end: number, slowMs: number) {
    const pieces: Buffer[] = [];
    while (true) {
      const line = await this.#line(end);
      if (!/^[0-9a-f]{1,8}$/.test(line)) throw new Error(`a chunk size ${JSON.stringify(line)}`);
      const size = Number.parseInt(line, 16);
      if (size === 0) break;
      pieces.push(await this.#slowly(size, end, slowMs));
      if ((await this.#line(end)) !== '') throw new Error('a chunk without its CRLF');
    }
    const lines: string[] = [];
    for (let line = await this.#line(end); line !== ''; line = await this.#line(end)) lines.push(line);
    return { body: Buffer.concat(pieces), trailers: fieldsOf(lines) };
  }

  async #line(end: number): Promise<string> {
    while (true) {
      const all = this.#whole();
      const at = all.indexOf('\r\n');
      if (at !== -1) {
        this.#put(all.subarray(at + 2));
        return all.toString('latin1', 0, at);
      }
      this.#put(all);
      await this.#more(end);
    }
  }

  #whole(): Buffer {
    const all = this.#bytes.length === 1 ? this.#bytes[0]! : Buffer.concat(this.#bytes);
    this.#bytes = [];
    this.#size = 0;
    return all;
  }

  #put(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#bytes = [rest];
    this.#size = rest.length;
  }

  async #more(end: number, mayEnd = false): Promise<void> {
    if ((this.ended || this.closed) && !(mayEnd && this.ended)) {
      throw new Error(`the connection ended (${this.error ?? 'FIN'}) within an answer, ${this.#size} bytes held`);
    }
    await this.#wait(end, 'more bytes');
  }

  #wait(end: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`waited too long for ${what}; ${this.#size} bytes held`)),
        Math.max(0, end - performance.now()),
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #stir(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      this.socket.on('drain', done).on('close', done);
    });
  }
}

function fieldsOf(lines: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf(': ');
    const name = line.slice(0, at).toLowerCase();
    fields[name] = Object.hasOwn(fields, name) ? `${fields[name]}, ${line.slice(at + 2)}` : line.slice(at + 2);
  }
  return fields;
}

function framingOf(method: string, status: number, headers: Readonly<Record<string, string>>): Answer['framing'] {
  if (method === 'HEAD' || status === 101 || status === 204 || status === 304) return 'none';
  if (headers['transfer-encoding'] === 'chunked') return 'chunked';
  return headers['content-length'] === undefined ? 'close' : 'length';
}
