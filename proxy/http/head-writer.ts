import { titleCase } from './field-names.ts';
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
  let text = `${head.method} ${head.target} HTTP/1.1\r\n`;
  // RFC 9112, 3.2: Host is required in 1.1; a 1.0 client that sent none meant the authority of its target, else the server that it connected to (7.2 of RFC 9110).
  if (headerIndex(head.headers, 'host') === -1) {
    text += `${spell('host', head.spelling)}: ${head.authority === '' ? host : head.authority}\r\n`;
  }
  text += fieldLines(head.headers, head.spelling, fields.length);
  return text + connectionLines(fields, head.spelling);
}

export function responseHeadText(head: ResponseHead, fields: ConnectionFields): string {
  const reason = head.reason === '' ? reasonPhrase(head.status) : head.reason;
  const text = `HTTP/1.1 ${head.status} ${reason}\r\n`;
  return text + fieldLines(head.headers, head.spelling, fields.length) + connectionLines(fields, head.spelling);
}

/** Field lines of a trailer section, without the empty line. */
export function trailerText(trailers: HeaderList): string {
  return fieldLines(trailers, 'lower', undefined);
}

function fieldLines(headers: readonly string[], spelling: Spelling, length: ConnectionFields['length']): string {
  let text = '';
  let written = typeof length !== 'number';
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    let value = headers[index + 1] ?? '';
    if (name === 'content-length' && length !== undefined) {
      if (written) continue;
      written = true;
      value = String(length);
    }
    const writtenName = nameAt(name, index >> 1, spelling);
    text += `${writtenName}: ${value}\r\n`;
  }
  return written ? text : `${text}${spell('content-length', spelling)}: ${length}\r\n`;
}

function nameAt(name: string, index: number, spelling: Spelling): string {
  if (spelling === 'lower') return name;
  if (spelling === 'title') return titleCase(name);
  const listed = spelling[index];
  // A list that no longer fits its headers (a filter added one) must not rename a field.
  return listed !== undefined && listed.toLowerCase() === name ? listed : titleCase(name);
}

function connectionLines(fields: ConnectionFields, spelling: Spelling): string {
  let text = '';
  if (fields.chunked) text += `${spell('transfer-encoding', spelling)}: chunked\r\n`;
  if (fields.upgrade !== undefined) text += `${spell('upgrade', spelling)}: ${fields.upgrade}\r\n`;
  if (fields.connection !== undefined) text += `${spell('connection', spelling)}: ${fields.connection}\r\n`;
  return `${text}\r\n`;
}

/** A name that the codec adds itself, in the manner of the others. */
function spell(name: string, spelling: Spelling): string {
  return spelling === 'lower' ? name : titleCase(name);
}
