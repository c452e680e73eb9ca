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
    if (head.headers[index]!.startsWith(RESERVED_PREFIX)) removeAt(head, index);
  }
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
