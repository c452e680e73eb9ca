/** Reads loosely typed JSON without trust: a member of the wrong type counts as absent. */

export type Json = Readonly<Record<string, unknown>>;

const EMPTY: Json = {};

/** The object at `path` below `value`; empty where there is none. */
export function at(value: unknown, ...path: string[]): Json {
  let current: unknown = value;
  for (const name of path) current = isJson(current) ? current[name] : undefined;
  return isJson(current) ? current : EMPTY;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** The port, if it is one. */
export function portNumber(value: unknown): number | undefined {
  const port = count(value);
  return port !== undefined && port >= 1 && port <= 65_535 ? port : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function texts(value: unknown): string[] {
  return list(value).filter((item) => typeof item === 'string');
}

/** Only its text members. */
export function labels(value: unknown): Readonly<Record<string, string>> {
  const members = Object.entries(at(value)).filter(
    (member): member is [string, string] => typeof member[1] === 'string',
  );
  return Object.fromEntries(members);
}

/** `{ [name]: value }`, or nothing for undefined. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [N in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]?: Value });
}

export const isPresent = <Value>(value: Value | undefined): value is Value => value !== undefined;

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
