import { addressTable } from './decode-configuration.ts';
import { isKey } from './decode-values.ts';
import { type Decoded, type DecodeError, decodeJson, MAX_ERRORS, under } from './decoding.ts';
import { jsonMembers } from './json-members.ts';
import type { AddressTable, Configuration, Key } from './snapshot.ts';

const MOST_CONFIGURATIONS = 10_000;

/**
 * A static configuration, one key at a time: `take` is given each content as soon as it is decoded, and may keep it in another form. So thousands of
 * destinations need no second copy, neither of their JSON values nor of what was decoded. Answers the address table, or every fault; after a fault
 * what was taken must not be used.
 */
export function decodeStaticParts(
  text: string,
  decodeOne: (key: Key, text: string) => Decoded<Configuration>,
  take: (key: Key, content: Configuration) => void,
): Decoded<AddressTable> {
  const errors: DecodeError[] = [];
  const addresses: { value?: AddressTable } = {};
  const seen = new Set<string>();
  const part = (name: string, start: number, end: number): void => {
    if (name === 'addresses') {
      const decoded = decodeJson(addressTable, text.slice(start, end));
      if (decoded.ok) addresses.value = decoded.value;
      else errors.push(...under(name, decoded.errors));
    } else if (name === 'configurations') {
      const keys = new Set<Key>();
      for (const member of members(text, start, end, name, errors)) {
        if (errors.length >= MAX_ERRORS) return;
        const path = `${name}.${member.name.slice(0, 100)}`;
        if (!isKey(member.name)) errors.push({ path, message: 'is not a key' });
        else if (keys.has(member.name)) errors.push({ path, message: 'is there twice' });
        else if (keys.size >= MOST_CONFIGURATIONS)
          errors.push({ path: name, message: `must have at most ${MOST_CONFIGURATIONS} members` });
        else {
          keys.add(member.name);
          const decoded = decodeOne(member.name, text.slice(member.start, member.end));
          if (decoded.ok) take(member.name, decoded.value);
          else errors.push(...under(path, decoded.errors));
        }
      }
    }
  };
  for (const { name, start, end } of members(text, 0, text.length, '', errors)) {
    if (seen.has(name)) errors.push({ path: name.slice(0, 100), message: 'is there twice' });
    else part(name, start, end);
    seen.add(name);
  }
  if (errors.length === 0) {
    for (const name of ['addresses', 'configurations'])
      if (!seen.has(name)) errors.push({ path: name, message: 'is required' });
  }
  if (errors.length > 0 || addresses.value === undefined) return { ok: false, errors: errors.slice(0, MAX_ERRORS) };
  return { ok: true, value: addresses.value };
}

/** What is not JSON ends the list with one fault. */
function* members(
  text: string,
  start: number,
  end: number,
  path: string,
  errors: DecodeError[],
): ReturnType<typeof jsonMembers> {
  try {
    yield* jsonMembers(text, start, end);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    errors.push({ path, message: `not JSON: ${error.message}` });
  }
}
