import { lineStart, startOf } from './field-names.ts';
import { type HeaderList, headerIndex, type RequestHead, type ResponseHead, type Spelling } from './message.ts';
import { reasonPhrase } from './status.ts';

/**
 * How a head ends on this connection: what stands in the fields that belong to the connection alone.
 * `length: undefined` leaves Content-Length as the header list has it; a number makes it say that; `drop` removes it.
 */
export interface ConnectionFields {
  readonly connection: string | undefined;
  readonly upgrade: string | undefined;
  readonly chunked: boolean;
  readonly length: number | 'drop' | undefined;
}

/** Values are written as they are: whoever makes them (parser, mesh wire, filters) has checked them with `grammar.ts`. */
export function requestHeadText(head: RequestHead, fields: ConnectionFields, host: string): string {
  let text = `${head.method} ${head.target} HTTP/1.1`;
  // RFC 9112, 3.2: Host is required in 1.1; a 1.0 client that sent none meant the authority of its target, else the server that it connected to (7.2 of RFC 9110).
  if (headerIndex(head.headers, 'host') === -1) {
    text += ownLine('host', head.spelling, head.authority === '' ? host : head.authority);
  }
  return fieldLines(text, head.headers, head.spelling, fields.length) + connectionLines(fields, head.spelling);
}

export function responseHeadText(head: ResponseHead, fields: ConnectionFields): string {
  const reason = head.reason === '' ? reasonPhrase(head.status) : head.reason;
  const line = `HTTP/1.1 ${head.status} ${reason}`;
  return fieldLines(line, head.headers, head.spelling, fields.length) + connectionLines(fields, head.spelling);
}

/** What ends a chunked body: the last chunk and its trailers. */
export function trailerText(trailers: HeaderList): string {
  return `${fieldLines('0', trailers, 'lower', undefined)}\r\n\r\n`;
}

/** `line` with the fields behind it; the last one is not ended. */
function fieldLines(
  line: string,
  headers: readonly string[],
  spelling: Spelling,
  length: ConnectionFields['length'],
): string {
  let text = line;
  let written = typeof length !== 'number';
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    let value = headers[index + 1] ?? '';
    if (name === 'content-length' && length !== undefined) {
      if (written) continue;
      written = true;
      value = String(length);
    }
    text += startAt(name, index >> 1, spelling) + value;
  }
  return written ? text : text + ownLine('content-length', spelling, String(length));
}

function startAt(name: string, index: number, spelling: Spelling): string {
  if (typeof spelling === 'string') return lineStart(name, spelling);
  const listed = spelling[index];
  // A list that no longer fits its headers (a filter added one) must not rename a field.
  return listed !== undefined && listed.toLowerCase() === name ? startOf(listed) : lineStart(name, 'title');
}

function connectionLines(fields: ConnectionFields, spelling: Spelling): string {
  let text = '';
  if (fields.chunked) text += ownLine('transfer-encoding', spelling, 'chunked');
  if (fields.upgrade !== undefined) text += ownLine('upgrade', spelling, fields.upgrade);
  if (fields.connection !== undefined) text += ownLine('connection', spelling, fields.connection);
  return `${text}\r\n\r\n`;
}

/** A line that the codec adds itself, its name in the manner of the others. */
function ownLine(name: string, spelling: Spelling, value: string): string {
  return lineStart(name, spelling === 'lower' ? 'lower' : 'title') + value;
}
