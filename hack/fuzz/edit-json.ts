/** JSON values. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Bytes that one edit takes. */
const EDIT = 4;
/** A value with more places is edited no further: doubled lists of doubled lists would grow without end. */
const MOST_PLACES = 1_000;

interface Place {
  readonly parent: Json[] | { [name: string]: Json };
  readonly step: string | number;
}

/**
 * Reads bytes as edits of a value: four each, two for the place in it (depth first, modulo the number of places), one for what happens, one for the
 * value that is taken. So mutations of bytes are changes of structure, and every input gets past the JSON parser.
 */
export function editJson(start: string, edits: Buffer, values: readonly Json[]): Json {
  const root: Json[] = [JSON.parse(start) as Json];
  for (let at = 0; at + EDIT <= edits.length; at += EDIT) {
    const count = countPlaces(root);
    if (count > MOST_PLACES) break;
    const place = seek(root, { left: edits.readUInt16BE(at) % count });
    if (place === undefined) break;
    change(place, edits[at + 2]!, structuredClone(values[edits[at + 3]! % values.length] ?? null), root);
  }
  return root[0] ?? null;
}

function countPlaces(parent: Place['parent']): number {
  let count = 0;
  for (const step in parent) {
    count++;
    const member = (parent as { [name: string]: Json })[step];
    if (typeof member === 'object' && member !== null) count += countPlaces(member);
  }
  return count;
}

/** The place before which there are `order.left` others. */
function seek(parent: Place['parent'], order: { left: number }): Place | undefined {
  for (const step in parent) {
    if (order.left-- === 0) return { parent, step };
    const member = (parent as { [name: string]: Json })[step];
    const found = typeof member === 'object' && member !== null ? seek(member, order) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberOf({ parent, step }: Place): Json {
  return (parent as { [name: string]: Json })[step] ?? null;
}

/** Own members only: a name such as `__proto__` must not change the object's prototype. */
function put({ parent, step }: Place, value: Json): void {
  Object.defineProperty(parent, step, { value, enumerable: true, writable: true, configurable: true });
}

function change(place: Place, kind: number, taken: Json, root: Json[]): void {
  const member = memberOf(place);
  switch (kind % 6) {
    case 0:
      put(place, taken);
      return;
    case 1:
      if (place.parent === root) return;
      if (Array.isArray(place.parent)) place.parent.splice(Number(place.step), 1);
      else delete place.parent[place.step];
      return;
    case 2:
      if (Array.isArray(member)) put(place, structuredClone([...member, ...member].slice(0, 40)));
      return;
    case 3:
      grow(place, member, taken);
      return;
    case 4:
      put(place, near(member, kind));
      return;
    default:
      put(place, [member]);
  }
}

/** One member more. */
function grow(place: Place, member: Json, taken: Json): void {
  if (Array.isArray(member)) member.push(taken);
  else if (typeof member !== 'object' || member === null) put(place, taken);
  else {
    const name = typeof taken === 'string' ? taken : 'added';
    put({ parent: member, step: name }, structuredClone(Object.values(member)[0] ?? taken));
  }
}

/** A value a little beside. */
function near(value: Json, kind: number): Json {
  const way = Math.floor(kind / 6) % 5;
  if (typeof value === 'number') return [value + 1, value - 1, -value, value + 0.5, value * 65_536][way] ?? 0;
  if (typeof value === 'string') return [`${value}x`, value.slice(1), value.toUpperCase(), `${value}/`, ''][way] ?? '';
  return value;
}
