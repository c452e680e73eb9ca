import { createServer, type Server, type Socket } from 'node:net';

/** One request as the application read it. `complete`: head and body came whole. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string | undefined;
  readonly bodyBytes: number;
  readonly complete: boolean;
}

export interface RecordingBackend {
  readonly port: number;
  readonly seen: SeenRequest[];
  /** What no application may ever be sent: text that says what was wrong. */
  readonly violations: string[];
  close(): void;
}

/** The one form in which a head may leave a proxy. Independent of the proxy's own grammar on purpose. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21\x22\x24-\x7e\x80-\xff]+) HTTP\/1\.1$/;
const FIELD =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)$/;

/**
 * An application that believes every byte and is strict about each: whatever is not the canonical form of RFC 9112 is a violation. It answers 200
 * with the target as text, 405 to CONNECT.
 */
export async function startRecordingBackend(): Promise<RecordingBackend> {
  const seen: SeenRequest[] = [];
  const violations: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => new Reader(socket, seen, violations));
  const port = await listening(server);
  return { port, seen, violations, close: () => void server.close() };
}

export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

interface Head {
  readonly method: string;
  readonly target: string;
  readonly host: string | undefined;
  readonly length: number | 'chunked';
}

/** Reads one connection. Text is latin1: a character a byte. */
class Reader {
  readonly #socket: Socket;
  readonly #seen: SeenRequest[];
  readonly #violations: string[];
  #text = '';
  #head: Head | undefined;
  #over = false;

  constructor(socket: Socket, seen: SeenRequest[], violations: string[]) {
    this.#socket = socket;
    this.#seen = seen;
    this.#violations = violations;
    socket.on('data', (piece: Buffer) => {
      this.#text += piece.toString('latin1');
      while (!this.#over && this.#step());
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
  }

  #step(): boolean {
    if (this.#head === undefined) {
      const end = this.#text.indexOf('\r\n\r\n');
      if (end === -1) return false;
      this.#head = this.#parse(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 4);
      if (this.#head === undefined) return false;
    }
    const taken = bodyOf(this.#text, this.#head.length);
    if (taken === undefined) return false;
    if (taken === 'broken') {
      this.#violate(`a broken chunked body: ${JSON.stringify(this.#text.slice(0, 80))}`);
      return false;
    }
    this.#text = this.#text.slice(taken.end);
    this.#answer(this.#head, taken.bytes);
    this.#head = undefined;
    return this.#text.length > 0;
  }

  #parse(text: string): Head | undefined {
    const [first = '', ...lines] = text.split('\r\n');
    const line = REQUEST_LINE.exec(first);
    const fields = lines.map((field) => FIELD.exec(field));
    if (line === null || fields.some((field) => field === null)) {
      this.#violate(`a head that is not canonical: ${JSON.stringify(text.slice(0, 300))}`);
      return undefined;
    }
    const values = (name: string): string[] =>
      fields.filter((field) => field![1]!.toLowerCase() === name).map((field) => field![2]!);
    const hosts = values('host');
    const lengths = values('content-length');
    const codings = values('transfer-encoding');
    const framed = lengths.length + codings.length;
    const wrong =
      hosts.length !== 1 ||
      framed > 1 ||
      lengths.some((one) => !/^\d{1,15}$/.test(one)) ||
      codings.some((one) => one !== 'chunked');
    if (wrong) {
      this.#violate(`framing or Host that is not canonical: ${JSON.stringify(text.slice(0, 300))}`);
      return undefined;
    }
    return {
      method: line[1]!,
      target: line[2]!,
      host: hosts[0],
      length: codings.length === 1 ? 'chunked' : Number(lengths[0] ?? 0),
    };
  }

  #answer(head: Head, bodyBytes: number): void {
    const { method, target, host } = head;
    this.#seen.push({ method, target, host, bodyBytes, complete: true });
    const body = method === 'HEAD' ? '' : target;
    const status = method === 'CONNECT' ? '405 Method Not Allowed' : '200 OK';
    this.#socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${target.length}\r\n\r\n${body}`, 'latin1');
  }

  #violate(text: string): void {
    this.#over = true;
    this.#violations.push(text);
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#head === undefined) return;
    const { method, target, host } = this.#head;
    this.#seen.push({ method, target, host, bodyBytes: this.#text.length, complete: false });
  }
}

/** Undefined: more is needed. */
function bodyOf(text: string, length: number | 'chunked'): { end: number; bytes: number } | 'broken' | undefined {
  if (length !== 'chunked') return text.length >= length ? { end: length, bytes: length } : undefined;
  let at = 0;
  let bytes = 0;
  while (true) {
    const line = text.indexOf('\r\n', at);
    if (line === -1) return text.length - at > 20 ? 'broken' : undefined;
    const size = text.slice(at, line);
    if (!/^[0-9a-f]{1,8}$/i.test(size)) return 'broken';
    const count = Number.parseInt(size, 16);
    at = line + 2;
    if (count === 0) return trailersOf(text, at, bytes);
    if (text.length < at + count + 2) return undefined;
    if (text.slice(at + count, at + count + 2) !== '\r\n') return 'broken';
    at += count + 2;
    bytes += count;
  }
}

function trailersOf(text: string, start: number, bytes: number): { end: number; bytes: number } | 'broken' | undefined {
  let at = start;
  while (true) {
    const line = text.indexOf('\r\n', at);
    if (line === -1) return undefined;
    if (line === at) return { end: at + 2, bytes };
    if (!FIELD.test(text.slice(at, line))) return 'broken';
    at = line + 2;
  }
}
