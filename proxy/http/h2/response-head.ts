import type { Framing, ResponseHead } from '../message.ts';
import { isPseudo, pushRegular, readRegular } from './message-fields.ts';

/** What a response answers, as far as it matters for reading it. */
export interface Asked {
  readonly method: string;
}

/** Reads a response's field section (RFC 9113 8.3.2); a text says why it is malformed. `ended`: END_STREAM came with it. */
export function readResponseHead(list: readonly string[], asked: Asked, ended: boolean): ResponseHead | string {
  if (list[0] !== ':status' || !/^[1-9][0-9]{2}$/.test(list[1]!)) return 'a response without a :status of three digits';
  if (list.length > 2 && isPseudo(list[2]!)) return `the pseudo-header ${list[2]!.slice(0, 40)}, which no response has`;
  const status = Number(list[1]);
  const fields = readRegular(list, 2);
  if (typeof fields === 'string') return fields;
  const { headers, length } = fields;
  if (fields.host !== undefined) headers.push('host', fields.host);
  const framing = framingOf(status, asked.method, length, ended);
  if (typeof framing !== 'object') return framing;
  return {
    status,
    reason: '',
    version: 20,
    headers,
    spelling: 'lower',
    framing: framing.kind,
    contentLength: framing.kind === 'length' ? length : 0,
  };
}

function framingOf(status: number, method: string, length: number, ended: boolean): { kind: Framing } | string {
  // 8.6: 101 is not part of HTTP/2. 8.1: an informational response never ends a stream.
  if (status === 101) return 'a 101, which HTTP/2 does not know';
  if (status < 200) return ended ? 'a 1xx that ends the stream' : { kind: 'none' };
  if (method === 'CONNECT' && status < 300) return { kind: 'tunnel' };
  if (hasNoBody(method, status)) return { kind: 'none' };
  // 8.1.1
  if (ended) return length > 0 ? 'END_STREAM before the body that Content-Length says' : { kind: 'none' };
  return { kind: length === -1 ? 'chunked' : 'length' };
}

/** RFC 9110 6.4.1: whatever their fields say. */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** A response as a field section. */
export function writeResponseHead(head: ResponseHead): string[] {
  const list = [':status', String(head.status)];
  pushRegular(list, head.headers);
  return list;
}
