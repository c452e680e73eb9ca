import type { HeaderList } from '../http/message.ts';

/** RFC 9110 6.5.1: trailers do not frame, route or change how the message is read. */
function notInTrailers(name: string): boolean {
  return name === 'te' || name === 'expect' || name === 'content-length' || neverTravels(name);
}

export interface Malformed {
  readonly kind: 'malformed';
  readonly detail: string;
}

export function malformed(detail: string): Malformed {
  return { kind: 'malformed', detail };
}

/**
 * Copies the regular fields from `from` on into `headers`. Bytes were checked when the block was decoded. Returns the
 * value of Content-Length, -1 without one, or a text that says what is wrong.
 */
export function copyRegular(list: readonly string[], from: number, headers: HeaderList): number | string {
  let length = -1;
  for (let index = from; index < list.length; index += 2) {
    const name = list[index]!;
    const value = list[index + 1]!;
    if (name.charCodeAt(0) === 58) return 'a pseudo-header after a regular field';
    if (neverTravels(name)) return `the field ${name}, which never travels`;
    if (name === 'te' && value !== 'trailers') return 'a TE field other than trailers';
    if (name === 'content-length') {
      if (length !== -1) return 'Content-Length twice';
      length = digits(value, Number.MAX_SAFE_INTEGER);
      if (length === -1) return 'a Content-Length that is not a number';
    }
    headers.push(name, value);
  }
  return length;
}

/** Checks a trailer section; a text says what is wrong. */
export function trailerFault(list: readonly string[]): string | undefined {
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index]!;
    if (name.charCodeAt(0) === 58) return 'a pseudo-header in trailers';
    if (notInTrailers(name)) return `the field ${name} in trailers`;
  }
  return undefined;
}

/** Fields of a trailer section that may travel. */
export function trailersToSend(trailers: HeaderList): HeaderList {
  return trailers.filter((_, index) => !notInTrailers(trailers[index & ~1]!));
}

/**
 * Names that never travel as regular fields: they belong to one connection (RFC 9113 8.2.2), or the wire says them otherwise. By length first: a set
 * has to hash every name that a peer sent.
 */
export function neverTravels(name: string): boolean {
  switch (name.length) {
    case 4:
      return name === 'host';
    case 7:
      return name === 'upgrade';
    case 10:
      return name === 'connection' || name === 'keep-alive';
    case 14:
      return name === 'http2-settings';
    case 16:
      return name === 'proxy-connection';
    case 17:
      return name === 'transfer-encoding';
    default:
      return false;
  }
}

/** A pseudo-header that is none of ours. */
export function unknownPseudo(name: string): string {
  return `the unknown pseudo-header ${name.slice(0, 40)}`;
}

/** 2^53 has 16 digits. */
const MOST_DIGITS = 16;

/** A decimal number without sign, space or needless zero, at most `most`; else -1. */
export function digits(text: string, most: number): number {
  const { length } = text;
  if (length === 0 || length > MOST_DIGITS || (length > 1 && text.charCodeAt(0) === 48)) return -1;
  let value = 0;
  for (let index = 0; index < length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= most ? value : -1;
}
