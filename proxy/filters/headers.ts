import { RESERVED_PREFIX } from '../contract/headers.ts';
import type { HeaderList, Spelling } from '../http/message.ts';

/** What of a head the filters change. With an explicit spelling, names and spelling are changed together. */
export interface HeaderHolder {
  headers: HeaderList;
  spelling: Spelling;
}

/** Removes what only proxies may say (`x-heddle-…`): nobody outside may speak as one. */
export function removeReserved(head: HeaderHolder): void {
  for (let index = head.headers.length - 2; index >= 0; index -= 2) {
    if (isReserved(head.headers[index]!)) removeAt(head, index);
  }
}

/**
 * Whether a (lower-case) name is one that only proxies may say. All punctuation counts as `-`: CGI, WSGI and PHP turn it into `_`, so for an
 * application behind them `x_heddle.peer` is `x-heddle-peer` too.
 */
export function isReserved(name: string): boolean {
  if (name.charCodeAt(0) !== FIRST || name.length < RESERVED_PREFIX.length) return false;
  return (
    name.startsWith(RESERVED_PREFIX) ||
    name.slice(0, RESERVED_PREFIX.length).replace(/[^a-z0-9]/g, '-') === RESERVED_PREFIX
  );
}
const FIRST = RESERVED_PREFIX.charCodeAt(0);

/** A trailer section without what only proxies may say; the same list when there is none of it. */
export function withoutReserved(trailers: HeaderList | undefined): HeaderList | undefined {
  if (trailers === undefined || !trailers.some((name, at) => at % 2 === 0 && isReserved(name))) return trailers;
  return trailers.filter((_, at) => !isReserved(trailers[at - (at % 2)]!));
}

/** Removes every header of that (lower-case) name. */
export function removeHeader(head: HeaderHolder, name: string): void {
  for (let index = head.headers.length - 2; index >= 0; index -= 2) {
    if (head.headers[index] === name) removeAt(head, index);
  }
}

export function addHeader(head: HeaderHolder, name: string, value: string): void {
  head.headers.push(name, value);
  if (typeof head.spelling !== 'string') head.spelling = [...head.spelling, name];
}

function removeAt(head: HeaderHolder, index: number): void {
  head.headers.splice(index, 2);
  if (typeof head.spelling === 'string') return;
  const names = [...head.spelling];
  names.splice(index / 2, 1);
  head.spelling = names;
}
