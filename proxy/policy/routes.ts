import type { HeaderMatch, PathMatch, Route, RouteMatch } from '../contract/snapshot.ts';
import type { RequestHead } from '../http/message.ts';
import { decisionPath, decodeEscapes } from './path.ts';

/** Routes compiled once per snapshot; a request only walks. */
export interface RouteTable<T> {
  /** The first route that matches, or undefined. */
  find(head: RequestHead): T | undefined;
  /** The first route that matches everything: all that opaque bytes can match. */
  readonly opaque: T | undefined;
}

interface CompiledMatch {
  readonly path: CompiledPath | undefined;
  readonly method: string | undefined;
  readonly headers: readonly HeaderMatch[];
}

/** `prefix` ends with a slash; '' stands for "everything". */
export interface CompiledPath {
  readonly exact: string;
  readonly prefix: string | undefined;
}

/** `PathPrefix` matches whole segments; a trailing slash in the prefix means nothing (Gateway API). Escapes are read as in a request. */
export function compilePath(match: PathMatch): CompiledPath {
  const value = decodeEscapes(match.value);
  if (match.type === 'Exact') return { exact: value, prefix: undefined };
  const bare = value.replace(/\/+$/, '');
  return { exact: bare === '' ? '/' : bare, prefix: `${bare}/` };
}

export function pathMatches(match: CompiledPath, path: string): boolean {
  return path === match.exact || (match.prefix !== undefined && path.startsWith(match.prefix));
}

export function compileRoutes<T>(routes: readonly Route[], make: (route: Route) => T): RouteTable<T> {
  const compiled = routes.map((route) => ({ matches: route.matches.map(compileMatch), value: make(route) }));
  const needsPath = compiled.some((route) => route.matches.some((match) => match.path !== undefined));
  if (compiled.length === 0) return { find: () => undefined, opaque: undefined };
  return {
    opaque: compiled.find((route) => route.matches.length === 0)?.value,
    find(head) {
      const path = needsPath ? decisionPath(head.path).path : '';
      for (const route of compiled) {
        if (route.matches.length === 0) return route.value;
        for (const match of route.matches) {
          if (matches(match, head, path)) return route.value;
        }
      }
      return undefined;
    },
  };
}

function compileMatch(match: RouteMatch): CompiledMatch {
  return {
    path: match.path === undefined ? undefined : compilePath(match.path),
    method: match.method,
    headers: match.headers ?? [],
  };
}

function matches(match: CompiledMatch, head: RequestHead, path: string): boolean {
  if (match.method !== undefined && match.method !== head.method) return false;
  if (match.path !== undefined && !pathMatches(match.path, path)) return false;
  for (const header of match.headers) {
    if (!headerMatches(header, head.headers)) return false;
  }
  return true;
}

function headerMatches(match: HeaderMatch, headers: readonly string[]): boolean {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] !== match.name) continue;
    if (match.type === 'Present' || headers[index + 1] === (match.value ?? '')) return true;
  }
  return false;
}
