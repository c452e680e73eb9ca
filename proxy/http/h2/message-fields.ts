import { headerIndex } from '../message.ts';

/** Fields of one connection: a message that holds one is malformed (RFC 9113 8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
/** RFC 9110 6.5.1: trailers do not frame, route or change how the message is read. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...CONNECTION_SPECIFIC,
  'content-length',
  'expect',
  'host',
  'te',
]);
const COLON = 58;

export function isPseudo(name: string): boolean {
  return name.charCodeAt(0) === COLON;
}

/** What the regular fields of a head say. */
export interface RegularFields {
  /** Without `host`. */
  readonly headers: string[];
  /** Value of the Host field. */
  readonly host: string | undefined;
  /** Value of Content-Length, -1 without one. */
  readonly length: number;
}

/**
 * Takes the regular fields of a head from `from` on. Bytes of names and values were checked when the block was decoded, their number by the bound of the
 * list. A text says what is wrong.
 */
export function readRegular(list: readonly string[], from: number): RegularFields | string {
  const headers: string[] = [];
  let host: string | undefined;
  let length = -1;
  let cookies = 0;
  for (let index = from; index < list.length; index += 2) {
    const name = list[index]!;
    const value = list[index + 1]!;
    // 8.3: pseudo-headers stand before regular fields
    if (isPseudo(name)) return 'a pseudo-header after a regular field';
    if (CONNECTION_SPECIFIC.has(name)) return `the connection-specific field ${name}`;
    switch (name) {
      case 'te':
        // 8.2.2
        if (value !== 'trailers') return 'a TE field other than trailers';
        break;
      case 'host':
        if (host !== undefined) return 'Host twice';
        host = value;
        continue;
      case 'content-length':
        if (length !== -1) return 'Content-Length twice';
        length = plainNumber(value);
        if (length === -1) return 'a Content-Length that is not a plain number';
        break;
      case 'cookie':
        cookies++;
        break;
    }
    headers.push(name, value);
  }
  return { headers: cookies > 1 ? joinCookies(headers) : headers, host, length };
}

/** RFC 9113 8.2.3: crumbs are one field for everybody who is not HTTP/2: policies and HTTP/1.1 upstreams. */
function joinCookies(headers: readonly string[]): string[] {
  const joined: string[] = [];
  let place = -1;
  const crumbs: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    if (name !== 'cookie') {
      joined.push(name, headers[index + 1]!);
      continue;
    }
    crumbs.push(headers[index + 1]!);
    if (place !== -1) continue;
    place = joined.length + 1;
    joined.push(name, '');
  }
  joined[place] = crumbs.join('; ');
  return joined;
}

/** Checks a request's trailer section; a text says what is wrong. */
export function trailerFault(list: readonly string[]): string | undefined {
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index]!;
    // 8.1: trailers hold no pseudo-header
    if (isPseudo(name)) return 'a pseudo-header in trailers';
    if (NOT_IN_TRAILERS.has(name)) return `the field ${name} in trailers`;
  }
  return undefined;
}

/** The fields of a trailer section that may be sent; the same list when all may. */
export function trailersToSend(trailers: string[]): string[] {
  let clean = true;
  for (let index = 0; index < trailers.length; index += 2) {
    if (NOT_IN_TRAILERS.has(trailers[index]!) || isPseudo(trailers[index]!)) clean = false;
  }
  if (clean) return trailers;
  return trailers.filter((_, index) => {
    const name = trailers[index & ~1]!;
    return !NOT_IN_TRAILERS.has(name) && !isPseudo(name);
  });
}

/** Appends the fields of a head that may travel in HTTP/2; `host` is said by `:authority`. */
export function pushRegular(list: string[], headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    if (name === 'host' || CONNECTION_SPECIFIC.has(name)) continue;
    list.push(name, headers[index + 1]!);
  }
}

/** Up to 15 digits, no sign, no needless zero (RFC 9110 8.6): exact as a number. -1: something else. */
export function plainNumber(text: string): number {
  return /^(?:0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : -1;
}

/** Value of Host in a head's list, '' without one. */
export function hostOf(headers: readonly string[]): string {
  const index = headerIndex(headers, 'host');
  return index === -1 ? '' : headers[index]!;
}
