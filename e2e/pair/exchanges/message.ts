/** One HTTP/1.1 message as it stood on the wire; latin1. */
export interface Message {
  /** Request line or status line. */
  readonly first: string;
  /** `Name: value`, case and order kept. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

export interface ReadMessage {
  readonly message: Message;
  /** Where it ends. */
  readonly end: number;
}

/** How the body of a message ends, beside what its fields say. */
export type Framing = 'fields' | 'none' | 'close';

/**
 * Reads a message strictly; undefined: more bytes are needed. `closed`: no more bytes come. Throws on what no correct sender writes.
 */
export function readMessage(text: string, at: number, framing: Framing, closed = false): ReadMessage | undefined {
  const headEnd = text.indexOf('\r\n\r\n', at);
  if (headEnd === -1) return undefined;
  const [first = '', ...fields] = text.slice(at, headEnd).split('\r\n');
  const start = headEnd + 4;
  const done = (end: number, body = '', trailers: readonly string[] = []): ReadMessage => ({
    message: { first, fields, body, trailers },
    end,
  });
  if (framing === 'none') return done(start);
  if (framing === 'close') return closed ? done(text.length, text.slice(start)) : undefined;
  const length = fieldOf(fields, 'content-length');
  if (length !== undefined) {
    const end = start + Number(length);
    return text.length < end ? undefined : done(end, text.slice(start, end));
  }
  if (fieldOf(fields, 'transfer-encoding') !== 'chunked') return done(start);
  return readChunks(text, start, done);
}

export function fieldOf(fields: readonly string[], name: string): string | undefined {
  const field = fields.find((one) => one.slice(0, one.indexOf(':')).toLowerCase() === name);
  return field?.slice(field.indexOf(':') + 1).trim();
}

function readChunks(
  text: string,
  start: number,
  done: (end: number, body: string, trailers: readonly string[]) => ReadMessage,
): ReadMessage | undefined {
  let body = '';
  for (let at = start; ; ) {
    const line = text.indexOf('\r\n', at);
    if (line === -1) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!Number.isInteger(size)) throw new Error(`a chunk size ${JSON.stringify(text.slice(at, line))}`);
    if (size === 0) {
      const end = text.indexOf('\r\n\r\n', line);
      if (end === -1) return undefined;
      return done(end + 4, body, end === line ? [] : text.slice(line + 2, end).split('\r\n'));
    }
    const next = line + 2 + size;
    if (text.length < next + 2) return undefined;
    if (text.slice(next, next + 2) !== '\r\n') throw new Error('a chunk without its CRLF');
    body += text.slice(line + 2, next);
    at = next + 2;
  }
}
