import type { HeaderList } from '../http/message.ts';

/** Names that never travel as regular fields: they belong to one connection (RFC 9113 8.2.2), or the wire says them otherwise. */
const NEVER: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
]);
/** RFC 9110 6.5.1: trailers do not frame, route or change how the message is read. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([...NEVER, 'content-length', 'expect', 'te']);

export interface Malformed {
  readonly kind: 'malformed';
  readonly detail: string;
}

export function malformed(detail: string): Malformed {
  return { kind: 'malformed', detail };
}

/** Pseudo-headers and where the regular fields begin. */
export interface SplitFields {
  readonly pseudo: Map<string, string>;
  readonly regular: number;
}

/** Takes the pseudo-headers apart; a text says what is wrong: an unknown, repeated or late one. */
export function splitFields(list: readonly string[], allowed: ReadonlySet<string>): SplitFields | string {
  const pseudo = new Map<string, string>();
  let index = 0;
  for (; index < list.length && list[index]!.charCodeAt(0) === 58; index += 2) {
    const name = list[index]!;
    if (!allowed.has(name)) return `the unknown pseudo-header ${name.slice(0, 40)}`;
    if (pseudo.has(name)) return `${name} twice`;
    pseudo.set(name, list[index + 1]!);
  }
  return { pseudo, regular: index };
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
    if (NEVER.has(name)) return `the field ${name}, which never travels`;
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
    if (NOT_IN_TRAILERS.has(name)) return `the field ${name} in trailers`;
  }
  return undefined;
}

/** Fields of a trailer section that may travel. */
export function trailersToSend(trailers: HeaderList): HeaderList {
  return trailers.filter((_, index) => !NOT_IN_TRAILERS.has(trailers[index & ~1]!));
}

/** A field that must not be sent. */
export function neverTravels(name: string): boolean {
  return NEVER.has(name);
}

/** A decimal number without sign, space or needless zero, at most `most`; else -1. */
export function digits(text: string, most: number): number {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return -1;
  const value = Number(text);
  return value <= most ? value : -1;
}
