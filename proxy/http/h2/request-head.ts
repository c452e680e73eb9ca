import { isHost, isMethod } from '../grammar.ts';
import type { RequestHead } from '../message.ts';
import { ProtocolError } from '../protocol-error.ts';
import { parseTarget } from '../request-target.ts';
import { hostOf, isPseudo, pushRegular, type RegularFields, readRegular } from './message-fields.ts';

/** The pseudo-headers of a request (RFC 9113 8.3.1). */
interface Pseudo {
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  /** Index of the first regular field. */
  regular: number;
}

/**
 * Reads a request's field section (RFC 9113 8.3.1); a text says why it is malformed. `ended`: END_STREAM came with it. What comes out can be
 * written as HTTP/1.1 in one way only.
 */
export function readRequestHead(list: readonly string[], ended: boolean): RequestHead | string {
  const pseudo = readPseudo(list);
  if (typeof pseudo === 'string') return pseudo;
  const { method } = pseudo;
  if (method === undefined || !isMethod(method)) return 'a request without :method, or one that is no token';
  const fields = readRegular(list, pseudo.regular);
  if (typeof fields === 'string') return fields;
  const authority = authorityOf(pseudo.authority, fields.host);
  if (authority === undefined) return 'no :authority, or one that is no host, or one that Host contradicts';
  if (method === 'CONNECT') return connectHead(pseudo, fields, authority, ended);
  return plainHead(method, pseudo, fields, authority, ended);
}

function readPseudo(list: readonly string[]): Pseudo | string {
  const pseudo: Pseudo = { method: undefined, scheme: undefined, authority: undefined, path: undefined, regular: 0 };
  let index = 0;
  for (; index < list.length && isPseudo(list[index]!); index += 2) {
    const value = list[index + 1]!;
    const name = memberOf(list[index]!);
    // 8.3: unknown ones, and those of responses, are errors; so is a repetition
    if (name === undefined) return `the pseudo-header ${list[index]!.slice(0, 40)}, which no request has`;
    if (pseudo[name] !== undefined) return `${list[index]} twice`;
    pseudo[name] = value;
  }
  pseudo.regular = index;
  return pseudo;
}

function memberOf(name: string): 'method' | 'scheme' | 'authority' | 'path' | undefined {
  switch (name) {
    case ':method':
      return 'method';
    case ':scheme':
      return 'scheme';
    case ':authority':
      return 'authority';
    case ':path':
      return 'path';
    default:
      return undefined;
  }
}

/** 8.3.1: `:authority` stands for Host; both must agree, and one of them must be there and name a host (RFC 9110 4.2.1). */
function authorityOf(authority: string | undefined, host: string | undefined): string | undefined {
  const name = authority ?? host;
  if (name === undefined || name === '' || !isHost(name)) return undefined;
  if (host !== undefined && host.toLowerCase() !== name.toLowerCase()) return undefined;
  return name;
}

/** 8.5: no :scheme and no :path; `:authority` is host and port. */
function connectHead(pseudo: Pseudo, fields: RegularFields, authority: string, ended: boolean): RequestHead | string {
  if (pseudo.scheme !== undefined || pseudo.path !== undefined) return 'a CONNECT request with :scheme or :path';
  if (pseudo.authority === undefined || targetOf('CONNECT', authority) === undefined)
    return 'a CONNECT request whose :authority is not host:port';
  if (ended || fields.length !== -1) return 'a CONNECT request with a body or an end';
  return assemble('CONNECT', authority, { form: 'authority', path: '' }, fields, authority, 'none');
}

function plainHead(
  method: string,
  pseudo: Pseudo,
  fields: RegularFields,
  authority: string,
  ended: boolean,
): RequestHead | string {
  const { scheme, path } = pseudo;
  // The application's own TLS never arrives here: `https` is what some clients say through a plain connection all the same.
  if (scheme !== 'http' && scheme !== 'https') return 'a request without :scheme, or one other than http and https';
  if (path === undefined || path === '') return 'a request without :path, or with an empty one';
  const target = targetOf(method, path);
  if (target === undefined || target.form === 'absolute') return 'a :path that is neither a path nor *';
  // 8.1.1
  if (ended && fields.length > 0) return 'END_STREAM before the body that Content-Length says';
  return assemble(method, path, target, fields, authority, framingOf(fields.length, ended));
}

function framingOf(length: number, ended: boolean): RequestHead['framing'] {
  if (ended || length === 0) return 'none';
  return length === -1 ? 'chunked' : 'length';
}

function targetOf(method: string, text: string): Pick<RequestHead, 'form' | 'path'> | undefined {
  try {
    return parseTarget(method, text);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function assemble(
  method: string,
  target: string,
  parts: Pick<RequestHead, 'form' | 'path'>,
  fields: RegularFields,
  authority: string,
  framing: RequestHead['framing'],
): RequestHead {
  const { headers, length } = fields;
  return {
    method,
    target,
    form: parts.form,
    path: parts.path,
    authority,
    version: 20,
    headers: ['host', authority, ...headers],
    spelling: 'lower',
    framing,
    contentLength: framing === 'length' ? length : 0,
    upgrade: undefined,
    // 8.1: a 100 needs no promise here, the client may send its body when it likes.
    expectContinue: false,
  };
}

/** A request as a field section. What asks for an upgrade goes without it: HTTP/2 has none (RFC 9113 8.6), and a server may ignore it (RFC 9110 7.8). */
export function writeRequestHead(head: RequestHead): string[] {
  const host = hostOf(head.headers);
  const list =
    head.method === 'CONNECT'
      ? [':method', 'CONNECT', ':authority', head.target]
      : [':method', head.method, ':scheme', 'http', ':authority', host, ':path', pathOf(head)];
  // An HTTP/1.0 request may have no Host: an empty :authority must not be sent (8.3.1).
  if (head.method !== 'CONNECT' && host === '') list.splice(4, 2);
  pushRegular(list, head.headers);
  return list;
}

/** 8.3.1: the path and query part, or `*`. */
function pathOf(head: RequestHead): string {
  return head.form === 'origin' ? head.target : head.path;
}
